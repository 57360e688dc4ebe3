/* Ends that the peer or the kernel brings: what is still offered, what the
 * result says. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_error, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe q;

static int fd_of(const struct conn_probe *probe)
{
	return weir_conn_fd(&probe->conn);
}

static void fail_next_send(int error)
{
	fault_result(FAULT_ANY_SEND, fd_of(&p), 1, error);
}

Test(conn_error, the_peers_fin_comes_after_all_input_with_the_rest)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	conn_probe_write_end(&p);
	conn_turns(2);
	p.take = 10000;
	conn_turns(3);
	cr_assert_str_eq(p.calls, "ddde");
	cr_assert_eq(p.n_taken, 150000);
	cr_assert_eq(p.n_offered, 150000 - 2 * WEIR_READ_SIZE - 10000);
	cr_assert_eq(conn_probe_progress(&p).unread, 0);
}

Test(conn_error, after_the_peers_fin_sending_goes_on)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write_end(&p);
	harness_turn_until_idle(conn_loop, 3);
	cr_assert_str_eq(p.calls, "e");
	cr_assert_eq(conn_probe_sendall(&p, 500000), 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 500000);
	cr_assert_not(p.peer.has_ended);
}

Test(conn_error, the_peers_fin_waits_for_a_resume)
{
	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 10);
	conn_turns(1);
	weir_conn_pause(&p.conn);
	conn_probe_write_end(&p);
	harness_turn_until_idle(conn_loop, 3);
	cr_assert_str_eq(p.calls, "d");
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dde");
}

static void pause_it(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_pause(&probe->conn);
}

static void resume_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_resume(&probe->other->conn);
}

/* p holds input at the limit and owes bytes, so it stays in epoll; q, earlier
 * in the batch, resumes it when the peer has hung up: the kept input is
 * offered, and what the kernel has behind it, before on_end. */
static void resume_one_that_hung_up(size_t n_written)
{
	const struct weir_conn_limits limits = {.input = 100};

	p.then = pause_it;
	q.then = resume_other;
	q.other = &p;
	cr_assert_eq(conn_probe_open(&q, 0, NULL), 0);
	cr_assert_eq(conn_probe_open(&p, 4608, &limits), 0);
	p.take = 0;
	conn_probe_write(&p, n_written);
	conn_turns(2);
	conn_probe_sendall(&p, 50000);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "d");
	p.then = NULL;
	p.take = SIZE_MAX;
	conn_probe_write(&q, 1);
	harness_peer_read(&p.peer, SIZE_MAX);
	conn_probe_hang_up(&p);
	conn_turns(6);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.n_taken, n_written, "%s: %zu", p.calls,
		     (size_t)p.n_taken);
	cr_assert_eq(p.calls[1], CONN_DATA, "%s", p.calls);
	conn_close_all();
}

Test(conn_error, a_resume_in_the_batch_of_the_hang_up_loses_nothing)
{
	resume_one_that_hung_up(50);
	resume_one_that_hung_up(100);
	resume_one_that_hung_up(250);
}

Test(conn_error, a_hang_up_is_read_to_the_end_first)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	conn_probe_hang_up(&p);
	p.is_echo = false;
	conn_turns(4);
	cr_assert_str_eq(p.calls, "ddde");
	cr_assert_eq(p.n_taken, 150000);
	harness_turn_until_idle(conn_loop, 3);
}

/* A send finds the peer gone while there is more to read than one receive. */
Test(conn_error, what_had_arrived_is_offered_after_the_error)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	conn_probe_hang_up(&p);
	cr_assert_eq(conn_probe_sendall(&p, 5000), -EPIPE);
	cr_assert_str_eq(p.calls, "");
	conn_turns(5);
	cr_assert_str_eq(p.calls, "dddc");
	cr_assert_eq(p.n_taken, 150000);
	cr_assert_eq(p.result.reason, WEIR_REASON_PEER_CLOSED);
	cr_assert_eq(p.result.error, -EPIPE);
	cr_assert_eq(p.result.progress.unread, 0);
	cr_assert_eq(p.result.progress.dropped, 0);
}

/* A refusal left input kept up to the limit: that is offered, and all that
 * waits behind it in the kernel. */
Test(conn_error, what_was_held_at_the_limit_is_offered_after_the_error)
{
	p.is_echo = true;
	conn_probe_open(&p, 4608, NULL);
	conn_probe_sendall(&p, 50000);
	conn_turns(2);
	conn_probe_write(&p, 150000);
	fault_next(FAULT_ALLOC, -ENOMEM);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d+");
	cr_assert_eq(p.n_kept, WEIR_READ_SIZE);
	p.is_echo = false;
	conn_probe_hang_up(&p);
	conn_turns(6);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1, "%s", p.calls);
	cr_assert_eq(p.n_of[CONN_AT_END], 0);
	cr_assert_eq(p.n_taken, 150000, "%s: %zu of 150000", p.calls,
		     (size_t)p.n_taken);
	cr_assert_eq(p.result.progress.unread, 0);
}

Test(conn_error, kept_input_is_offered_once_more_after_the_error)
{
	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 10);
	conn_turns(1);
	fail_next_send(-ECONNRESET);
	cr_assert_eq(conn_probe_send(&p, 10), -ECONNRESET);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.progress.unread, 10);
}

Test(conn_error, a_paused_connection_closes_at_once_and_counts_the_unread)
{
	conn_probe_open(&p, 0, NULL);
	p.take = 3;
	conn_probe_write(&p, 10);
	conn_turns(1);
	weir_conn_pause(&p.conn);
	conn_probe_write(&p, 100000);
	fail_next_send(-ECONNRESET);
	conn_probe_send(&p, 10);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.error, -ECONNRESET);
	cr_assert_eq(p.result.progress.received, 10);
	cr_assert_eq(p.result.progress.unread, 100007);
}

