/* What comes in: on_data and what it does not consume, on_end, the limit. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	NONE = 0
};

TestSuite(conn_input, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct weir_timer timer;
static const struct weir_conn_limits a_hundred = {.input = 100};

/* With an on_data that consumes so many bytes. */
static void open_taking(size_t take, const struct weir_conn_limits *limits)
{
	cr_assert_eq(conn_probe_open(&p, 0, limits), 0);
	p.take = take;
}

static void receive(size_t n, unsigned n_turns)
{
	conn_probe_write(&p, n);
	conn_turns(n_turns);
}

/* Memory once the loop and the connection have what they always have. */
static size_t settled_bytes(void)
{
	conn_turns(2);
	return fault_n_live_bytes();
}

Test(conn_input, comes_as_it_is_sent)
{
	conn_probe_open(&p, 0, NULL);
	receive(1, 1);
	cr_assert_eq(p.n_taken, 1);
	receive(1000, 1);
	cr_assert_eq(p.n_taken, 1001);
	cr_assert_str_eq(p.calls, "dd");
	cr_assert_eq(conn_probe_progress(&p).received, 1001);
	cr_assert_eq(conn_probe_progress(&p).unread, 0);
}

Test(conn_input, an_echo_costs_one_recv_and_one_send)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 64);
	conn_flow(&p);
	fault_reset();
	receive(64, 1);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), 1);
	cr_assert_eq(fault_count(FAULT_RECV), 1);
	cr_assert_eq(fault_count(FAULT_SEND), 1);
	cr_assert_eq(fault_count_kernel(), 3);
	cr_assert_eq(fault_count(FAULT_ALLOC), 0);
	cr_assert_eq(fault_count(FAULT_NOW), 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 128);
}

Test(conn_input, what_is_left_is_offered_with_what_follows)
{
	open_taking(NONE, NULL);
	receive(10, 3);
	cr_assert_str_eq(p.calls, "d");
	receive(10, 3);
	cr_assert_eq(p.n_offered, 20);
	p.take = 15;
	receive(10, 3);
	cr_assert_eq(p.n_offered, 30);
	p.take = SIZE_MAX;
	receive(1, 3);
	cr_assert_eq(p.n_offered, 16);
	cr_assert_eq(p.n_taken, 31);
	cr_assert_str_eq(p.calls, "dddd");
}

/* Whatever is left, each byte is offered until it is consumed, in order. */
Test(conn_input, any_part_may_be_left)
{
	size_t taken;
	size_t first;

	for (first = 1; first < 40; first++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		for (taken = 0; taken < first; taken++) {
			p.take = taken;
			conn_probe_write(&p, first);
			conn_turns(1);
			cr_assert_eq(conn_probe_progress(&p).unread,
				     p.n_written - p.n_taken);
		}
		p.take = SIZE_MAX;
		conn_probe_write(&p, 1);
		conn_turns(1);
		cr_assert_eq(p.n_taken, p.n_written);
		conn_close_all();
	}
}

Test(conn_input, what_is_left_is_offered_at_every_resume)
{
	open_taking(NONE, NULL);
	receive(10, 2);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	weir_conn_resume(&p.conn);
	cr_assert_str_eq(p.calls, "d");
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dd");
	weir_conn_pause(&p.conn);
	p.take = 4;
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "ddd");
	cr_assert_eq(p.n_taken, 4);
}

Test(conn_input, a_resume_of_what_is_not_paused_is_none)
{
	open_taking(NONE, NULL);
	receive(10, 2);
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "d");
	weir_conn_pause(&p.conn);
	weir_conn_pause(&p.conn);
	weir_conn_resume(&p.conn);
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dd");
}

static void pause_and_resume(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	weir_conn_pause(&probe->conn);
	weir_conn_resume(&probe->conn);
	probe->take = probe->n_of[CONN_DATA] > 1 ? SIZE_MAX : 4;
}

/* Whoever resumes wants the rest again, from inside on_data too. */
Test(conn_input, what_is_left_is_offered_after_a_resume_in_on_data)
{
	p.then = pause_and_resume;
	conn_probe_open(&p, 0, NULL);
	receive(10, 3);
	cr_assert_eq(p.n_taken, 10);
	cr_assert_str_eq(p.calls, "dd");
}

Test(conn_input, nothing_is_held_for_an_idle_connection)
{
	size_t n_idle;

	conn_probe_open(&p, 0, NULL);
	n_idle = settled_bytes();
	receive(60000, 3);
	cr_assert_eq(settled_bytes(), n_idle);
	p.take = NONE;
	receive(60000, 3);
	cr_assert_geq(settled_bytes(), n_idle + 60000);
	p.take = SIZE_MAX;
	receive(1, 3);
	cr_assert_eq(settled_bytes(), n_idle);
}

Test(conn_input, a_small_rest_is_kept_in_little_memory)
{
	size_t n_idle;

	conn_probe_open(&p, 0, NULL);
	n_idle = settled_bytes();
	p.take = 59990;
	receive(60000, 3);
	cr_assert_leq(settled_bytes(), n_idle + 100);
	p.take = NONE;
	receive(50000, 3);
	p.take = 50000;
	receive(1, 3);
	cr_assert_eq(conn_probe_progress(&p).unread, 11);
	cr_assert_leq(settled_bytes(), n_idle + 100);
}

