/* broadcast: each line of a client is sent to all other clients of the same
 * endpoint, of any address family and worker, each at its own pace.
 *
 * The clients of a worker follow one feed, whose messages are the lines. A line
 * of another worker comes through the ring. It is published to all at once:
 * while the feed or the ring has no room for it, it is published to none, and
 * its sender is not read. No client waits for a slow subscriber: --slow says
 * what happens to the lines that the subscriber has no room for. Where it
 * missed lines it reads "# missed N".
 *
 * For the same reason a client's own output does not hold its input: two
 * clients that write everything before they read would block each other. A
 * client that never reads is still read from until --stall ends it.
 *
 * A client that ends its side is finished: it still gets what is queued. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "channel.h"
#include "client.h"
#include "log.h"

enum {
	MAX_LINE = 65536 /* including its newline */
};

_Static_assert(MAX_LINE <= (int)RING_MAX_MESSAGE, "a message holds a line");

static const char too_long[] = "# line too long\n";

static const char *const consequences[] = {
	[SLOW_DROP_NEWEST] = "new lines are dropped",
	[SLOW_DROP_OLDEST] = "its oldest lines are dropped",
	[SLOW_DISCONNECT] = "it is disconnected",
};

/* A client's state. */
struct member {
	struct weir_conn *conn;
	uint64_t n_missed;     /* lines, since it last was below low */
	uint64_t n_trimmed;    /* bytes that it missed in all */
	struct weir_list held; /* in held: it has more lines, and is not read */
};

static struct worker *worker_of(const struct weir_conn *c)
{
	return client_endpoint(c)->worker;
}

static enum slow_policy slow_policy_of(const struct weir_conn *c)
{
	return client_endpoint(c)->config->settings.slow;
}

/* -- subscribers that do not keep up -- */

/* Each episode is logged in two lines, at its begin and its end. */
static void count_missed(struct weir_conn *c, uint64_t n_lines)
{
	struct endpoint *endpoint = client_endpoint(c);
	struct member *m = client_state(c);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed == 0)
		log_warn(endpoint->worker, "broadcast %s: no room: %s",
			 client_peer(c, peer), consequences[slow_policy_of(c)]);
	m->n_missed += n_lines;
	endpoint->counters.n_missed += n_lines;
}

static void end_episode(struct weir_conn *c)
{
	struct member *m = client_state(c);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed > 0)
		log_say(worker_of(c), "broadcast %s: lines missed: %llu",
			client_peer(c, peer), (unsigned long long)m->n_missed);
	m->n_missed = 0;
}

static void on_missed(struct weir_conn *c, uint64_t n_lines, uint64_t n_bytes)
{
	struct member *m = client_state(c);

	m->n_trimmed += n_bytes;
	if (slow_policy_of(c) != SLOW_DISCONNECT) {
		count_missed(c, n_lines);
	} else if (m->n_missed == 0) {
		/* for the first line without room */
		count_missed(c, 1);
		weir_conn_abort(c, true);
	}
}

static size_t write_gap(const struct weir_conn *c, uint64_t n_lines, char *text)
{
	(void)c;
	return (size_t)snprintf(text, WEIR_FEED_GAP_SIZE,
				"# missed %" PRIu64 "\n", n_lines);
}

/* -- publishing -- */

/* The size of the line at text; 0: it is incomplete. */
static size_t line_size(const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n < MAX_LINE ? n : MAX_LINE);

	return end ? (size_t)(end + 1 - text) : 0;
}

/* To all others; or, while there is no room in the ring or no memory, to none:
 * false. */
static bool publish(struct channel_worker *ours, struct weir_conn *c,
		    const char *line, size_t n)
{
	void *room;

	if (weir_feed_reserve(&ours->feed, n, &room) < 0)
		return false;
	if (ours->ring && !ring_write(ours->ring, ours->number, line, n))
		return false;
	memcpy(room, line, n);
	weir_feed_commit(&ours->feed, n, c);
	return true;
}

/* Keep the rest of its input until there is room. A full feed has work left,
 * which a server that drains must know of. */
static void hold(struct weir_conn *c)
{
	struct channel_worker *ours = channel_worker(client_endpoint(c));
	struct member *m = client_state(c);

	weir_conn_pause(c);
	weir_list_append(&ours->held, &m->held);
	if (weir_feed_is_full(&ours->feed))
		weir_wakeup_send(&worker_of(c)->wakeup);
}

