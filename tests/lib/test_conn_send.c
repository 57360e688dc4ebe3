/* weir_conn_send: one attempt, which never queues and never overtakes; and
 * on_writable, which follows it. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SNDBUF = 4608,
	MUCH = 1000000 /* more than a kernel with SNDBUF takes */
};

TestSuite(conn_send, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe q;
static struct weir_timer timer;

/* What then() sends, and what came of it. */
static struct {
	size_t n_first;	 /* by sendall, before */
	size_t n_again;	 /* by send, in each on_writable */
	unsigned n_left; /* how often */
	ssize_t result;
} act;

static int fd_of(const struct conn_probe *probe)
{
	return weir_conn_fd(&probe->conn);
}

/* The next send takes only n bytes; the kernel itself has room. */
static void next_send_takes(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, fd_of(&p), 1, n);
}

Test(conn_send, all_that_the_kernel_takes_is_sent_at_once)
{
	conn_probe_open(&p, 0, NULL);
	fault_reset();
	cr_assert_eq(conn_probe_send(&p, 100), 100);
	cr_assert_eq(fault_count_kernel(), 1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 100);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
	cr_assert_not(conn_probe_is_armed(&p));
}

Test(conn_send, a_short_one_is_followed_by_on_writable_once)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(7);
	cr_assert_eq(conn_probe_send(&p, 100), 7);
	cr_assert_str_eq(p.calls, "");
	conn_turns(1);
	cr_assert(conn_probe_is_armed(&p));
	conn_turns(3);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 7);
	cr_assert_eq(conn_probe_progress(&p).n_short_sends, 1);
	cr_assert_eq(conn_probe_progress(&p).n_would_blocks, 0);
	cr_assert_eq(conn_probe_progress(&p).n_arms, 1);
}

Test(conn_send, on_writable_waits_until_the_peer_makes_room)
{
	ssize_t n;

	conn_probe_open(&p, SNDBUF, NULL);
	n = conn_probe_send(&p, MUCH);
	cr_assert(n > 0 && n < MUCH);
	conn_turns(5);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), (size_t)n);
	conn_turns(5);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_eq(conn_probe_send(&p, 10), 10);
}

Test(conn_send, to_a_kernel_known_to_be_full_costs_no_call)
{
	conn_probe_open(&p, SNDBUF, NULL);
	conn_probe_send(&p, MUCH);
	fault_reset();
	cr_assert_eq(conn_probe_send(&p, 10), 0);
	cr_assert_eq(conn_probe_send(&p, 10), 0);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "w");
}

Test(conn_send, takes_nothing_while_bytes_are_queued)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(0);
	cr_assert_eq(conn_probe_sendall(&p, 5000), 0);
	cr_assert_eq(conn_probe_send(&p, 10), 0);
	cr_assert_eq(conn_probe_progress(&p).queued, 5000);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_eq(p.peer.n_received, 5000);
}

/* EPOLLOUT moves the queue, but not all of it: not yet. */
Test(conn_send, on_writable_waits_for_the_queue_to_be_empty)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(0);
	conn_probe_sendall(&p, 5000);
	conn_probe_send(&p, 10);
	next_send_takes(4999);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(conn_probe_progress(&p).queued, 1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "w");
}

/* Outside its own callbacks a small sendall waits for the turn's end; a send
 * takes it along, so that its own bytes stay behind. */
Test(conn_send, lets_what_waits_go_first)
{
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(conn_probe_sendall(&p, 10), 0);
	cr_assert_eq(conn_probe_sendbuf(&p, 10), 0);
	cr_assert_eq(conn_probe_send(&p, 10), 10);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 30);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
}

Test(conn_send, takes_nothing_when_what_waits_fills_the_kernel)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, 10);
	next_send_takes(9);
	cr_assert_eq(conn_probe_send(&p, 10), 0);
	cr_assert_eq(conn_probe_progress(&p).queued, 1);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 10);
	cr_assert_str_eq(p.calls, "w");
}

static void send_behind_gathered(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	cr_assert_eq(conn_probe_sendall(probe, 10), 0);
	cr_assert_eq(conn_probe_sendall(probe, 10), 0);
	act.result = conn_probe_send(probe, 10);
}

Test(conn_send, in_a_callback_goes_behind_what_was_gathered)
{
	p.then = send_behind_gathered;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	fault_reset();
	conn_turns(1);
	cr_assert_eq(act.result, 10);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 2);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 30);
}

Test(conn_send, in_a_callback_takes_nothing_when_the_gathered_fill_the_kernel)
{
	size_t n;

	for (n = 0; n < 20; n++) {
		p.then = send_behind_gathered;
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		conn_probe_write(&p, 1);
		next_send_takes(n);
		conn_turns(1);
		cr_assert_eq(act.result, 0);
		cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), n);
		conn_flow(&p);
		cr_assert_eq(p.peer.n_received, 20);
		cr_assert_str_eq(p.calls, "dw");
		conn_close_all();
	}
}

static void send_again(struct conn_probe *probe, char call)
{
	if (call != CONN_WRITABLE || act.n_left == 0)
		return;
	act.n_left--;
	act.result = conn_probe_send(probe, act.n_again);
}

Test(conn_send, short_again_inside_on_writable_is_followed_again)
{
	act.n_left = 3;
	act.n_again = MUCH;
	p.then = send_again;
	conn_probe_open(&p, SNDBUF, NULL);
	conn_probe_send(&p, MUCH);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "wwww");
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(p.peer.n_received, p.n_accepted);
}

