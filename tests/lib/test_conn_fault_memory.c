/* No memory: each allocation of each way to send or keep fails, one at a time
 * and all together. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_fault_memory, .init = conn_begin, .fini = conn_end);

enum {
	SMALL = 100,
	PART = 40,     /* of it */
	LARGE = 20000, /* the debt and two chunks */
	MAX_REFUSALS = 5
};

static struct conn_probe *const p = &fault_probe;

/* Which allocation of a situation fails; FAULT_ALWAYS: each from there on. */
static uint64_t nth;

static void run_each(int (*situation)(void), uint64_t n, struct fault_row row)
{
	const struct fault_row rows[] = {row, {0}};

	for (nth = 1; nth <= n; nth++)
		conn_fault_run(situation, FAULT_ALLOC, rows);
}

/* -- refusals -- */

static int sendall_large(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_at(nth);
	return conn_probe_sendall(p, LARGE);
}

/* The debt, each of two chunks: nothing is taken, and it goes on. */
Test(conn_fault_memory, refuses_a_large_sendall)
{
	run_each(sendall_large, 3,
		 (struct fault_row){-ENOMEM, -ENOMEM, "+-", GOES_ON, 0, 0, 0});
}

static int sendall_outside(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_at(nth);
	return conn_probe_sendall(p, SMALL);
}

Test(conn_fault_memory, refuses_a_small_sendall_outside_of_callbacks)
{
	run_each(sendall_outside, 2,
		 (struct fault_row){-ENOMEM, -ENOMEM, "+-", GOES_ON, 0, 0, 0});
}

static int sendbuf(void)
{
	conn_probe_open(p, 0, NULL);
	conn_fault_at(nth);
	return conn_probe_sendbuf(p, SMALL);
}

Test(conn_fault_memory, refuses_a_buffer)
{
	static const struct fault_row none[] = {
		{-ENOMEM, -ENOMEM, "", GOES_ON, 0, 0, 0}, {0}};
	static const struct fault_row rows[] = {
		{-ENOMEM, -ENOMEM, "+-", GOES_ON, 0, 0, 0}, {0}};

	nth = 1; /* the buffer itself: no connection has to do with it */
	conn_fault_run(sendbuf, FAULT_ALLOC, none);
	for (nth = 2; nth <= 3; nth++) /* the debt, the node */
		conn_fault_run(sendbuf, FAULT_ALLOC, rows);
}

static int send_short(void)
{
	conn_probe_open(p, 0, NULL);
	fault_at_most(FAULT_SEND, FAULT_ANY_FD, 1, PART);
	conn_fault_at(nth);
	return (int)conn_probe_send(p, SMALL);
}

/* Only the stall limit needs it, and asks again. */
Test(conn_fault_memory, does_not_matter_to_send)
{
	run_each(send_short, 1,
		 (struct fault_row){-ENOMEM, PART, "w", GOES_ON, PART, 0, 0});
}

/* -- what was gathered is safe -- */

static void reply(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		cr_expect_eq(conn_probe_sendall(probe, SMALL), 0);
}

static int first_reply(void)
{
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, 1);
	p->then = reply;
	conn_fault_at(nth);
	return 0;
}

/* Without a buffer to gather in, or a debt beside it, it is queued. */
Test(conn_fault_memory, to_gather_in_is_not_missed)
{
	run_each(first_reply, 2,
		 (struct fault_row){-ENOMEM, 0, "d", GOES_ON, SMALL, 0, 0});
}

/* The kernel takes nothing of what on_data gathered. */
static int reply_that_must_be_queued(void)
{
	conn_probe_open(p, 0, NULL);
	p->then = reply;
	conn_probe_write(p, 1);
	conn_turns(1);
	conn_probe_write(p, 1);
	fault_next(FAULT_SEND, -EAGAIN);
	conn_fault_at(nth);
	return 0;
}

/* The debt, the chunk, the next spare debt; or all of them: it was accepted,
 * so the gather buffer itself and the spare debt go into the queue. */
Test(conn_fault_memory, does_not_lose_what_was_gathered)
{
	run_each(
		reply_that_must_be_queued, 2,
		(struct fault_row){-ENOMEM, 0, "dd", GOES_ON, 2 * SMALL, 0, 0});
	nth = 1;
	reply_that_must_be_queued();
	fault_clear();
	fault_next(FAULT_SEND, -EAGAIN);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	conn_flow(p);
	cr_expect_eq(p->peer.n_received, 2 * SMALL);
	cr_expect_str_eq(p->calls, "dd");
}

/* -- input that cannot be kept -- */