static void resume_held(struct channel_worker *ours)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&ours->held)))
		weir_conn_resume(
			weir_container_of(link, struct member, held)->conn);
}

static void refuse_line(struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_warn(worker_of(c), "broadcast %s: a line of more than %d bytes",
		 client_peer(c, peer), MAX_LINE);
	/* without room for this the FIN must do */
	(void)weir_conn_sendall(c, too_long, sizeof too_long - 1);
	weir_conn_finish(c);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct channel_worker *ours = channel_worker(client_endpoint(c));
	const char *text = data;
	size_t n_used = 0;
	size_t n_line;

	while ((n_line = line_size(text + n_used, n - n_used)) > 0) {
		if (weir_feed_is_full(&ours->feed) ||
		    !publish(ours, c, text + n_used, n_line)) {
			hold(c);
			return n_used;
		}
		n_used += n_line;
	}
	if (n - n_used >= MAX_LINE)
		refuse_line(c);
	return n_used;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	char peer[PEER_TEXT_SIZE];

	(void)rest;
	if (n > 0)
		log_warn(worker_of(c),
			 "broadcast %s: %zu bytes without an end of line "
			 "not sent",
			 client_peer(c, peer), n);
	weir_conn_finish(c);
}

/* -- reading the ring -- */

/* Append the lines of other workers until the feed is full (or all of them), or
 * there is no memory: then on_room follows. True: there are more by now. */
static bool read_ring(struct channel_worker *ours, bool reads_all)
{
	struct ring_view view = ring_open(ours->ring, ours->number);
	struct ring_message message;
	bool is_stopped = false;
	uint64_t at = view.at;
	void *room;

	while (!is_stopped && ring_next(&view, &message)) {
		is_stopped =
			(!reads_all && weir_feed_is_full(&ours->feed)) ||
			weir_feed_reserve(&ours->feed, message.n, &room) < 0;
		if (is_stopped) {
			view.at = at;
			break;
		}
		ring_copy(&view, &message, room);
		weir_feed_commit(&ours->feed, message.n, NULL);
		at = view.at;
	}
	return ring_close(&view) && !is_stopped;
}

static void read_on(struct channel_worker *ours)
{
	while (ours->ring && read_ring(ours, false))
		;
	resume_held(ours);
}

static void on_room(struct weir_feed *feed)
{
	read_on(weir_container_of(feed, struct channel_worker, feed));
}

static void on_wakeup(struct endpoint *endpoint)
{
	read_on(channel_worker(endpoint));
}

static const struct weir_feed_events feed_events = {
	.on_missed = on_missed, .write_gap = write_gap, .on_room = on_room};

/* -- opening and closing -- */

static int open_channel(struct endpoint *endpoint)
{
	return channel_open(endpoint, &feed_events);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct member *m = client_state(c);

	m->conn = c;
	if (weir_feed_follow(&channel_worker(endpoint)->feed, c) < 0)
		weir_conn_abort(c, true);
}

static void on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		end_episode(c);
}

/* No worker reads from its publishers any more, so the ring holds the last
 * messages. Without memory for them they are lost. */
static void on_drain(struct weir_conn *c)
{
	struct channel_worker *ours = channel_worker(client_endpoint(c));

	while (ours->ring && read_ring(ours, true))
		;
	weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = client_state(c);

	(void)result;
	end_episode(c);
	weir_list_remove(&m->held);
}

static uint64_t n_trimmed(const struct weir_conn *c)
{
	const struct member *m = client_state(c);

	return m->n_trimmed;
}

const struct service broadcast_service = {
	.name = "broadcast",
	.address = "127.0.0.1:7011",
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_pressure = on_pressure,
		   .on_close = client_on_close},
	.flags = WEIR_CONN_NO_THROTTLE,
	.state_size = sizeof(struct member),
	.shared_memory = RING_SIZE,
	.open = open_channel,
	.close = channel_close,
	.on_open = on_open,
	.on_close = on_close,
	.on_wakeup = on_wakeup,
	.on_drain = on_drain,
	.n_trimmed = n_trimmed,
};
