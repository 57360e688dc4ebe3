/* Followers that join, stall, miss, leave, send messages of their own and run
 * out of memory at random, against what feed.h promises.
 *
 * Some join from a message that was appended before, where the feed keeps them.
 * Every message says what it is, so that each far end can tell which ones are
 * missing, and whether that is told exactly there. WEIR_SEED=n tries another
 * life. */
#include <weir.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_inside.h"
#include "fault.h"
#include "harness.h"

enum {
	N = 5,
	N_STEPS = 30000,
	MAX_MESSAGES = 40000,
	SNDBUF = 4608,
	LARGEST = 40000,
	HIGH = 16384,
	MAX = HIGH + WEIR_READ_SIZE,
	PIECE = 200000,
	KEPT = 60000,
	RECORD = 8,
	SECONDS = 100
};

/* What a message begins with. */
struct head {
	uint32_t kind;
	uint32_t id; /* of a gap: how many are missing */
	uint32_t n;  /* all bytes */
};

enum {
	SHARED = 0x5a5a0001,
	OWN,
	GAP
};

static const struct weir_conn_limits limits = {.low = 2048,
					       .high = HIGH,
					       .max = MAX,
					       .stall_ns = WEIR_NEVER,
					       .linger_ns = WEIR_NEVER,
					       .flags = WEIR_CONN_NO_THROTTLE};

/* A connection and its far end. */
struct member {
	struct weir_conn conn;
	struct weir_fence fence;
	uint32_t fenced_own; /* private messages in front of it */
	bool is_used;
	bool is_following;
	bool is_ending;	 /* finish was called */
	bool is_aborted; /* bytes may be lost */
	int peer;
	/* the shared messages [from, until) are for it; until while following:
	 * those that there are */
	uint32_t from;
	uint32_t until;
	uint64_t n_own_bytes; /* of private messages that it accepted */
	uint32_t n_own;	      /* private messages */
	uint32_t own_after[MAX_MESSAGES / 10]; /* each: shared ones before it */
	/* what came */
	unsigned char *bytes;
	size_t n_bytes;
	uint32_t next;	   /* shared message */
	uint32_t next_own; /* private one */
	uint32_t n_gap;	   /* told to be missing from next on */
	uint64_t n_told;
	uint64_t n_got;
	uint64_t gap_bytes;  /* of notices */
	uint64_t lost_bytes; /* of the messages that were missed */
	uint64_t n_missed;   /* by on_missed */
	uint64_t missed_bytes;
};

static struct weir_loop *loop;
static struct weir_feed feed;
static struct member members[N];
static bool has_faults;
static bool is_kept;
static unsigned step;
/* all shared messages */
static uint32_t n_messages;
static uint32_t sizes[MAX_MESSAGES];
static const struct weir_conn *froms[MAX_MESSAGES];
static uint64_t n_all_missed;
static uint64_t n_all_got;
static uint64_t n_all_late; /* messages before a member joined */

static void want(bool is_true, const char *what)
{
	if (!is_true)
		harness_die("step %u: %s", step, what);
}

static size_t below(size_t n)
{
	return harness_random_below(n);
}

static struct member *member_of(const struct weir_conn *c)
{
	for (int i = 0; i < N; i++)
		if (&members[i].conn == c)
			return &members[i];
	harness_die("no member");
}

/* -- messages -- */

static void write_message(void *to, uint32_t kind, uint32_t id, uint32_t n)
{
	struct head head = {kind, id, n};
	unsigned char *bytes = to;

	memcpy(bytes, &head, sizeof head);
	for (uint32_t i = sizeof head; i < n; i++)
		bytes[i] = (unsigned char)(kind + id * 7 + i);
}

static size_t write_gap(const struct weir_conn *c, uint64_t n,
			char text[WEIR_FEED_GAP_SIZE])
{
	uint32_t size = sizeof(struct head) + (uint32_t)(n % 40);

	(void)c;
	want(n > 0, "a gap of nothing");
	write_message(text, GAP, (uint32_t)n, size);
	return size;
}

static bool is_for(const struct member *m, uint32_t id)
{
	return froms[id] != &m->conn;
}

static uint32_t end_for(const struct member *m)
{
	return m->is_following ? n_messages : m->until;
}

/* Of the messages up to id, as many are missing as it was told. */
static void close_gap(struct member *m, uint32_t id)
{
	for (; m->next < id; m->next++) {
		if (!is_for(m, m->next))
			continue;
		want(m->n_gap > 0, "a message is missing and not told");
		m->n_gap--;
		m->lost_bytes += sizes[m->next];
	}
}

