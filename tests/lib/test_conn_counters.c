/* Looking at a connection without a system call, and whether it is stalled at
 * this moment. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>

TestSuite(conn_counters, .init = conn_begin, .fini = conn_end);

static struct weir_progress counters(void)
{
	struct weir_progress is;

	weir_conn_counters(&p.conn, &is);
	return is;
}

/* The same record but for the kernel's share. */
static void expect_progress_but_for_the_kernel(void)
{
	struct weir_progress is = counters();
	struct weir_progress all = conn_probe_progress(&p);

	cr_expect_eq(is.kernel_unsent, -1);
	cr_expect_eq(is.kernel_unacked, -1);
	cr_expect_geq(all.kernel_unsent, 0);
	cr_expect_eq(is.received, all.received);
	cr_expect_eq(is.unread, all.unread);
	cr_expect_eq(is.accepted, all.accepted);
	cr_expect_eq(is.sent, all.sent);
	cr_expect_eq(is.queued, all.queued);
	cr_expect_eq(is.n_short_sends, all.n_short_sends);
	cr_expect_eq(is.n_arms, all.n_arms);
	cr_expect_eq(is.queue_peak, all.queue_peak);
	cr_expect_eq(is.stalled_ns, all.stalled_ns);
	cr_expect_eq(is.full_ns, all.full_ns);
	cr_expect_eq(is.oldest_age_ns, all.oldest_age_ns);
}

Test(conn_counters, are_the_progress_but_for_the_kernels_share)
{
	conn_probe_open_tcp(&p, SNDBUF, NULL);
	expect_progress_but_for_the_kernel();
	p.take = 10;
	conn_probe_write(&p, 100);
	conn_probe_sendall(&p, MUCH);
	harness_turn_until_idle(conn_loop, 1000);
	conn_pass(3 * SECOND);
	expect_progress_but_for_the_kernel();
	cr_expect_gt(counters().queued, 0);
	cr_expect_eq(counters().received, 100);
	cr_expect_eq(counters().unread, 90);
}

Test(conn_counters, make_no_system_call)
{
	conn_probe_open_tcp(&p, SNDBUF, NULL);
	conn_probe_sendall(&p, MUCH);
	harness_turn_until_idle(conn_loop, 1000);
	fault_reset();
	counters();
	weir_conn_is_full(&p.conn);
	cr_expect_eq(fault_count_kernel(), 0);
}

static void read_the_clock_once(struct conn_probe *probe, char call)
{
	int i;

	(void)probe;
	if (call != CONN_DATA)
		return;
	fault_reset();
	for (i = 0; i < 100; i++)
		counters();
	cr_expect_leq(fault_count(FAULT_NOW), 1);
}

/* As a scrape does that is served from a callback. */
Test(conn_counters, of_many_read_the_clock_once_a_turn)
{
	p.then = read_the_clock_once;
	conn_probe_open(&p, SNDBUF, NULL);
	conn_probe_sendall(&p, MUCH);
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_expect_eq(p.n_of[CONN_DATA], 1);
}

/* -- full -- */

Test(conn_counters, know_since_when_the_kernel_is_full)
{
	conn_probe_open(&p, SNDBUF, NULL);
	cr_expect_not(weir_conn_is_full(&p.conn));
	cr_expect_eq(counters().full_ns, 0);
	conn_probe_sendall(&p, MUCH);
	cr_expect(weir_conn_is_full(&p.conn));
	conn_turns(1);
	conn_pass(3 * SECOND);
	cr_expect_eq(counters().full_ns, 3 * SECOND);
	cr_expect_eq(counters().stalled_ns, 3 * SECOND);
	conn_flow(&p);
	cr_expect_not(weir_conn_is_full(&p.conn));
	cr_expect_eq(counters().full_ns, 0);
	cr_expect_eq(counters().stalled_ns, 3 * SECOND);
}

