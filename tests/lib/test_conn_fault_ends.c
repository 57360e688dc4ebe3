/* What fails beside the bytes: the calls of a close, looking at the peer, and
 * waiting; and errors that meet another end. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_fault_ends, .init = conn_begin, .fini = conn_end);

enum {
	SOME = 100,
	MUCH = 100000,
	SNDBUF = 4608,
	SECOND_NS = 1000000000
};

static const struct weir_conn_limits hasty = {.stall_ns = SECOND_NS};

static struct conn_probe *const p = &fault_probe;
static struct conn_probe q;

/* -- close -- */

static int abort_it(void)
{
	conn_probe_open(p, 0, NULL);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	conn_turns(1);
	conn_probe_write(p, SOME);
	conn_fault_here();
	weir_conn_abort(&p->conn, true);
	return 0;
}

/* Linux has let go of the descriptor whatever close(2) says. */
Test(conn_fault_ends, close_that_fails)
{
	static const struct fault_row rows[] = {
		{-EIO, 0, "c", ABORTED, SOME, 0, SOME},
		{-EINTR, 0, "c", ABORTED, SOME, 0, SOME},
		{-ENOSPC, 0, "c", ABORTED, SOME, 0, SOME},
		{0}};

	conn_fault_run(abort_it, FAULT_CLOSE, rows);
}

Test(conn_fault_ends, epoll_del_at_close)
{
	static const struct fault_row rows[] = {
		{-ENOENT, 0, "c", ABORTED, SOME, 0, SOME},
		{-ENOMEM, 0, "c", ABORTED, SOME, 0, SOME},
		{0}};

	conn_fault_run(abort_it, FAULT_EPOLL_DEL, rows);
}

Test(conn_fault_ends, so_linger_for_a_reset)
{
	static const struct fault_row rows[] = {
		{-EINVAL, 0, "c", ABORTED, SOME, 0, SOME},
		{-ENOBUFS, 0, "c", ABORTED, SOME, 0, SOME},
		{0}};

	conn_fault_run(abort_it, FAULT_RESET_ON_CLOSE, rows);
}

/* Then the kernel's share of the unread bytes is not known. */
Test(conn_fault_ends, siocinq_at_close)
{
	static const struct fault_row rows[] = {
		{-EINVAL, 0, "c", ABORTED, SOME, 0, 0},
		{-ENOBUFS, 0, "c", ABORTED, SOME, 0, 0},
		{0}};

	conn_fault_run(abort_it, FAULT_UNREAD, rows);
}

/* -- figures -- */

Test(conn_fault_ends, siocoutq_that_fails_leaves_the_figures_unknown)
{
	struct weir_progress is;

	conn_probe_open_tcp(p, 0, NULL);
	fault_next(FAULT_UNACKED, -EINVAL);
	fault_next(FAULT_UNSENT, -ENOTTY);
	is = conn_probe_progress(p);
	cr_expect_eq(is.kernel_unacked, -1);
	cr_expect_eq(is.kernel_unsent, -1);
	is = conn_probe_progress(p);
	cr_expect_eq(is.kernel_unacked, 0);
	cr_expect_eq(is.kernel_unsent, 0);
}

/* The peer reads nothing: after a second and at most a quarter it ends. */
static void stall(void)
{
	uint64_t begin_ns = fault_time_now();

	conn_probe_open(p, SNDBUF, &hasty);
	cr_expect_eq(conn_probe_sendall(p, MUCH), 0);
	while (p->n_of[(int)CONN_CLOSED] == 0 &&
	       fault_time_now() < begin_ns + 4 * (uint64_t)SECOND_NS)
		conn_pass(SECOND_NS / 8);
	cr_expect_eq(p->result.reason, WEIR_REASON_STALLED);
	cr_expect_geq(fault_time_now() - begin_ns, SECOND_NS);
	cr_expect_leq(fault_time_now() - begin_ns,
		      SECOND_NS / 4 * 5 + SECOND_NS / 8);
	conn_close_all();
}

Test(conn_fault_ends, siocoutq_that_fails_does_not_put_off_the_stall_limit)
{
	fault_result(FAULT_UNACKED, FAULT_ANY_FD, FAULT_ALWAYS, -EINVAL);
	stall();
}

