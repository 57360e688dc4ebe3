/* The minimum rate: who moves, but too slowly. In virtual time. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "conn_inside.h"

static const struct weir_conn_limits a_thousand = {.min_rate = RATE};

TestSuite(conn_rate, .init = conn_begin, .fini = conn_end);

/* The peer reads so much in each tenth of a second. */
static void read_for(uint64_t n_seconds, size_t n_bytes)
{
	uint64_t i;

	for (i = 0; i < 10 * n_seconds && weir_conn_is_open(&p.conn); i++) {
		harness_peer_read(&p.peer, n_bytes);
		conn_turns(1);
		conn_pass(SECOND / 10);
	}
}

Test(conn_rate, ends_a_peer_that_reads_a_trickle)
{
	open_owing(&a_thousand);
	read_for(9, 10);
	expect_open();
	read_for(15, 10);
	expect_end_by(WEIR_REASON_TOO_SLOW);
	cr_assert_eq(p.result.progress.dropped, MUCH - p.result.progress.sent);
}

/* One byte a second moves, so it is not stalled; without a rate it may. */
Test(conn_rate, is_not_asked_for_by_default)
{
	open_owing(NULL);
	read_for(100, 100);
	expect_open();
}

Test(conn_rate, leaves_a_peer_that_is_fast_enough_alone)
{
	open_owing(&a_thousand);
	read_for(100, 500);
	expect_open();
	cr_assert(weir_conn_has(&p.conn, WEIR_FACT_OWES));
	read_for(300, 500);
	expect_open();
	cr_assert_eq(p.peer.n_received, MUCH);
}

Test(conn_rate, has_a_window_that_can_be_chosen)
{
	const struct weir_conn_limits limits = {.min_rate = RATE,
						.rate_window_ns = 2 * SECOND};

	open_owing(&limits);
	conn_pass(2 * SECOND - 1);
	expect_open();
	conn_pass(SECOND / 2 + ROUNDING_NS);
	expect_end_by(WEIR_REASON_TOO_SLOW);
}

Test(conn_rate, has_a_window_of_ten_seconds)
{
	open_owing(&a_thousand);
	conn_pass(10 * SECOND - 1);
	expect_open();
	conn_pass(SECOND * 5 / 2 + ROUNDING_NS);
	expect_end_by(WEIR_REASON_TOO_SLOW);
}

Test(conn_rate, ends_it_by_reset)
{
	conn_probe_open_tcp(&p, SNDBUF, &a_thousand);
	conn_probe_sendall(&p, MUCH);
	conn_await_acks(&p);
	conn_pass(13 * SECOND);
	expect_end_by(WEIR_REASON_TOO_SLOW);
	harness_peer_read(&p.peer, SIZE_MAX);
	cr_assert_eq(p.peer.error, -ECONNRESET);
}

/* What SIOCOUTQ says is scripted, since acknowledgements take real time: every
 * look finds so many bytes more acknowledged. */
static void acknowledge(int from, int by)
{
	int look;

	for (look = 1; look <= 40; look++)
		fault_result(FAULT_UNACKED, FAULT_ANY_FD, (uint64_t)look,
			     from - look * by);
}

static void open_tcp_with_room(void)
{
	conn_probe_open_tcp(&p, SNDBUF, &a_thousand);
	fault_result(FAULT_UNACKED, FAULT_ANY_FD, FAULT_ALWAYS, 1000000);
	conn_probe_sendall(&p, MUCH);
	conn_await_acks(&p);
	fault_clear();
}

/* A look is every 2.5 s: 2,400 bytes are too few, 2,600 enough. */
Test(conn_rate, counts_what_a_tcp_peer_acknowledged)
{
	open_tcp_with_room();
	acknowledge(1000000, 2600);
	conn_pass(80 * SECOND);
	expect_open();
	conn_close_all();
	open_tcp_with_room();
	acknowledge(1000000, 2400);
	/* our own kernel may have taken something in the first window */
	conn_pass(23 * SECOND);
	expect_end_by(WEIR_REASON_TOO_SLOW);
}

/* In lumps: nothing for three looks, then much. */
Test(conn_rate, is_judged_over_the_whole_window)
{
	int look;

	open_tcp_with_room();
	for (look = 1; look <= 40; look++)
		fault_result(FAULT_UNACKED, FAULT_ANY_FD, (uint64_t)look,
			     1000000 - look / 4 * 11000);
	conn_pass(80 * SECOND);
	expect_open();
}

