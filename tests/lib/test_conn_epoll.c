/* What a connection asks of epoll and of the timers: EPOLLOUT if and only if
 * something waits for it, and nothing at all for an echo (law 3). */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	MANY = 10000
};

static const uint64_t SECOND = 1000000000;

TestSuite(conn_epoll, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe q;

static void next_send_takes(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
}

static void echo_many(void)
{
	unsigned i;

	fault_reset();
	for (i = 0; i < MANY; i++) {
		conn_probe_write(&p, 64);
		conn_turns(1);
		cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 64);
		cr_assert_null(conn_loop->timers);
	}
	cr_assert_eq(fault_count(FAULT_RECV), MANY);
	cr_assert_eq(fault_count(FAULT_SEND), MANY);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), MANY);
	cr_assert_eq(fault_count_kernel(), 3 * MANY);
	cr_assert_eq(fault_count(FAULT_ALLOC), 0);
}

Test(conn_epoll, ten_thousand_echoes_cost_no_epoll_ctl_and_no_timer)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	conn_flow(&p);
	echo_many();
}

Test(conn_epoll, nor_do_they_with_every_limit_in_force)
{
	const struct weir_conn_limits limits = {.stall_ns = SECOND,
						.linger_ns = SECOND};

	p.is_echo = true;
	conn_probe_open(&p, 0, &limits);
	conn_probe_write(&p, 1);
	conn_flow(&p);
	echo_many();
}

/* After it once owed bytes too: the timer that was armed goes off, and is
 * not armed again. */
Test(conn_epoll, nor_do_they_after_a_stall_that_is_over)
{
	const struct weir_conn_limits limits = {.stall_ns = 8 * SECOND};

	p.is_echo = true;
	conn_probe_open(&p, 0, &limits);
	conn_probe_write(&p, 10);
	conn_flow(&p);
	next_send_takes(1);
	conn_probe_write(&p, 5000);
	conn_flow(&p);
	cr_assert_eq(conn_probe_progress(&p).n_arms, 1);
	cr_assert_not_null(conn_loop->timers);
	conn_pass(60 * SECOND);
	cr_assert_null(conn_loop->timers);
	echo_many();
}

Test(conn_epoll, idle_connections_have_no_timer)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_null(conn_loop->timers);
	cr_assert_eq(fault_count(FAULT_TIMERFD_SET), 0);
}

Test(conn_epoll, opening_adds_and_closing_removes)
{
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(fault_count(FAULT_EPOLL_ADD), 1);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 1);
	conn_turns(3);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_EPOLL_DEL), 1);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 2);
}

Test(conn_epoll, a_queue_arms_once_and_disarms_once)
{
	conn_probe_open(&p, 4608, NULL);
	fault_reset();
	conn_probe_sendall(&p, 100000);
	conn_turns(1);
	cr_assert(conn_probe_is_armed(&p));
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 0);
	conn_flow(&p);
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(p.peer.n_received, 100000);
	cr_assert_eq(fault_count(FAULT_EPOLL_MOD), 2);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 2);
	cr_assert_eq(conn_probe_progress(&p).n_arms, 1);
}

/* Whenever a wait begins: armed if and only if it owes bytes or on_writable. */
static void expect_armed_rightly(unsigned turns)
{
	const unsigned waits = WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM;

	while (turns-- > 0) {
		conn_turns(1);
		cr_assert_eq(conn_probe_is_armed(&p),
			     weir_conn_has(&p.conn, waits));
		cr_assert_eq(weir_conn_has(&p.conn, WEIR_FACT_OWES),
			     conn_probe_progress(&p).queued > 0);
	}
}

Test(conn_epoll, is_armed_for_every_way_to_owe)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(5);
	conn_probe_sendall(&p, 10);
	expect_armed_rightly(3);
	next_send_takes(5);
	conn_probe_sendall(&p, 10000);
	expect_armed_rightly(3);
	next_send_takes(5);
	conn_probe_sendbuf(&p, 10);
	expect_armed_rightly(3);
	next_send_takes(5);
	conn_probe_send(&p, 10);
	expect_armed_rightly(3);
	cr_assert_eq(conn_probe_progress(&p).n_arms, 4);
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10025);
}