Test(conn_error, a_pause_ends_the_offering_after_the_error)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	fail_next_send(-ECONNRESET);
	conn_probe_send(&p, 10);
	p.then = pause_it;
	conn_turns(3);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.progress.unread, 150000 - WEIR_READ_SIZE);
}

Test(conn_error, an_abort_ends_the_offering_and_not_the_reason)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	fail_next_send(-ECONNRESET);
	conn_probe_send(&p, 10);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.error, -ECONNRESET);
}

Test(conn_error, a_finish_ends_the_offering_too)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 150000);
	fail_next_send(-ECONNRESET);
	conn_probe_send(&p, 10);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.progress.unread, 150000);
}

/* Only what had arrived: a peer that goes on for ever cannot put it off. */
Test(conn_error, what_arrives_after_the_error_is_not_offered)
{
	unsigned turn;

	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 70000);
	fail_next_send(-ECONNRESET);
	conn_probe_send(&p, 10);
	for (turn = 0; turn < 5 && weir_conn_is_open(&p.conn); turn++) {
		conn_probe_write(&p, 1000);
		conn_turns(1);
	}
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.n_taken, 70000);
}

Test(conn_error, the_first_one_wins)
{
	conn_probe_open(&p, 0, NULL);
	fail_next_send(-ETIMEDOUT);
	conn_probe_send(&p, 10);
	conn_probe_hang_up(&p);
	weir_conn_finish(&p.conn);
	weir_conn_shutdown(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
	cr_assert_eq(p.result.error, -ETIMEDOUT);
}

Test(conn_error, of_recv_ends_it_with_its_reason)
{
	static const struct {
		int error;
		enum weir_reason reason;
	} cases[] = {{-ECONNRESET, WEIR_REASON_RESET},
		     {-EPIPE, WEIR_REASON_PEER_CLOSED},
		     {-ETIMEDOUT, WEIR_REASON_ERROR},
		     {-ENOMEM, WEIR_REASON_ERROR}};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		conn_probe_write(&p, 10);
		fault_next(FAULT_RECV, cases[i].error);
		conn_turns(1);
		/* it had not come out of the kernel by then */
		cr_assert_str_eq(p.calls, "d");
		conn_turns(2);
		cr_assert_str_eq(p.calls, "dc");
		cr_assert_eq(p.result.reason, cases[i].reason);
		cr_assert_eq(p.result.error, cases[i].error);
		conn_close_all();
	}
}

Test(conn_error, would_block_on_recv_is_none)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 10);
	fault_next(FAULT_RECV, -EAGAIN);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "");
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d");
}

Test(conn_error, a_reset_leaves_readable_what_came_before)
{
	conn_probe_open_tcp(&p, 0, NULL);
	conn_probe_sendall(&p, 5000);
	conn_turns(1);
	conn_probe_write(&p, 100000);
	conn_probe_reset(&p);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.n_taken, 100000);
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.error, -ECONNRESET);
	cr_assert_eq(p.result.progress.unread, 0);
}

/* The error that EPOLLERR announces is asked for if recv does not say it. */
Test(conn_error, a_reset_that_recv_does_not_tell_is_found)
{
	conn_probe_open_tcp(&p, 0, NULL);
	conn_probe_reset(&p);
	fault_result(FAULT_RECV, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.error, -ECONNRESET);
}

Test(conn_error, a_paused_connection_learns_of_the_reset_when_it_owes)
{
	conn_probe_open_tcp(&p, 4608, NULL);
	weir_conn_pause(&p.conn);
	conn_probe_write(&p, 1000);
	conn_turns(2);
	conn_probe_sendall(&p, 900000);
	conn_turns(2);
	conn_probe_reset(&p);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "+c");
	cr_assert_eq(p.result.error, -ECONNRESET);
	cr_assert_eq(p.result.progress.unread, 1000);
	cr_assert_eq(p.result.progress.dropped,
		     900000 - p.result.progress.sent);
}

Test(conn_error, a_paused_connection_that_owes_nothing_does_not_spin)
{
	conn_probe_open_tcp(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	conn_turns(1);
	conn_probe_reset(&p);
	harness_turn_until_idle(conn_loop, 3);
	cr_assert_str_eq(p.calls, "");
	weir_conn_resume(&p.conn);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
}

/* Of 60 bytes behind 40 that were kept, a send that fails makes the last offer,
 * in which then does something. */
static void fail_with_kept_input(void (*then)(struct conn_probe *, char))
{
	p.then = then;
	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 40);
	conn_turns(1);
	conn_probe_write(&p, 60);
	fail_next_send(-EPIPE);
	cr_assert_eq(conn_probe_send(&p, 1), -EPIPE);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.n_offered, 40);
	cr_assert_eq(p.result.progress.unread, 100);
}

/* ... and the last receive would offer what its owner has just held. */
static void pause_at_the_second(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[CONN_DATA] == 2)
		weir_conn_pause(&probe->conn);
}

Test(conn_error, a_pause_in_the_offer_of_kept_input_holds_the_rest)
{
	fail_with_kept_input(pause_at_the_second);
}

static void abort_at_the_second(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[CONN_DATA] == 2)
		weir_conn_abort(&probe->conn, false);
}

Test(conn_error, an_abort_in_the_offer_of_kept_input_is_the_last_of_it)
{
	fail_with_kept_input(abort_at_the_second);
}