/* A little at a time, and all of it is taken: no debt, no rate. */
Test(conn_rate, is_not_asked_of_a_queue_that_drains)
{
	unsigned i;

	conn_probe_open(&p, SNDBUF, &a_thousand);
	for (i = 0; i < 40; i++) {
		while (!weir_conn_has(&p.conn, WEIR_FACT_OWES)) {
			conn_probe_sendall(&p, 100);
			conn_turns(1);
		}
		conn_pass(5 * SECOND);
		expect_open();
		conn_flow(&p);
		conn_probe_sendall(&p, 100);
		conn_turns(1);
	}
}

/* The queue drains and fills again between two looks, for ever. */
Test(conn_rate, begins_anew_when_the_queue_drains_between_looks)
{
	unsigned i;

	conn_probe_open(&p, SNDBUF, &a_thousand);
	for (i = 0; i < 100; i++) {
		fault_at_most(FAULT_SEND, FAULT_ANY_FD, 1, 1);
		fault_next(FAULT_SENDV, -EAGAIN);
		conn_probe_sendall(&p, 10);
		conn_turns(1);
		conn_pass(SECOND);
		fault_clear();
		conn_flow(&p);
		expect_open();
	}
}

/* on_writable is owed, but nothing is queued: the user has sent little and
 * asks for room ever again. */
static void ask_again(struct conn_probe *probe, char call)
{
	if (call == CONN_WRITABLE)
		conn_probe_send(probe, 0);
}

Test(conn_rate, is_not_asked_of_who_only_wants_room)
{
	p.then = ask_again;
	conn_probe_open(&p, SNDBUF, &a_thousand);
	while (conn_probe_send(&p, 10000) > 0)
		conn_turns(1);
	conn_pass(30 * SECOND);
	expect_open();
	conn_pass(50 * SECOND);
	expect_end_by(WEIR_REASON_STALLED);
}

Test(conn_rate, does_not_charge_the_time_that_the_loop_was_away)
{
	unsigned i;

	open_owing(&a_thousand);
	conn_pass(2 * SECOND);
	for (i = 0; i < 2; i++) {
		fault_time_advance(1000 * SECOND);
		conn_turns(2);
		expect_open();
	}
	conn_pass(9 * SECOND);
	expect_end_by(WEIR_REASON_TOO_SLOW);
}

Test(conn_rate, is_beside_the_stall_limit)
{
	const struct weir_conn_limits limits = {.min_rate = RATE,
						.stall_ns = 4 * SECOND};

	open_owing(&limits);
	conn_pass(6 * SECOND);
	expect_end_by(WEIR_REASON_STALLED);
	conn_close_all();
	open_owing(&limits);
	read_for(30, 20);
	cr_assert_neq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
}

static void start_in_real_time(void)
{
	fault_time_real();
	cr_assert_eq(weir_loop_free(conn_loop), 0);
	cr_assert_eq(weir_loop_new(&conn_loop), 0);
}

static void keep_owing(void)
{
	while (weir_outbox_weight(&p.conn.out) < 100000) {
		cr_assert_eq(conn_probe_sendall(&p, MUCH / 2), 0);
		conn_turns(1);
	}
}

/* A reader of 100 KiB/s, ten times as fast, and limits ten times as short:
 * behind a buffer that tunes itself the queue may rest for longer than the
 * limit, but what is acknowledged does not. */
Test(conn_rate, takes_no_healthy_reader_on_tcp_for_stalled)
{
	const struct weir_conn_limits limits = {.stall_ns = SECOND * 8 / 10,
						.min_rate = 100000,
						.rate_window_ns = SECOND};
	uint64_t next_ns;
	uint64_t end_ns;

	start_in_real_time();
	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	keep_owing();
	next_ns = fault_time_now();
	end_ns = next_ns + SECOND * 5 / 2;
	while (fault_time_now() < end_ns) {
		if (fault_time_now() >= next_ns) {
			harness_peer_read(&p.peer, 102400);
			next_ns += SECOND / 10;
		}
		weir_loop_turn(conn_loop, 10000000);
		expect_open();
		keep_owing();
	}
}
