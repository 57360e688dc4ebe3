/* The stall limit: what the peer's kernel takes is progress, however little;
 * what keeps the loop away is not the peer's fault. In virtual time. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>

static const struct weir_conn_limits ten = {.stall_ns = 10000000000};

TestSuite(conn_stall, .init = conn_begin, .fini = conn_end);

/* From now on nothing moves: it is open just before stall_ns have passed, and
 * closed at the latest a quarter later. */
static void expect_stalled_in(uint64_t stall_ns)
{
	conn_pass(stall_ns - 1);
	expect_open();
	conn_pass(stall_ns / 4 + 1 + ROUNDING_NS);
	expect_end_by(WEIR_REASON_STALLED);
}

Test(conn_stall, ends_a_peer_that_takes_nothing)
{
	open_owing(&ten);
	expect_stalled_in(10 * SECOND);
	cr_assert_eq(p.result.progress.dropped, MUCH - p.result.progress.sent);
	cr_assert_gt(p.result.progress.dropped, 0);
}

/* The turn's clock stands still while a callback takes its time. */
static void be_slow_and_send(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	weir_loop_now(conn_loop);
	fault_time_advance(9 * SECOND);
	conn_probe_sendall(probe, MUCH);
}

Test(conn_stall, is_counted_in_full_after_a_slow_callback)
{
	p.then = be_slow_and_send;
	cr_assert_eq(conn_probe_open(&p, SNDBUF, &ten), 0);
	conn_probe_write(&p, 1);
	conn_turns(1);
	expect_stalled_in(10 * SECOND);
}

Test(conn_stall, is_a_minute_by_default)
{
	open_owing(NULL);
	expect_stalled_in(60 * SECOND);
}

Test(conn_stall, can_be_switched_off)
{
	const struct weir_conn_limits limits = {.stall_ns = WEIR_NEVER};

	open_owing(&limits);
	cr_assert_null(conn_loop->timers);
	conn_pass(1000000 * SECOND);
	expect_open();
}

Test(conn_stall, may_be_very_short_or_very_long)
{
	static const uint64_t limits_ns[] = {
		1, 2, 3, 4, 5, 1000, UINT64_MAX / 1000};
	size_t i;

	for (i = 0; i < sizeof limits_ns / sizeof *limits_ns; i++) {
		const struct weir_conn_limits limits = {.stall_ns =
								limits_ns[i]};

		open_owing(&limits);
		expect_stalled_in(limits_ns[i]);
		conn_close_all();
	}
}

Test(conn_stall, ends_it_by_reset)
{
	conn_probe_open_tcp(&p, SNDBUF, &ten);
	conn_probe_sendall(&p, MUCH);
	conn_await_acks(&p);
	expect_stalled_in(10 * SECOND);
	harness_peer_read(&p.peer, SIZE_MAX);
	cr_assert_eq(p.peer.error, -ECONNRESET);
}

Test(conn_stall, does_not_touch_a_connection_that_owes_nothing)
{
	conn_probe_open(&p, SNDBUF, &ten);
	conn_probe_sendall(&p, 1000);
	conn_turns(2);
	conn_pass(1000 * SECOND);
	expect_open();
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 1000);
}

Test(conn_stall, counts_for_a_short_send_too)
{
	conn_probe_open(&p, SNDBUF, &ten);
	cr_assert_lt(conn_probe_send(&p, MUCH), MUCH);
	conn_turns(1);
	expect_stalled_in(10 * SECOND);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_stall, counts_for_a_short_send_without_memory_too)
{
	conn_probe_open(&p, SNDBUF, &ten);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	cr_assert_lt(conn_probe_send(&p, MUCH), MUCH);
	conn_turns(1);
	fault_clear();
	conn_pass(13 * SECOND);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_STALLED);
}

Test(conn_stall, counts_while_finishing_too)
{
	open_owing(&ten);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(13 * SECOND);
	cr_assert_eq(p.result.reason, WEIR_REASON_STALLED);
}

Test(conn_stall, begins_anew_with_each_byte_that_is_taken)
{
	unsigned i;

	open_owing(&ten);
	for (i = 0; i < 30; i++) {
		conn_pass(9 * SECOND);
		expect_open();
		harness_peer_read(&p.peer, SIZE_MAX);
		conn_turns(2);
	}
	expect_stalled_in(10 * SECOND);
}

static void send_again(struct conn_probe *probe, char call)
{
	if (call == CONN_WRITABLE)
		conn_probe_send(probe, MUCH);
}