static void take_message(struct member *m, const struct head *head)
{
	if (head->kind == GAP) {
		want(head->id > 0, "told that nothing is missing");
		m->n_gap += head->id;
		m->n_told += head->id;
		m->gap_bytes += head->n;
		/* the missing ones are here */
		while (m->n_gap > 0) {
			want(m->next < end_for(m), "too many are missing");
			close_gap(m, m->next + 1);
		}
		return;
	}
	if (head->kind == OWN) {
		want(head->id == m->next_own++, "a private one is missing");
		want(m->next <= m->own_after[head->id],
		     "a private message is late");
		while (m->next < m->own_after[head->id] && !is_for(m, m->next))
			m->next++;
		want(m->next == m->own_after[head->id],
		     "a private message is early");
		return;
	}
	want(head->kind == SHARED && head->id < n_messages, "rubbish");
	want(head->n == sizes[head->id], "another size");
	want(is_for(m, head->id), "its own message came back");
	close_gap(m, head->id);
	want(m->next == head->id, "out of order, or twice");
	m->next++;
	m->n_got++;
}

static void take(struct member *m, size_t n)
{
	static unsigned char expected[PIECE];
	size_t room = PIECE - m->n_bytes;
	size_t begin = 0;
	struct head head;

	m->n_bytes += harness_drain(m->peer, m->bytes + m->n_bytes,
				    n < room ? n : room);
	while (m->n_bytes - begin >= sizeof head) {
		memcpy(&head, m->bytes + begin, sizeof head);
		want(head.n >= sizeof head && head.n < PIECE, "torn");
		if (m->n_bytes - begin < head.n)
			break;
		write_message(expected, head.kind, head.id, head.n);
		want(memcmp(expected, m->bytes + begin, head.n) == 0,
		     "not what was sent");
		take_message(m, &head);
		begin += head.n;
	}
	m->n_bytes -= begin;
	memmove(m->bytes, m->bytes + begin, m->n_bytes);
}

/* -- the account -- */

static void check(struct member *m)
{
	struct weir_progress now;

	if (!m->is_used || !weir_conn_is_open(&m->conn))
		return;
	weir_conn_check(&m->conn);
	weir_conn_counters(&m->conn, &now);
	want(now.accepted == now.sent + now.queued + now.dropped, "account");
	/* Without memory nothing can be set apart, and more waits until there
	 * is some. */
	want(now.queued <= (has_faults ? 4 * MAX : MAX + WEIR_FEED_GAP_SIZE),
	     "more than max is queued");
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = member_of(c);
	uint64_t n_shared = 0;

	want(m->is_aborted || result->error == -ENOMEM ||
		     result->progress.dropped == m->missed_bytes,
	     "bytes are lost");
	if (!m->is_aborted && result->error == 0) {
		want(result->reason == WEIR_REASON_FINISHED, "reason");
		for (int i = 0; i < 3; i++)
			take(m, PIECE);
		want(m->n_bytes == 0, "the end is torn");
		close_gap(m, m->until);
		want(m->n_gap == 0 && m->next_own == m->n_own,
		     "something is missing in the end");
		want(m->n_missed == m->n_told, "on_missed counts otherwise");
		want(m->missed_bytes == m->lost_bytes, "missed bytes");
		for (uint32_t i = m->from; i < m->until; i++)
			if (is_for(m, i))
				n_shared += sizes[i];
		want(result->progress.accepted ==
			     n_shared + m->n_own_bytes + m->gap_bytes,
		     "accepted is not what was appended");
	}
	n_all_missed += m->n_told;
	n_all_got += m->n_got;
	close(m->peer);
	m->is_used = false;
	/* another one may be here later */
	for (uint32_t i = 0; i < n_messages; i++)
		if (froms[i] == c)
			froms[i] = NULL;
}

static void on_missed(struct weir_conn *c, uint64_t n, uint64_t n_bytes)
{
	struct member *m = member_of(c);

	want(n > 0 && n_bytes > 0, "nothing is missed");
	m->n_missed += n;
	m->missed_bytes += n_bytes;
}

/* All that it had accepted before has left. */
static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	struct member *m = weir_container_of(fence, struct member, fence);

	(void)n_dropped;
	take(m, PIECE);
	want(m->next_own >= m->fenced_own || m->is_aborted || m->conn.error < 0,
	     "a fence is early");
}

