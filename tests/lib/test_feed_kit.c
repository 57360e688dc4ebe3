/* The members of test_feed.h. */
#include "test_feed.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

struct weir_loop *feed_loop;
struct weir_feed feed;
struct feed_member feed_members[FEED_MAX_MEMBERS];
unsigned feed_n_room;

static size_t n_members;

static struct feed_member *member_of(struct weir_conn *c)
{
	return weir_container_of(c, struct feed_member, conn);
}

/* -- what is called -- */

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)data;
	if (member_of(c)->then)
		member_of(c)->then(member_of(c));
	return n;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	if (above)
		member_of(c)->n_above++;
	else
		member_of(c)->n_below++;
}

static void on_detach(struct weir_conn *c, int fd, const void *data, size_t n)
{
	(void)data;
	(void)n;
	member_of(c)->is_closed = true;
	close(fd);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	member_of(c)->is_closed = true;
	member_of(c)->result = *result;
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_pressure = on_pressure,
					       .on_detach = on_detach,
					       .on_close = on_close};

static void on_missed(struct weir_conn *c, uint64_t n_messages,
		      uint64_t n_bytes)
{
	struct feed_member *m = member_of(c);

	m->n_missed += n_messages;
	m->n_missed_bytes += n_bytes;
	if (m->is_to_abort)
		weir_conn_abort(c, true);
}

static size_t write_gap(const struct weir_conn *c, uint64_t n_messages,
			char text[WEIR_FEED_GAP_SIZE])
{
	(void)c;
	return (size_t)snprintf(text, WEIR_FEED_GAP_SIZE, "<%llu missing>",
				(unsigned long long)n_messages);
}

static void on_room(struct weir_feed *f)
{
	cr_assert_eq(f, &feed);
	feed_n_room++;
}

static const struct weir_feed_events feed_events = {
	.on_missed = on_missed, .write_gap = write_gap, .on_room = on_room};

/* -- coming and going -- */

void feed_begin(void)
{
	harness_begin();
	cr_assert_eq(weir_loop_new(&feed_loop), 0);
	weir_feed_init(&feed, feed_loop, &feed_events, WEIR_FEED_DROP_OLDEST);
}

void feed_policy(enum weir_feed_policy policy)
{
	weir_feed_deinit(&feed);
	weir_feed_init(&feed, feed_loop, &feed_events, policy);
}

void feed_end(void)
{
	for (size_t i = 0; i < n_members; i++) {
		if (!feed_members[i].is_closed)
			weir_conn_abort(&feed_members[i].conn, true);
		close(feed_members[i].peer);
	}
	weir_loop_run(feed_loop);
	weir_feed_deinit(&feed);
	if (weir_loop_free(feed_loop) < 0)
		harness_die("the loop is not empty");
	harness_end();
}

struct feed_member *feed_open(const struct weir_conn_limits *limits)
{
	struct feed_member *m = &feed_members[n_members++];
	int fd[2];

	harness_unix_pair(fd, FEED_SNDBUF);
	m->peer = fd[1];
	cr_assert_eq(
		weir_conn_open(&m->conn, feed_loop, fd[0], &events, limits), 0);
	return m;
}

struct feed_member *feed_join(const struct weir_conn_limits *limits)
{
	struct feed_member *m = feed_open(limits);

	cr_assert_eq(weir_feed_follow(&feed, &m->conn), 0);
	return m;
}

/* -- messages -- */

void feed_say(const char *text)
{
	cr_assert_eq(weir_feed_append(&feed, text, strlen(text), NULL), 0);
}

void feed_fill(char c, size_t n)
{
	void *room;

	cr_assert_eq(weir_feed_reserve(&feed, n, &room), 0);
	memset(room, c, n);
	weir_feed_commit(&feed, n, NULL);
}

void feed_stall(struct feed_member *m)
{
	harness_stuff(weir_conn_fd(&m->conn));
	feed_say(".");
	feed_turns();
	cr_assert(weir_conn_is_full(&m->conn));
}

void feed_turns(void)
{
	harness_turn_until_idle(feed_loop, 10000);
}

size_t feed_drain(struct feed_member *m, char *tail, size_t size)
{
	static char bytes[1048576];
	size_t n_all = 0;
	size_t n;

	do {
		feed_turns();
		n = harness_drain(m->peer, bytes, sizeof bytes);
		n_all += n;
		for (size_t i = n > size - 1 ? n - (size - 1) : 0; i < n; i++) {
			size_t length = strlen(tail);

			if (length == size - 1)
				memmove(tail, tail + 1, length--);
			tail[length] = bytes[i];
			tail[length + 1] = '\0';
		}
	} while (n > 0);
	return n_all;
}

void feed_expect(struct feed_member *m, const char *text)
{
	char tail[256] = "";

	cr_assert_eq(feed_drain(m, tail, sizeof tail), strlen(text), "%s",
		     tail);
	cr_assert_str_eq(tail, text);
}

struct weir_progress feed_progress(const struct feed_member *m)
{
	struct weir_progress now;

	weir_conn_counters(&m->conn, &now);
	cr_assert_eq(now.accepted, now.sent + now.queued + now.dropped);
	return now;
}
