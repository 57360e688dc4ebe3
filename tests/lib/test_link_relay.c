/* Relays: what one connection receives another sends, with nothing between the
 * two but a link. All bytes, in order, in bounded memory, whatever fails. */
#include <weir/link.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(link_relay, .init = conn_begin, .fini = conn_end);

enum {
	SNDBUF = 4608,
	MANY_TURNS = 100000
};

static struct conn_probe left, right;
static struct weir_link there, back;
static size_t n_peak; /* the most that either owed */
static struct weir_conn_events events;

static struct conn_probe *probe_of(struct weir_conn *c)
{
	return weir_container_of(c, struct conn_probe, conn);
}

/* The whole of a relay. Both streams are of one pattern. */
static size_t pass_on(struct weir_conn *c, const void *data, size_t n)
{
	struct conn_probe *p = probe_of(c);
	struct conn_probe *to = p->other;

	p->n_of[(int)CONN_DATA]++;
	harness_check(data, n, p->peer.seed, p->n_taken);
	if (weir_conn_sendall(&to->conn, data, n) != 0)
		return 0;
	if (n_peak < conn_probe_progress(to).queued)
		n_peak = conn_probe_progress(to).queued;
	p->n_taken += n;
	to->n_accepted += n;
	return n;
}

static void pass_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct conn_probe *p = probe_of(c);

	(void)rest;
	p->n_taken += n;
	p->n_of[(int)CONN_AT_END]++;
	weir_conn_shutdown(&p->other->conn);
	if (p->other->n_of[(int)CONN_AT_END] == 0)
		return;
	weir_conn_finish(&p->other->conn);
	weir_conn_finish(c);
}

/* One gone, the other has said all that it is going to say. */
static void pass_close(struct conn_probe *p, char call)
{
	if (call == CONN_CLOSED && weir_conn_is_open(&p->other->conn))
		weir_conn_finish(&p->other->conn);
}

static int open_one(struct conn_probe *p, struct conn_probe *to,
		    const struct weir_conn_limits *limits)
{
	p->other = to;
	p->events = &events;
	p->then = pass_close;
	return conn_probe_open(p, SNDBUF, limits);
}

static void open_relay(const struct weir_conn_limits *limits)
{
	events = conn_probe_events;
	events.on_data = pass_on;
	events.on_end = pass_end;
	n_peak = 0;
	cr_assert_eq(open_one(&left, &right, limits), 0);
	cr_assert_eq(open_one(&right, &left, limits), 0);
	right.peer.seed = left.peer.seed;
	weir_link_open(&there, &left.conn, &right.conn);
	weir_link_open(&back, &right.conn, &left.conn);
}

/* The peer of p writes up to n bytes, as far as there is room for certain. */
static void say(struct conn_probe *p, size_t n, size_t n_all)
{
	if (p->n_written + n > n_all)
		n = n_all - (size_t)p->n_written;
	if (weir_conn_is_open(&p->conn) &&
	    p->n_written - p->conn.received + n < 100000)
		conn_probe_write(p, n);
}

static void relay_both(size_t n_all, size_t n_reads)
{
	unsigned n_turns = 0;

	while (left.peer.n_received < n_all || right.peer.n_received < n_all) {
		cr_assert_lt(n_turns++, MANY_TURNS, "it hangs");
		say(&left, 50000, n_all);
		say(&right, 3000, n_all);
		conn_turns(1);
		harness_peer_read(&right.peer, n_reads);
		harness_peer_read(&left.peer, 20000);
	}
}

static void check_memory(const struct weir_conn_limits *limits)
{
	/* the throttle and the link come behind one read of each */
	cr_assert_leq(n_peak, limits->high + WEIR_READ_SIZE);
	cr_assert_geq(n_peak, limits->high);
}

Test(link_relay, passes_megabytes_in_the_memory_of_the_marks)
{
	const struct weir_conn_limits limits = {.low = 20000, .high = 80000};
	static const size_t speeds[] = {1000, 5000, 60000};
	size_t i;

	for (i = 0; i < sizeof speeds / sizeof *speeds; i++) {
		open_relay(&limits);
		relay_both(1500000, speeds[i]);
		check_memory(&limits);
		cr_assert_eq(left.n_of[(int)CONN_CLOSED], 0);
		conn_close_all();
	}
}

/* With no more room than has to be, the sink refuses now and then. */
Test(link_relay, loses_nothing_to_refusals)
{
	const struct weir_conn_limits limits = {
		.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};

	open_relay(&limits);
	relay_both(1500000, 5000);
}