Test(conn_input, of_one_connection_a_turn_is_bounded)
{
	unsigned n_turns;

	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 200000);
	fault_reset();
	for (n_turns = 1; p.n_taken < 200000; n_turns++) {
		conn_turns(1);
		cr_assert_leq(p.n_taken, n_turns * WEIR_READ_SIZE);
		cr_assert_eq(fault_count(FAULT_RECV), n_turns);
	}
}

Test(conn_input, at_the_limit_closes_if_none_is_consumed)
{
	open_taking(NONE, &a_hundred);
	receive(99, 3);
	cr_assert_str_eq(p.calls, "d");
	receive(50, 3);
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.n_offered, 100);
	cr_assert_eq(p.result.reason, WEIR_REASON_INPUT_LIMIT);
	cr_assert_eq(p.result.error, 0);
	cr_assert_eq(p.result.progress.received, 100);
	cr_assert_eq(p.result.progress.unread, 149);
}

Test(conn_input, at_the_limit_at_once_closes_too)
{
	open_taking(NONE, &a_hundred);
	receive(150, 3);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.n_offered, 100);
	cr_assert_eq(p.result.reason, WEIR_REASON_INPUT_LIMIT);
}

Test(conn_input, at_the_limit_goes_on_if_some_is_consumed)
{
	open_taking(1, &a_hundred);
	conn_probe_write(&p, 150);
	conn_turns(51);
	cr_assert_eq(p.n_taken, 51);
	cr_assert_eq(p.n_offered, 100);
	p.take = SIZE_MAX;
	receive(1, 3);
	cr_assert_eq(p.n_taken, 151);
}

Test(conn_input, of_more_than_one_read_may_be_kept)
{
	const struct weir_conn_limits limits = {.input = 300000};

	open_taking(NONE, &limits);
	receive(150000, 5);
	receive(149999, 5);
	cr_assert_eq(p.n_offered, 299999);
	cr_assert(weir_conn_is_open(&p.conn));
	receive(1, 5);
	cr_assert_eq(p.n_offered, 300000);
	cr_assert_eq(p.result.reason, WEIR_REASON_INPUT_LIMIT);
}

static void pause_it(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		weir_conn_pause(&probe->conn);
}

Test(conn_input, at_the_limit_waits_while_it_is_paused)
{
	p.then = pause_it;
	open_taking(NONE, &a_hundred);
	receive(100, 3);
	cr_assert_str_eq(p.calls, "d");
	p.then = NULL;
	weir_conn_resume(&p.conn);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "ddc");
	cr_assert_eq(p.result.reason, WEIR_REASON_INPUT_LIMIT);
}

static void say_no_and_finish(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA || probe->n_offered < 100)
		return;
	cr_assert_eq(conn_probe_sendall(probe, 10), 0);
	weir_conn_finish(&probe->conn);
}

/* "Line too long": a finish is the user's own answer to the limit. */
Test(conn_input, at_the_limit_may_be_answered_by_a_finish)
{
	size_t first;

	for (first = 50; first <= 100; first += 50) {
		p.then = say_no_and_finish;
		cr_assert_eq(conn_probe_open(&p, 0, &a_hundred), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 3);
		p.take = NONE;
		conn_probe_write(&p, first);
		conn_turns(3);
		conn_probe_write(&p, 150 - first);
		conn_probe_write_end(&p);
		conn_flow(&p);
		cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED, "%s",
			     weir_reason_name(p.result.reason));
		cr_assert_eq(p.peer.n_received, 10);
		cr_assert_eq(p.result.progress.unread, 150);
		conn_close_all();
	}
}

/* Bytes that could not be kept are not skipped: nothing behind them comes. */
Test(conn_input, that_cannot_be_kept_ends_the_connection)
{
	size_t n_first;

	for (n_first = 0; n_first <= 10; n_first += 10) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		p.take = NONE;
		conn_probe_write(&p, n_first);
		conn_turns(n_first > 0);
		conn_probe_write(&p, WEIR_READ_SIZE + 1000);
		fault_next(FAULT_ALLOC, -ENOMEM);
		p.take = 5;
		conn_turns(4);
		cr_assert_eq(p.n_of[CONN_CLOSED], 1);
		cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
		cr_assert_eq(p.result.error, -ENOMEM);
		cr_assert_eq(p.result.progress.unread, p.n_written - p.n_taken);
		conn_close_all();
	}
}

static void resume_it(struct weir_timer *t)
{
	(void)t;
	weir_conn_resume(&p.conn);
}

Test(conn_input, resumed_by_a_timer_is_offered_in_that_turn)
{
	open_taking(NONE, NULL);
	receive(10, 1);
	weir_conn_pause(&p.conn);
	receive(10, 1);
	p.take = SIZE_MAX;
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS, resume_it);
	conn_turns(1);
	cr_assert_eq(p.n_taken, 10);
	conn_turns(1);
	cr_assert_eq(p.n_taken, 20);
}
