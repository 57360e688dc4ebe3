/* The progress record: every counter, exactly, in scripted lives. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/ioctl.h>

#include "fault.h"
#include "harness_conn.h"

static const uint64_t SECOND = 1000000000;

TestSuite(conn_progress, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

static void next_send_takes(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
}

static void expect_counts(unsigned shorts, unsigned blocks, unsigned arms)
{
	struct weir_progress is = conn_probe_progress(&p);

	cr_assert_eq(is.n_short_sends, shorts, "%u", is.n_short_sends);
	cr_assert_eq(is.n_would_blocks, blocks, "%u", is.n_would_blocks);
	cr_assert_eq(is.n_arms, arms, "%u", is.n_arms);
}

Test(conn_progress, begins_with_nothing)
{
	struct weir_progress is;

	conn_probe_open(&p, 0, NULL);
	is = conn_probe_progress(&p);
	cr_assert_eq(is.received + is.unread + is.accepted + is.sent, 0);
	cr_assert_eq(is.queued + is.dropped + is.queue_peak, 0);
	cr_assert_eq(is.stalled_ns + is.oldest_age_ns, 0);
	cr_assert_eq(is.kernel_unsent, -1);
	cr_assert_eq(is.kernel_unacked, -1);
	expect_counts(0, 0, 0);
}

Test(conn_progress, counts_short_sends_and_those_of_nothing)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(1);
	conn_probe_send(&p, 10);
	expect_counts(1, 0, 0);
	conn_turns(2);
	expect_counts(1, 0, 1);
	next_send_takes(0);
	conn_probe_sendall(&p, 10000);
	expect_counts(2, 1, 1);
	/* the queue is no second offer while the kernel is full */
	conn_probe_sendall(&p, 10);
	conn_probe_send(&p, 10);
	expect_counts(2, 1, 1);
	conn_turns(1);
	expect_counts(2, 1, 2);
	next_send_takes(10009);
	conn_turns(1);
	expect_counts(3, 1, 2);
	conn_turns(2);
	expect_counts(3, 1, 2);
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
}

Test(conn_progress, counts_gathered_bytes_as_queued)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, 100);
	cr_assert_eq(conn_probe_progress(&p).queued, 100);
	cr_assert_eq(conn_probe_progress(&p).accepted, 100);
	cr_assert_eq(conn_probe_progress(&p).sent, 0);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
	cr_assert_eq(conn_probe_progress(&p).sent, 100);
}

static void send_small_and_large(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	conn_probe_sendall(probe, 100);
	conn_probe_sendall(probe, 200);
	cr_assert_eq(conn_probe_progress(probe).queued, 300);
	cr_assert_eq(conn_probe_progress(probe).sent, 0);
	conn_probe_sendall(probe, 10000);
	cr_assert_eq(conn_probe_progress(probe).queued, 0);
}

Test(conn_progress, has_no_queue_peak_when_the_kernel_takes_all)
{
	p.then = send_small_and_large;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	conn_turns(1);
	conn_probe_sendall(&p, 10000);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).queue_peak, 0);
}

Test(conn_progress, keeps_the_peak_of_the_queue)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(1000);
	conn_probe_sendall(&p, 10000);
	cr_assert_eq(conn_probe_progress(&p).queue_peak, 9000);
	conn_probe_sendbuf(&p, 10);
	cr_assert_eq(conn_probe_progress(&p).queue_peak, 9010);
	conn_turns(3);
	next_send_takes(0);
	conn_probe_sendall(&p, 5000);
	conn_turns(3);
	cr_assert_eq(conn_probe_progress(&p).queue_peak, 9010);
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
}

Test(conn_progress, sums_the_time_that_the_kernel_was_full)
{
	conn_probe_open(&p, 4608, NULL);
	conn_probe_sendall(&p, 50000);
	conn_turns(1);
	conn_pass(3 * SECOND);
	cr_assert_eq(conn_probe_progress(&p).stalled_ns, 3 * SECOND);
	conn_pass(2 * SECOND + 7);
	conn_flow(&p);
	cr_assert_eq(conn_probe_progress(&p).stalled_ns, 5 * SECOND + 7);
	conn_pass(100 * SECOND);
	cr_assert_eq(conn_probe_progress(&p).stalled_ns, 5 * SECOND + 7);
	conn_probe_send(&p, 50000);
	conn_turns(1);
	conn_pass(SECOND);
	cr_assert_eq(conn_probe_progress(&p).stalled_ns, 6 * SECOND + 7);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_eq(p.result.progress.stalled_ns, 6 * SECOND + 7);
}

/* A look of the stall limit on the way does not change the sum. */
Test(conn_progress, sums_it_across_the_looks_of_the_stall_limit)
{
	conn_probe_open(&p, 4608, NULL);
	conn_probe_sendall(&p, 50000);
	conn_turns(1);
	conn_pass(50 * SECOND);
	cr_assert_eq(conn_probe_progress(&p).stalled_ns, 50 * SECOND);
}