/* The input limit is for on_data that will not; this one may not. */
Test(link_relay, refused_a_full_read_is_not_closed_for_its_input)
{
	const struct weir_conn_limits limits = {.low = 1,
						.high = WEIR_READ_SIZE,
						.max = 2 * WEIR_READ_SIZE,
						.input = 1000};

	static unsigned char all[10000];
	unsigned n_turns;

	open_relay(&limits);
	while (conn_probe_sendall(&right, 1000) == 0)
		continue;
	cr_assert_eq(conn_probe_sendall(&right, 1), 0);
	while (conn_probe_sendall(&right, 1) == 0)
		continue;
	conn_probe_write(&left, 5000);
	conn_turns(4);
	cr_assert(weir_conn_is_open(&left.conn));
	for (n_turns = 0; left.n_taken < 5000; n_turns++) {
		cr_assert_lt(n_turns, MANY_TURNS, "it hangs");
		harness_drain(right.peer.fd, all, sizeof all);
		conn_turns(1);
	}
}

Test(link_relay, without_memory_offers_again)
{
	open_relay(NULL);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	conn_probe_write(&left, 5000);
	conn_turns(1);
	/* what it cannot pass on it cannot keep either */
	cr_assert_eq(left.n_taken, 0);
	fault_clear();
	conn_flow(&right);
	cr_assert(!weir_conn_is_open(&left.conn) || left.n_taken == 5000);
}

/* -- with each call failing -- */

enum {
	ALL = 150000
};

static void drive(void)
{
	unsigned n_turns = 0;
	bool has_ended = false;
	bool has_answered = false;

	while (weir_conn_is_open(&left.conn) ||
	       weir_conn_is_open(&right.conn)) {
		cr_assert_lt(n_turns++, MANY_TURNS, "it hangs");
		say(&left, 20000, ALL);
		if (!has_answered)
			say(&right, 500, ALL / 10);
		if (!has_ended && left.n_written == ALL)
			conn_probe_write_end(&left);
		has_ended = left.n_written == ALL;
		if (weir_loop_turn(conn_loop, 5000000) < 0)
			cr_assert_fail("a turn failed");
		harness_peer_read(&right.peer, 7000);
		harness_peer_read(&left.peer, 100);
		if (right.peer.has_ended && !has_answered)
			conn_probe_write_end(&right);
		has_answered = right.peer.has_ended;
	}
	harness_peer_read(&right.peer, SIZE_MAX);
	harness_peer_read(&left.peer, SIZE_MAX);
}

static bool run(uint64_t k)
{
	const struct weir_conn_limits limits = {
		.low = 5000, .high = 10000, .linger_ns = 1000000000};
	bool was_hit;

	open_relay(&limits);
	fault_fail_call(k);
	drive();
	was_hit = fault_hit() != FAULT_NONE;
	cr_expect_eq(left.peer.n_received, left.result.progress.sent);
	cr_expect_eq(right.peer.n_received, right.result.progress.sent);
	cr_expect_null(there.source);
	cr_expect_null(back.source);
	if (left.result.error == 0 && right.result.error == 0)
		cr_expect_eq(right.peer.n_received, ALL,
			     "call %llu, a %s: %s, %s", (unsigned long long)k,
			     fault_call_name(fault_hit()),
			     weir_reason_name(left.result.reason),
			     weir_reason_name(right.result.reason));
	conn_end();
	conn_begin();
	return was_hit;
}

Test(link_relay, ends_well_whatever_fails)
{
	uint64_t k = 1;

	while (run(k))
		k++;
	cr_expect_gt(k, 30);
}

/* A source with as much input kept as may be, which its sink has just refused,
 * would be closed for it. */
static void link_after_a_refusal(struct conn_probe *p, char call)
{
	if (call != CONN_DATA || weir_link_is_open(&there))
		return;
	cr_assert_eq(conn_probe_sendall(p->other, WEIR_READ_SIZE), 0);
	cr_assert_eq(conn_probe_sendall(p->other, WEIR_READ_SIZE), -ENOBUFS);
	weir_link_open(&there, &p->conn, &p->other->conn);
	p->take = 0;
}

Test(link_relay, one_that_is_linked_when_it_is_refused_is_held_at_once)
{
	const struct weir_conn_limits small = {
		.high = 1, .max = 1 + WEIR_READ_SIZE, .input = 100};

	left.other = &right;
	left.then = link_after_a_refusal;
	cr_assert_eq(conn_probe_open(&left, 0, &small), 0);
	cr_assert_eq(conn_probe_open(&right, SNDBUF, &small), 0);
	conn_probe_send(&right, 100000);
	conn_probe_write(&left, 100);
	conn_turns(2);
	cr_assert_str_eq(left.calls, "d");
	left.take = SIZE_MAX;
	conn_flow(&right);
	cr_assert_str_eq(left.calls, "dd");
	cr_assert_eq(left.n_taken, 100);
}