static uint32_t some_size(void)
{
	switch (below(12)) {
	case 0:
		return sizeof(struct head) + (uint32_t)below(LARGEST);
	case 1:
		return sizeof(struct head) + (uint32_t)below(5000);
	default:
		return sizeof(struct head) + (uint32_t)below(200);
	}
}

static void do_append(struct member *m, struct weir_conn *from)
{
	uint32_t n = some_size();
	void *room;

	if (n_messages == MAX_MESSAGES)
		return;
	if (weir_feed_is_full(&feed))
		return;
	if (weir_feed_reserve(&feed, n, &room) < 0)
		return;
	write_message(room, SHARED, n_messages, n);
	sizes[n_messages] = n;
	froms[n_messages] = m->is_following ? from : NULL;
	n_messages++;
	weir_feed_commit(&feed, n, from);
}

static void do_send(struct member *m)
{
	static unsigned char bytes[LARGEST + 100];
	uint32_t n = some_size();
	struct weir_buf *buf;
	int error = -ENOMEM;

	if (m->n_own == MAX_MESSAGES / 10)
		return;
	write_message(bytes, OWN, m->n_own, n);
	if (below(3)) {
		error = weir_conn_sendall(&m->conn, bytes, n);
	} else {
		buf = weir_buf_new(n);
		if (buf) {
			memcpy(weir_buf_data(buf), bytes, n);
			error = weir_conn_sendbuf(&m->conn, buf);
		}
		weir_buf_unref(buf);
	}
	if (error < 0)
		return;
	m->own_after[m->n_own++] = end_for(m);
	m->n_own_bytes += n;
	if (!weir_fence_is_open(&m->fence) &&
	    weir_fence_open(&m->fence, &m->conn, on_fence) == 0)
		m->fenced_own = m->n_own;
}

/* What it sends in one callback is gathered. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct member *m = member_of(c);

	(void)data;
	for (int i = 0; i < 4; i++) {
		if (!m->is_following || below(2))
			do_send(m);
		else
			do_append(m, below(2) ? c : NULL);
	}
	return n;
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};
static const struct weir_feed_events feed_events = {.on_missed = on_missed,
						    .write_gap = write_gap};

/* -- what they do -- */

/* The last messages of KEPT bytes are there, and of no more than a chunk, or
 * one message, more. */
static void check_kept(void)
{
	uint64_t oldest = weir_feed_oldest(&feed);
	uint64_t n = 0;
	uint64_t n_most = KEPT + 16384 + LARGEST;

	want(weir_feed_next_message(&feed) == n_messages, "numbers");
	for (uint64_t i = oldest; i < n_messages; i++)
		n += sizes[i] + RECORD;
	want(n <= n_most, "too much is kept");
	want(oldest == 0 || n >= KEPT, "too little is kept");
}

/* Where it begins: mostly with what comes next. */
static uint32_t follow(struct member *m)
{
	uint64_t nth = below(n_messages + 2);
	uint64_t oldest = weir_feed_oldest(&feed);
	int error;

	if (!is_kept || below(2)) {
		error = weir_feed_follow(&feed, &m->conn);
		nth = n_messages;
	} else {
		error = weir_feed_follow_from(&feed, &m->conn, nth);
	}
	m->is_following = error == 0;
	if (nth < oldest)
		nth = oldest;
	if (nth > n_messages)
		nth = n_messages;
	n_all_late += n_messages - nth;
	return (uint32_t)nth;
}

static void do_join(struct member *m)
{
	unsigned char *bytes = m->bytes;
	int fd[2];

	harness_unix_pair(fd, SNDBUF);
	memset(m, 0, sizeof *m);
	m->bytes = bytes;
	if (weir_conn_open(&m->conn, loop, fd[0], &events, &limits) < 0)
		harness_die("a connection does not open");
	m->is_used = true;
	m->peer = fd[1];
	m->from = m->next = follow(m);
	if (!m->is_following) {
		m->is_aborted = true;
		weir_conn_abort(&m->conn, true);
	}
}

static void leave(struct member *m)
{
	if (m->is_following)
		m->until = n_messages;
	m->is_following = false;
}