Test(conn_counters, begin_anew_with_what_the_peer_takes)
{
	open_owing(NULL);
	conn_pass(3 * SECOND);
	harness_peer_read(&p.peer, SIZE_MAX);
	conn_turns(2);
	cr_expect(weir_conn_is_full(&p.conn));
	conn_pass(2 * SECOND);
	cr_expect_eq(counters().full_ns, 2 * SECOND);
	cr_expect_eq(counters().stalled_ns, 5 * SECOND);
}

/* Each look of the stall limit offers the queue to the kernel. */
Test(conn_counters, are_not_disturbed_by_the_looks_of_the_stall_limit)
{
	uint64_t n_sends;

	open_owing(NULL);
	n_sends = fault_count(FAULT_ANY_SEND);
	conn_pass(50 * SECOND);
	cr_expect_eq(fault_count(FAULT_ANY_SEND), n_sends + 3);
	cr_expect_eq(counters().full_ns, 50 * SECOND);
	cr_expect_eq(counters().stalled_ns, 50 * SECOND);
}

/* The peer has read a little: room, but less than EPOLLOUT waits for. */
Test(conn_counters, begin_anew_with_a_look_that_moves_something)
{
	uint64_t n_sent;

	conn_probe_open(&p, 65536, NULL);
	conn_probe_sendall(&p, MUCH);
	conn_turns(1);
	conn_pass(14 * SECOND);
	n_sent = counters().sent;
	harness_peer_read(&p.peer, 40000);
	conn_turns(2);
	cr_assert_eq(counters().sent, n_sent, "EPOLLOUT came");
	cr_expect_eq(counters().full_ns, 14 * SECOND);
	conn_pass(2 * SECOND);
	cr_assert_gt(counters().sent, n_sent, "the look did not move it");
	cr_expect(weir_conn_is_full(&p.conn));
	cr_expect_gt(counters().full_ns, 0);
	cr_expect_leq(counters().full_ns, SECOND);
	cr_expect_eq(counters().stalled_ns, 16 * SECOND);
}

Test(conn_counters, are_there_for_a_short_send_too)
{
	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_lt(conn_probe_send(&p, MUCH), MUCH);
	cr_expect(weir_conn_is_full(&p.conn));
	conn_turns(1);
	conn_pass(4 * SECOND);
	cr_expect_eq(counters().full_ns, 4 * SECOND);
}

static void expect_closed(struct conn_probe *probe, char call)
{
	if (call == CONN_CLOSED)
		cr_expect_not(weir_conn_is_full(&probe->conn));
}

Test(conn_counters, of_a_connection_that_ended_are_not_full)
{
	p.then = expect_closed;
	open_owing(NULL);
	conn_pass(3 * SECOND);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_expect_eq(p.n_of[CONN_CLOSED], 1);
	cr_expect_eq(p.result.progress.full_ns, 0);
	cr_expect_eq(p.result.progress.stalled_ns, 3 * SECOND);
	cr_expect_not(weir_conn_is_full(&p.conn));
}

/* -- the loop's -- */

Test(conn_counters, of_the_loop_keep_the_peak_and_know_the_budget)
{
	struct weir_loop_stats peak;
	struct weir_loop_stats after;

	weir_loop_budget(conn_loop, 64 << 20, 48 << 20);
	conn_probe_open(&p, SNDBUF, NULL);
	conn_probe_sendall(&p, MUCH);
	weir_loop_stats(conn_loop, &peak);
	cr_expect_geq(peak.n_queue_bytes_peak, peak.n_queue_bytes);
	conn_flow(&p);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	weir_loop_stats(conn_loop, &after);
	cr_expect_eq(after.n_queue_bytes, 0);
	cr_expect_eq(after.n_queue_bytes_peak, peak.n_queue_bytes_peak);
	cr_expect_eq(after.budget_high, 64 << 20);
	cr_expect_eq(after.budget_low, 48 << 20);
}