Test(conn_progress, knows_the_age_of_the_oldest_byte)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(0);
	conn_probe_sendbuf(&p, 100);
	fault_time_advance(3 * SECOND);
	conn_probe_sendbuf(&p, 100);
	fault_time_advance(2 * SECOND);
	cr_assert_eq(conn_probe_progress(&p).oldest_age_ns, 5 * SECOND);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).oldest_age_ns, 5 * SECOND);
	next_send_takes(99);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).oldest_age_ns, 5 * SECOND);
	next_send_takes(1);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).oldest_age_ns, 2 * SECOND);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).oldest_age_ns, 0);
}

/* Between turns, when nothing is on its way any more: what the kernel took is
 * with the peer's kernel, or not acknowledged. */
Test(conn_progress, knows_the_kernels_share_on_tcp)
{
	struct weir_progress is;
	int n_there = 0;

	conn_probe_open_tcp(&p, 4608, NULL);
	cr_assert_eq(conn_probe_progress(&p).kernel_unacked, 0);
	cr_assert_eq(conn_probe_progress(&p).kernel_unsent, 0);
	conn_probe_sendall(&p, 900000);
	conn_await_acks(&p);
	is = conn_probe_progress(&p);
	ioctl(p.peer.fd, FIONREAD, &n_there);
	cr_assert_gt(is.queued, 0);
	cr_assert_eq(is.sent, (uint64_t)n_there + (uint64_t)is.kernel_unacked);
	cr_assert(is.kernel_unsent >= 0 &&
		  is.kernel_unsent <= is.kernel_unacked);
}

/* Our FIN, which the kernel counts, is no byte. */
Test(conn_progress, does_not_count_the_fin)
{
	struct weir_progress before;
	struct weir_progress after;

	conn_probe_open_tcp(&p, 4608, NULL);
	while (conn_probe_send(&p, 100000) > 0)
		conn_await_acks(&p);
	before = conn_probe_progress(&p);
	cr_assert_gt(before.kernel_unsent, 0);
	weir_conn_shutdown(&p.conn);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 1);
	after = conn_probe_progress(&p);
	cr_assert_eq(after.kernel_unacked, before.kernel_unacked);
	cr_assert_eq(after.kernel_unsent, before.kernel_unsent);
}

Test(conn_progress, says_unknown_when_the_kernel_does_not_know)
{
	conn_probe_open_tcp(&p, 0, NULL);
	fault_next(FAULT_UNSENT, -ENOTTY);
	fault_next(FAULT_UNACKED, -EINVAL);
	cr_assert_eq(conn_probe_progress(&p).kernel_unsent, -1);
	fault_next(FAULT_UNACKED, -EINVAL);
	cr_assert_eq(conn_probe_progress(&p).kernel_unacked, -1);
	cr_assert_eq(conn_probe_progress(&p).kernel_unacked, 0);
}

Test(conn_progress, of_the_result_is_the_last_state)
{
	conn_probe_open(&p, 0, NULL);
	p.take = 10;
	conn_probe_write(&p, 100);
	conn_turns(1);
	next_send_takes(1000);
	conn_probe_sendall(&p, 10000);
	conn_probe_write(&p, 1000);
	weir_conn_pause(&p.conn);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_eq(p.result.progress.received, 100);
	cr_assert_eq(p.result.progress.unread, 1090);
	cr_assert_eq(p.result.progress.accepted, 10000);
	cr_assert_eq(p.result.progress.sent, 1000);
	cr_assert_eq(p.result.progress.dropped, 9000);
	cr_assert_eq(p.result.progress.queued, 0);
	cr_assert_eq(p.result.progress.queue_peak, 9000);
	cr_assert_eq(p.result.progress.n_short_sends, 1);
	cr_assert_eq(p.result.progress.oldest_age_ns, 0);
}

Test(conn_progress, of_the_result_knows_the_kernels_share)
{
	conn_probe_open_tcp(&p, 4608, NULL);
	conn_probe_sendall(&p, 900000);
	harness_turn_until_idle(conn_loop, 1000);
	weir_conn_abort(&p.conn, true);
	conn_turns(1);
	cr_assert_gt(p.result.progress.kernel_unacked, 0);
}

Test(conn_progress, asks_no_kernel_about_a_closed_connection)
{
	struct weir_progress progress;

	conn_probe_open_tcp(&p, 0, NULL);
	conn_probe_sendall(&p, 100);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	fault_reset();
	weir_conn_progress(&p.conn, &progress);
	cr_assert_eq(progress.kernel_unacked, -1);
	cr_assert_eq(progress.kernel_unsent, -1);
	cr_assert_eq(fault_count_kernel(), 0);
}

Test(conn_progress, of_the_loop_counts_what_the_queues_hold)
{
	struct weir_loop_stats stats;

	conn_probe_open(&p, 4608, NULL);
	weir_loop_stats(conn_loop, &stats);
	cr_assert_eq(stats.n_queue_bytes, 0);
	conn_probe_sendall(&p, 500000);
	weir_loop_stats(conn_loop, &stats);
	cr_assert_geq(stats.n_queue_bytes, conn_probe_progress(&p).queued);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	weir_loop_stats(conn_loop, &stats);
	cr_assert_eq(stats.n_queue_bytes, 0);
}