static int leave_some(void)
{
	conn_probe_open(p, 0, NULL);
	p->take = PART;
	conn_probe_write(p, SMALL);
	conn_fault_at(nth);
	return 0;
}

Test(conn_fault_memory, to_keep_input_ends_the_connection)
{
	run_each(leave_some, 1,
		 (struct fault_row){-ENOMEM, 0, "dc", ERROR, 0, 0,
				    SMALL - PART});
}

static int leave_more(void)
{
	leave_some();
	fault_clear();
	conn_turns(1);
	conn_probe_write(p, SMALL);
	conn_fault_at(nth);
	return 0;
}

/* There is a hole now: what was kept before it is not offered with what comes
 * behind. */
Test(conn_fault_memory, to_keep_more_input_ends_the_connection)
{
	run_each(leave_more, 1,
		 (struct fault_row){-ENOMEM, 0, "dc", ERROR, 0, 0,
				    2 * SMALL - PART});
}

/* All but a little of the second time is consumed. */
static int shrink(void)
{
	conn_probe_open(p, 0, NULL);
	p->take = 0;
	conn_probe_write(p, SMALL);
	conn_turns(1);
	p->take = 2 * SMALL - 1;
	conn_probe_write(p, SMALL);
	conn_fault_at(2);
	return 0;
}

Test(conn_fault_memory, to_shrink_what_is_kept_is_not_missed)
{
	static const struct fault_row rows[] = {
		{-ENOMEM, 0, "dd", GOES_ON, 0, 0, 1}, {0}};

	conn_fault_run(shrink, FAULT_ALLOC, rows);
}

/* -- the echo -- */

static void open_echo(void)
{
	conn_probe_open(p, 0, NULL);
	p->is_echo = true;
	conn_probe_write(p, LARGE);
}

static int echo(void)
{
	open_echo();
	conn_fault_at(nth);
	return 0;
}

/* Refused, kept, offered again 10 ms later. */
Test(conn_fault_memory, delays_an_echo)
{
	run_each(echo, 3,
		 (struct fault_row){-ENOMEM, 0, "d+-d", GOES_ON, LARGE, 0, 0});
}

static int echo_after_the_end(void)
{
	open_echo();
	conn_probe_write_end(p);
	conn_fault_at(nth);
	return 0;
}

static int echo_after_the_peer_has_all(void)
{
	echo_after_the_end();
	conn_turns(3);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect_str_eq(p->calls, "d+", "the FIN waits its turn");
	conn_pass(10000000);
	conn_flow(p);
	conn_probe_hang_up(p);
	conn_turns(2);
	cr_expect_str_eq(p->calls, "d+-dec");
	return 0;
}

Test(conn_fault_memory, delays_an_echo_whose_peer_has_ended)
{
	run_each(echo_after_the_end, 3,
		 (struct fault_row){-ENOMEM, 0, "d+-dec", FINISHED, LARGE, 0,
				    0});
	nth = 1;
	echo_after_the_peer_has_all();
}

/* So many times in a row there is none when on_data comes. */
static unsigned n_refusals;

static void refuse_some(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[(int)call] <= n_refusals)
		fault_next(FAULT_ALLOC, -ENOMEM);
}

Test(conn_fault_memory, may_be_missing_again_and_again)
{
	/* the input does not fit: the FIN is behind more of it */
	const struct weir_conn_limits limits = {.input = LARGE / 2};

	for (n_refusals = 1; n_refusals <= MAX_REFUSALS; n_refusals++) {
		uint64_t begin_ns = fault_time_now();

		conn_probe_open(p, 0, &limits);
		p->is_echo = true;
		p->then = refuse_some;
		conn_probe_write(p, LARGE);
		conn_probe_write_end(p);
		while (fault_time_now() < begin_ns + 200000000)
			conn_pass(1000000);
		conn_flow(p);
		cr_expect_eq(p->peer.n_received, LARGE);
		cr_expect_eq(p->result.reason, WEIR_REASON_FINISHED);
		cr_expect_eq(p->n_of[(int)CONN_DATA], 2 + n_refusals);
		cr_expect_eq(p->n_of[(int)CONN_BELOW], n_refusals);
		conn_close_all();
	}
}

/* Neither to answer nor to keep: that is the end. */
Test(conn_fault_memory, of_any_kind_ends_an_echo)
{
	open_echo();
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	conn_flow(p);
	cr_expect_str_eq(p->calls, "dc");
	cr_expect_eq(p->result.reason, WEIR_REASON_ERROR);
	cr_expect_eq(p->result.error, -ENOMEM);
	cr_expect_eq(p->result.progress.unread, LARGE);
	cr_expect_eq(p->peer.n_received, 0);
}
