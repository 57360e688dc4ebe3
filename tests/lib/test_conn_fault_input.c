/* Input when things go wrong: no hole, no false end, no byte forgotten, and
 * none waited for. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>

TestSuite(conn_fault_input, .init = conn_begin, .fini = conn_end);

enum {
	SOME = 100,
	LARGE = 20000,
	MUCH = 150000, /* more than a pass reads */
	MANY_TURNS = 100
};

/* What is kept reaches the limit with the first receive. */
static const struct weir_conn_limits narrow = {.input = SOME};

static struct conn_probe *const p = &fault_probe;
static struct conn_probe q;

/* -- full -- */

static void pause_at_first(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[(int)call] == 1)
		weir_conn_pause(&probe->conn);
}

static void resume_the_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		probe->other->take = SIZE_MAX;
		weir_conn_resume(&probe->other->conn);
	}
}

static void finish_the_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_finish(&probe->other->conn);
}

/* p keeps as much as it may, and more has come; then q's callback comes. */
static void fill_then(void (*then)(struct conn_probe *probe, char call))
{
	p->then = pause_at_first;
	conn_probe_open(p, 0, &narrow);
	p->take = 0;
	q.other = p;
	q.then = then;
	conn_probe_open(&q, 0, NULL);
	conn_probe_write(p, 3 * SOME);
	conn_probe_write(&q, 1);
	conn_turns(1);
}

/* A receive of nothing, for want of room, looks like a FIN. */
Test(conn_fault_input, at_the_limit_has_no_end_when_reading_resumes)
{
	fill_then(resume_the_other);
	conn_turns(4);
	cr_expect_eq(p->n_of[(int)CONN_AT_END], 0);
	cr_expect_eq(p->n_taken, 3 * SOME);
}

Test(conn_fault_input, at_the_limit_has_no_end_when_it_is_discarded)
{
	fill_then(finish_the_other);
	conn_turns(4);
	cr_expect_eq(p->n_of[(int)CONN_CLOSED], 0);
	conn_probe_write_end(p);
	conn_turns(2);
	cr_expect_eq(p->result.reason, WEIR_REASON_FINISHED);
	cr_expect_eq(p->result.progress.unread, 3 * SOME);
}

/* As if it had no memory for a large answer; the next time it takes all. */
static void refuse_at_first(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[(int)call] == 1) {
		fault_next(FAULT_ALLOC, -ENOMEM);
		cr_expect_eq(conn_probe_sendall(probe, LARGE), -ENOMEM);
		probe->take = 0;
	} else {
		probe->take = SIZE_MAX;
	}
}

Test(conn_fault_input, at_the_limit_is_offered_with_the_rest_after_an_error)
{
	p->then = refuse_at_first;
	conn_probe_open(p, 0, &narrow);
	conn_probe_write(p, 3 * SOME);
	conn_turns(1);
	cr_expect_str_eq(p->calls, "d+");
	fault_next(FAULT_SEND, -ECONNRESET);
	cr_expect_eq(conn_probe_send(p, SOME), -ECONNRESET);
	conn_turns(5);
	cr_expect_eq(p->n_taken, 3 * SOME);
	cr_expect_eq(p->result.progress.unread, 0);
	cr_expect_eq(p->result.reason, WEIR_REASON_RESET);
}

/* -- refused -- */

static void refuse_then_finish(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		fault_next(FAULT_ALLOC, -ENOMEM);
		cr_expect_eq(conn_probe_sendall(probe, LARGE), -ENOMEM);
		weir_conn_finish(&probe->conn);
	}
}

/* The natural answer of a server that gives up on a client. */
Test(conn_fault_input, is_read_to_its_end_after_a_refusal_and_a_finish)
{
	p->then = refuse_then_finish;
	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, SOME);
	conn_turns(2);
	conn_probe_write_end(p);
	conn_turns(3);
	cr_expect_str_eq(p->calls, "dc");
	cr_expect_eq(p->result.reason, WEIR_REASON_FINISHED);
}

/* An answer that fits only an empty queue, while the kernel takes nothing. */
static const struct weir_conn_limits wide = {
	.low = 60000, .high = 100000, .max = 200000, .input = SOME};

static void answer_all_of_max(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		int error = conn_probe_sendall(probe, wide.max);

		cr_expect(error == 0 || error == -ENOBUFS);
		probe->take = error == 0 ? SIZE_MAX : 0;
	}
}

Test(conn_fault_input, is_not_offered_again_before_the_queue_has_moved)
{
	p->then = answer_all_of_max;
	conn_probe_open(p, 0, &wide);
	fault_next(FAULT_SENDV, -EAGAIN);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	fault_result(FAULT_ANY_SEND, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	conn_probe_write(p, 3 * SOME);
	conn_probe_write_end(p);
	conn_turns(MANY_TURNS);
	cr_expect_leq(p->n_of[(int)CONN_DATA], 3);
	cr_expect_eq(p->n_of[(int)CONN_AT_END], 0);
	fault_clear();
	conn_flow(p);
	cr_expect_eq(p->peer.n_received, SOME + 3 * wide.max);
	cr_expect_eq(p->n_taken, 3 * SOME);
	cr_expect_eq(p->n_of[(int)CONN_AT_END], 1);
}

/* -- marks that meet -- */

Test(conn_fault_input, and_output_are_at_peace_when_low_is_high)
{
	const struct weir_conn_limits limits = {.low = SOME, .high = SOME};

	conn_probe_open(p, 0, &limits);
	fault_result(FAULT_ANY_SEND, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	cr_expect_eq(conn_probe_sendall(p, SOME), 0);
	conn_turns(MANY_TURNS);
	cr_expect_str_eq(p->calls, "+");
	fault_clear();
	conn_flow(p);
	cr_expect_str_eq(p->calls, "+-");
}

/* -- after an error -- */

/* The peer, who no longer listens, talks on and on. */
Test(conn_fault_input, that_comes_after_an_error_is_not_waited_for)
{
	unsigned n;

	conn_probe_open(p, 0, NULL);
	conn_probe_write(p, MUCH);
	cr_expect_eq(shutdown(p->peer.fd, SHUT_RD), 0);
	cr_expect_eq(conn_probe_send(p, SOME), -EPIPE);
	for (n = 0; n < MANY_TURNS && p->n_of[(int)CONN_CLOSED] == 0; n++) {
		conn_turns(1);
		if (weir_conn_is_open(&p->conn))
			conn_probe_write(p, SOME);
	}
	cr_expect_leq(n, 5);
	cr_expect_eq(p->result.reason, WEIR_REASON_PEER_CLOSED);
	cr_expect_geq(p->n_taken, MUCH, "what had come was offered");
	cr_expect_eq(p->n_taken + p->result.progress.unread, p->n_written);
}

/* -- resumed -- */

Test(conn_fault_input, that_is_kept_is_offered_at_a_resume_before_the_end)
{
	conn_probe_open(p, 0, NULL);
	p->take = 0;
	conn_probe_write(p, SOME);
	conn_turns(1);
	p->take = SIZE_MAX;
	conn_probe_write_end(p);
	weir_conn_pause(&p->conn);
	weir_conn_resume(&p->conn);
	conn_turns(2);
	cr_expect_str_eq(p->calls, "dde");
	cr_expect_eq(p->n_taken, SOME);
}