Test(conn_send, whole_inside_on_writable_is_not_followed)
{
	act.n_left = 1;
	act.n_again = 10;
	p.then = send_again;
	conn_probe_open(&p, 0, NULL);
	next_send_takes(1);
	conn_probe_send(&p, 2);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_eq(p.peer.n_received, 11);
}

Test(conn_send, of_nothing_asks_for_on_writable)
{
	conn_probe_open(&p, 0, NULL);
	fault_reset();
	cr_assert_eq(conn_probe_send(&p, 0), 0);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	cr_assert_str_eq(p.calls, "");
	conn_turns(4);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_not(conn_probe_is_armed(&p));
}

/* A source that is limited by its reader alone: others come in between. */
Test(conn_send, of_nothing_in_on_writable_is_followed_once_a_turn)
{
	unsigned turn;

	act.n_left = 10;
	act.n_again = 0;
	p.then = send_again;
	conn_probe_open(&p, 0, NULL);
	conn_probe_send(&p, 0);
	conn_turns(1);
	for (turn = 1; turn <= 10; turn++) {
		conn_turns(1);
		cr_assert_eq(p.n_of[CONN_WRITABLE], turn, "turn %u: %u", turn,
			     p.n_of[CONN_WRITABLE]);
	}
}

Test(conn_send, is_refused_after_the_end)
{
	static void (*const ends[])(struct weir_conn *) = {weir_conn_shutdown,
							   weir_conn_finish};
	size_t i;

	for (i = 0; i < 2; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		ends[i](&p.conn);
		fault_reset();
		cr_assert_eq(conn_probe_send(&p, 10), -EPIPE);
		cr_assert_eq(conn_probe_send(&p, 0), -EPIPE);
		cr_assert_eq(conn_probe_sendall(&p, 10), -EPIPE);
		cr_assert_eq(conn_probe_sendall(&p, 5000), -EPIPE);
		cr_assert_eq(conn_probe_sendbuf(&p, 10), -EPIPE);
		cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
		conn_close_all();
	}
}

Test(conn_send, is_refused_after_an_abort)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_abort(&p.conn, false);
	cr_assert_eq(conn_probe_send(&p, 10), -EPIPE);
	cr_assert_eq(conn_probe_sendall(&p, 10), -EPIPE);
	cr_assert_eq(conn_probe_sendbuf(&p, 10), -EPIPE);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_send, on_writable_is_not_owed_after_the_end)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(0);
	conn_probe_send(&p, 10);
	weir_conn_shutdown(&p.conn);
	conn_turns(1);
	cr_assert_not(conn_probe_is_armed(&p));
	conn_turns(3);
	cr_assert_str_eq(p.calls, "");
}

/* All sends say the same, and nobody makes a second attempt. */
static void expect_refused_with(int error)
{
	fault_reset();
	cr_assert_eq(conn_probe_send(&p, 10), error);
	cr_assert_eq(conn_probe_sendall(&p, 10), error);
	cr_assert_eq(conn_probe_sendall(&p, 5000), error);
	cr_assert_eq(conn_probe_sendbuf(&p, 10), error);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	conn_turns(2);
}

Test(conn_send, fails_with_the_error_from_now_on)
{
	conn_probe_open(&p, 0, NULL);
	fault_next(FAULT_ANY_SEND, -ECONNRESET);
	cr_assert_eq(conn_probe_send(&p, 10), -ECONNRESET);
	expect_refused_with(-ECONNRESET);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.error, -ECONNRESET);
}

Test(conn_send, fails_with_the_error_from_now_on_while_paused_too)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	fault_next(FAULT_ANY_SEND, -ECONNRESET);
	cr_assert_eq(conn_probe_send(&p, 10), -ECONNRESET);
	expect_refused_with(-ECONNRESET);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_send, fails_with_the_error_from_now_on_behind_the_peers_end_too)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write_end(&p);
	conn_turns(2);
	fault_next(FAULT_ANY_SEND, -ETIMEDOUT);
	cr_assert_eq(conn_probe_send(&p, 10), -ETIMEDOUT);
	expect_refused_with(-ETIMEDOUT);
	cr_assert_str_eq(p.calls, "ec");
	cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
	cr_assert_eq(p.result.error, -ETIMEDOUT);
}

Test(conn_send, takes_a_kernel_without_memory_for_a_full_one)
{
	static const int errors[] = {-ENOBUFS, -ENOMEM, -EAGAIN};
	size_t i;

	for (i = 0; i < 3; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		fault_next(FAULT_ANY_SEND, errors[i]);
		cr_assert_eq(conn_probe_send(&p, 10), 0);
		cr_assert_eq(conn_probe_progress(&p).n_would_blocks, 1);
		conn_turns(3);
		cr_assert_str_eq(p.calls, "w");
		cr_assert_eq(conn_probe_send(&p, 10), 10);
		conn_close_all();
	}
}

static void send_on_expiry(struct weir_timer *t)
{
	(void)t;
	act.result = conn_probe_send(&p, 10);
}

static void send_on_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		act.result = conn_probe_send(probe->other, 10);
}

Test(conn_send, works_from_a_timer_and_from_others_callbacks)
{
	conn_probe_open(&p, 0, NULL);
	q.then = send_on_other;
	q.other = &p;
	conn_probe_open(&q, 0, NULL);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS, send_on_expiry);
	conn_turns(2);
	cr_assert_eq(act.result, 10);
	act.result = 0;
	next_send_takes(3);
	conn_probe_write(&q, 1);
	conn_turns(3);
	cr_assert_eq(act.result, 3);
	cr_assert_str_eq(p.calls, "w");
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 13);
}