/* On TCP too little may be acknowledged for EPOLLOUT to come: it waits for a
 * third of a large buffer. The peer is healthy all the same. (What SIOCOUTQ
 * says is scripted, since acknowledgements take real time.) */
Test(conn_stall, does_not_end_a_peer_that_acknowledges_slowly)
{
	int look;

	p.then = send_again;
	conn_probe_open_tcp(&p, SNDBUF, &ten);
	cr_assert_lt(conn_probe_send(&p, MUCH), MUCH);
	conn_await_acks(&p);
	for (look = 1; look <= 40; look++)
		fault_result(FAULT_UNACKED, FAULT_ANY_FD, (uint64_t)look,
			     3000 - look / 3);
	conn_pass(100 * SECOND);
	expect_open();
	cr_assert_eq(fault_n_pending(), 1);
	fault_clear();
	conn_pass(15 * SECOND);
	expect_end_by(WEIR_REASON_STALLED);
}

/* Our own kernel's buffer grows and takes more: that is not the peer's doing.
 */
Test(conn_stall, is_not_put_off_by_what_our_own_kernel_takes)
{
	const int n_bytes = 200000;
	uint64_t n_sent;

	conn_probe_open_tcp(&p, SNDBUF, &ten);
	conn_probe_sendall(&p, MUCH);
	conn_await_acks(&p);
	n_sent = p.conn.out.sent;
	conn_pass(9 * SECOND);
	setsockopt(weir_conn_fd(&p.conn), SOL_SOCKET, SO_SNDBUF, &n_bytes,
		   sizeof n_bytes);
	conn_pass(SECOND * 35 / 10 + ROUNDING_NS);
	expect_end_by(WEIR_REASON_STALLED);
	cr_assert_gt(p.result.progress.sent, n_sent);
}

/* Away for long, the loop cannot tell what the peer would have taken. */
Test(conn_stall, does_not_charge_the_time_that_the_loop_was_away)
{
	open_owing(&ten);
	conn_pass(2 * SECOND);
	fault_time_advance(1000 * SECOND);
	conn_turns(2);
	expect_open();
	conn_pass(7 * SECOND);
	expect_open();
	conn_pass(3 * SECOND);
	cr_assert_eq(p.result.reason, WEIR_REASON_STALLED);
}

Test(conn_stall, does_not_charge_it_however_often_that_happens)
{
	unsigned i;

	open_owing(&ten);
	for (i = 0; i < 3; i++) {
		fault_time_advance(100 * SECOND);
		conn_turns(2);
		cr_assert(weir_conn_is_open(&p.conn), "absence %u", i);
	}
}

/* Two episodes, with an idle time between: the first does not count. */
Test(conn_stall, of_an_earlier_queue_is_forgotten)
{
	unsigned i;

	conn_probe_open(&p, SNDBUF, &ten);
	for (i = 0; i < 10; i++) {
		conn_probe_sendall(&p, 50000);
		conn_turns(2);
		conn_pass(9 * SECOND);
		expect_open();
		conn_flow(&p);
		conn_pass(harness_random_below(20) * SECOND);
	}
	conn_probe_sendall(&p, 50000);
	conn_turns(2);
	expect_stalled_in(10 * SECOND);
}

/* Whatever the rhythm: never before the limit since the peer last took
 * something, never later than a quarter after it. */
Test(conn_stall, keeps_its_bounds_at_any_rhythm)
{
	uint64_t moved_ns;
	uint64_t late_ns;
	unsigned i;

	for (i = 0; i < 200; i++) {
		open_owing(&ten);
		moved_ns = fault_time_now();
		while (harness_random_below(4) > 0) {
			conn_pass(harness_random_below(10000) * 1000000);
			expect_open();
			moved_ns = fault_time_now();
			harness_peer_read(&p.peer, SIZE_MAX);
			conn_turns(2);
		}
		while (weir_conn_is_open(&p.conn))
			cr_assert_geq(weir_loop_turn(conn_loop, -1), 0);
		late_ns = fault_time_now() - moved_ns;
		cr_assert_geq(late_ns, 10 * SECOND);
		cr_assert_leq(late_ns, 25 * SECOND / 2 + ROUNDING_NS);
		conn_close_all();
	}
}

/* A look tries the kernel, which may have room for less than EPOLLOUT waits
 * for; what it takes then leaves in order with the rest. */
Test(conn_stall, looks_by_trying_to_flush)
{
	uint64_t n_sends;

	open_owing(&ten);
	n_sends = fault_count(FAULT_ANY_SEND);
	conn_pass(9 * SECOND);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), n_sends + 3);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
}