/* Time-outs by the wait take over. */
Test(conn_fault_ends, timerfd_that_fails_does_not_put_off_the_stall_limit)
{
	fault_result(FAULT_TIMERFD_SET, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	stall();
}

/* -- waiting -- */

static int signal_comes(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SOME);
	conn_fault_here();
	return conn_probe_sendall(p, SOME);
}

/* A signal ends the wait: sys.h reports it as nothing being ready. */
Test(conn_fault_ends, epoll_wait_that_is_interrupted)
{
	static const struct fault_row rows[] = {
		{0, 0, "d", GOES_ON, SOME, 0, 0}, {0}};

	conn_fault_run(signal_comes, FAULT_EPOLL_WAIT, rows);
}

/* -- two ends at once: the first one counts -- */

static void abort_the_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_abort(&probe->other->conn, false);
}

Test(conn_fault_ends, refused_interest_and_an_abort_in_one_turn)
{
	conn_probe_open(p, 0, NULL);
	q.other = p;
	q.then = abort_the_other;
	conn_probe_open(&q, 0, NULL);
	fault_next(FAULT_SENDV, -EAGAIN);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	conn_turns(1);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	conn_probe_write(&q, 1);
	conn_turns(2);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect_str_eq(p->calls, "c");
	cr_expect_eq(p->result.reason, WEIR_REASON_ABORTED);
	cr_expect_eq(p->result.progress.dropped, SOME);
}

/* The last try before the judgement finds that it was reset long ago. */
Test(conn_fault_ends, an_error_found_at_the_stall_limit_is_the_reason)
{
	conn_probe_open(p, SNDBUF, &hasty);
	cr_expect_eq(conn_probe_sendall(p, MUCH), 0);
	cr_expect_eq(conn_probe_send(p, SOME), 0);
	conn_pass(SECOND_NS / 8 * 7);
	fault_next(FAULT_SENDV, -ECONNRESET);
	conn_pass(SECOND_NS);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect_str_eq(p->calls, "c");
	cr_expect_eq(p->result.reason, WEIR_REASON_RESET);
	cr_expect_eq(p->result.error, -ECONNRESET);
}

static void abort_above(struct conn_probe *probe, char call)
{
	if (call == CONN_ABOVE)
		weir_conn_abort(&probe->conn, false);
}

static void fail_above(struct conn_probe *probe, char call)
{
	if (call == CONN_ABOVE) {
		fault_next(FAULT_ANY_SEND, -ECONNRESET);
		weir_conn_finish(&probe->conn);
	}
}

/* Its queue is empty after that, and nobody is told so. */
Test(conn_fault_ends, nothing_but_on_close_follows_an_end_in_on_pressure)
{
	p->then = abort_above;
	conn_probe_open(p, 0, NULL);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_expect_eq(conn_probe_sendall(p, MUCH), -ENOMEM);
	conn_pass(SECOND_NS);
	cr_expect_str_eq(p->calls, "+c");
	cr_expect_eq(p->result.reason, WEIR_REASON_ABORTED);
	conn_close_all();

	p->then = fail_above;
	conn_probe_open(p, SNDBUF, NULL);
	cr_expect_eq(conn_probe_sendall(p, 5 * MUCH), 0);
	conn_turns(1);
	harness_peer_read(&p->peer, SIZE_MAX);
	conn_flow(p);
	cr_expect_str_eq(p->calls, "+c");
	cr_expect_eq(p->result.reason, WEIR_REASON_RESET);
}

/* A finish is no leave to forget what was found out before; but it wants no
 * more input. */
Test(conn_fault_ends, a_finish_after_an_error_keeps_the_error)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SOME);
	fault_next(FAULT_SEND, -ETIMEDOUT);
	cr_expect_eq(conn_probe_send(p, SOME), -ETIMEDOUT);
	weir_conn_finish(&p->conn);
	cr_expect_eq(conn_probe_sendall(p, SOME), -ETIMEDOUT);
	conn_turns(3);
	cr_expect_str_eq(p->calls, "c");
	cr_expect_eq(p->result.reason, WEIR_REASON_ERROR);
	cr_expect_eq(p->result.error, -ETIMEDOUT);
	cr_expect_eq(p->result.progress.unread, SOME);
}