static void do_end(struct member *m)
{
	leave(m);
	switch (below(4)) {
	case 0:
		m->is_aborted = true;
		weir_conn_abort(&m->conn, below(2));
		break;
	case 1:
		weir_feed_leave(&m->conn);
		break;
	default:
		m->is_ending = true;
		weir_conn_finish(&m->conn);
		shutdown(m->peer, SHUT_WR);
	}
}

static void do_something(void)
{
	struct member *m = &members[below(N)];

	if (!m->is_used) {
		do_join(m);
		return;
	}
	switch (below(28)) {
	case 0:
	case 1:
	case 2:
	case 3:
		weir_loop_turn(loop, 0);
		break;
	case 4:
	case 5:
		take(m, below(3000));
		break;
	case 6:
		take(m, PIECE);
		break;
	case 7:
		if (has_faults)
			fault_result(FAULT_ALLOC, FAULT_ANY_FD, 1 + below(10),
				     -ENOMEM);
		break;
	case 8:
		fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, 1 + below(4),
			      below(100));
		break;
	case 9:
	case 10:
		if (!m->is_ending && !m->is_aborted)
			do_send(m);
		break;
	case 11:
		if (below(20) == 0 && !m->is_aborted)
			do_end(m);
		break;
	case 12:
	case 13:
		/* its far end asks it to do something */
		if (!m->is_ending && !m->is_aborted)
			harness_write(m->peer, "?", 1);
		break;
	default:
		do_append(m, m->is_following && below(2) ? &m->conn : NULL);
	}
}

static void finish_all(void)
{
	fault_clear();
	for (int i = 0; i < N; i++) {
		struct member *m = &members[i];

		if (!m->is_used)
			continue;
		leave(m);
		m->is_ending = true;
		weir_conn_finish(&m->conn);
		shutdown(m->peer, SHUT_WR);
	}
	for (int i = 0; i < 100000; i++) {
		bool is_any_used = false;

		weir_loop_turn(loop, 0);
		for (int k = 0; k < N; k++) {
			is_any_used |= members[k].is_used;
			if (members[k].is_used)
				take(&members[k], PIECE);
		}
		if (!is_any_used)
			return;
	}
	harness_die("they do not end");
}

static void begin(void)
{
	harness_begin();
	if (weir_loop_new(&loop) < 0)
		harness_die("no loop");
	for (int i = 0; i < N; i++)
		members[i].bytes = malloc(PIECE);
}

static void end(void)
{
	for (int i = 0; i < N; i++)
		free(members[i].bytes);
	if (weir_loop_free(loop) < 0)
		harness_die("the loop is not empty");
	harness_end();
}

TestSuite(feed_model, .init = begin, .fini = end, .timeout = SECONDS);

static void live(enum weir_feed_policy policy)
{
	struct weir_loop_stats stats;

	weir_feed_init(&feed, loop, &feed_events, policy);
	if (is_kept)
		weir_feed_keep(&feed, KEPT);
	for (step = 0; step < N_STEPS; step++) {
		do_something();
		for (int i = 0; i < N; i++)
			check(&members[i]);
		if (is_kept && step % 64 == 0)
			check_kept();
	}
	finish_all();
	weir_feed_deinit(&feed);
	weir_loop_stats(loop, &stats);
	cr_assert_eq(stats.n_queue_bytes, 0);
	cr_assert_gt(n_all_missed, 1000);
	cr_assert_gt(n_all_got, 1000);
	cr_assert(!is_kept || n_all_late > 200);
}

Test(feed_model, followers_miss_the_oldest_and_are_told_where)
{
	live(WEIR_FEED_DROP_OLDEST);
}

Test(feed_model, followers_miss_the_oldest_while_memory_fails)
{
	has_faults = true;
	live(WEIR_FEED_DROP_OLDEST);
}

Test(feed_model, followers_miss_the_newest_and_are_told_where)
{
	live(WEIR_FEED_DROP_NEWEST);
}

Test(feed_model, followers_miss_the_newest_while_memory_fails)
{
	has_faults = true;
	live(WEIR_FEED_DROP_NEWEST);
}

Test(feed_model, followers_that_come_late_begin_with_what_is_kept)
{
	is_kept = true;
	live(WEIR_FEED_DROP_OLDEST);
}

Test(feed_model, followers_that_come_late_miss_the_newest)
{
	is_kept = true;
	live(WEIR_FEED_DROP_NEWEST);
}

Test(feed_model, followers_that_come_late_go_on_while_memory_fails)
{
	is_kept = has_faults = true;
	live(WEIR_FEED_DROP_OLDEST);
}