/* Trap 1 of the field: what is armed in a callback stays armed behind it. */
static void send_short(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	next_send_takes(1);
	conn_probe_sendall(probe, 10000);
}

Test(conn_epoll, is_armed_for_what_a_callback_leaves)
{
	p.then = send_short;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert(conn_probe_is_armed(&p));
	conn_turns(1);
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10000);
}

static void pause_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_pause(&probe->other->conn);
}

static struct weir_timer timer;

static void resume_p(struct weir_timer *t)
{
	(void)t;
	weir_conn_resume(&p.conn);
}

Test(conn_epoll, what_is_undone_within_a_turn_costs_nothing)
{
	q.then = pause_other;
	q.other = &p;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&q, 0, NULL);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 1, resume_p);
	conn_turns(1);
	conn_probe_write(&q, 1);
	fault_time_advance(1);
	fault_reset();
	conn_turns(1);
	cr_assert(weir_conn_is_at_ease(&p.conn));
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 0);
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d");
}

Test(conn_epoll, a_paused_connection_that_owes_nothing_leaves)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	fault_reset();
	conn_turns(2);
	cr_assert_eq(fault_count(FAULT_EPOLL_DEL), 1);
	conn_probe_hang_up(&p);
	harness_turn_until_idle(conn_loop, 1);
	weir_conn_pause(&p.conn);
	weir_conn_resume(&p.conn);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_EPOLL_ADD), 1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "e");
}

Test(conn_epoll, a_paused_connection_that_owes_stays)
{
	conn_probe_open(&p, 4608, NULL);
	weir_conn_pause(&p.conn);
	conn_probe_sendall(&p, 50000);
	conn_probe_write(&p, 10);
	conn_turns(2);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 50000);
	cr_assert_eq(p.n_of[CONN_DATA], 0);
	cr_assert_eq(p.conn.watch.committed, 0);
}

Test(conn_epoll, that_cannot_take_it_back_fails_the_connection)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	fault_next(FAULT_EPOLL_ADD, -ENOSPC);
	weir_conn_resume(&p.conn);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
	cr_assert_eq(p.result.error, -ENOSPC);
}

Test(conn_epoll, that_cannot_change_its_interest_fails_the_connection)
{
	conn_probe_open(&p, 4608, NULL);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	conn_probe_sendall(&p, 50000);
	conn_turns(1);
	conn_probe_write(&p, 10);
	conn_turns(4);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
	cr_assert_eq(p.result.error, -ENOMEM);
	cr_assert_eq(p.n_taken, 10);
}

static void send_by_p(struct weir_timer *t)
{
	(void)t;
	cr_assert_eq(conn_probe_send(&p, 10), 10);
}

/* A short sendfile may be the file's end, so the kernel is not full: a send
 * from elsewhere may find that it takes the rest. */
Test(conn_epoll, is_not_armed_when_a_send_from_elsewhere_empties_the_queue)
{
	conn_probe_open(&p, 0, NULL);
	fault_at_most(FAULT_SENDFILE, FAULT_ANY_FD, 1, 10);
	conn_probe_sendall(&p, 10);
	sendfile_next(&p, 20000);
	conn_probe_sendall(&p, 10);
	conn_turns(1);
	cr_assert(conn_probe_is_armed(&p));
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 1, send_by_p);
	fault_time_advance(1);
	conn_turns(1);
	cr_assert_eq(conn_probe_progress(&p).sent, 20030);
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 20030);
}

/* 16 MiB to a slow reader: as few calls as the kernel's buffer asks for. */
Test(conn_epoll, a_bulk_to_a_slow_reader_wastes_no_call)
{
	const struct weir_conn_limits limits = {.max = 20000000};
	struct weir_progress progress;

	conn_probe_open(&p, 0, &limits);
	fault_reset();
	cr_assert_eq(conn_probe_sendall(&p, 16777216), 0);
	conn_flow(&p);
	progress = conn_probe_progress(&p);
	cr_assert_eq(progress.sent, 16777216);
	/* each but the last filled the kernel, and none found it full */
	cr_assert_eq(fault_count(FAULT_ANY_SEND), progress.n_short_sends + 1);
	cr_assert_eq(progress.n_would_blocks, 0);
	cr_assert_eq(fault_count(FAULT_EPOLL_MOD), 2);
}
