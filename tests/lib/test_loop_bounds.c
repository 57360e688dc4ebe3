/* A turn is bounded as a whole: what all connections write in it, how many
 * timers and closes it has, and how long a timer that is due has to wait behind
 * ready watches. */
#include "loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"
#include "harness_probe.h"

enum {
	N_GREEDY = 20,
	FLUSH = 2097152, /* what one connection writes at a time */
	N_READY = 600	 /* more than two harvests hold */
};

TestSuite(loop_bounds, .init = conn_begin, .fini = conn_end);

static struct conn_probe greedy[N_GREEDY];
static struct conn_probe light;
static struct weir_buf *answer;

/* No real kernel has such a buffer: its answers are scripted. */
static void let_kernel_take_everything(void)
{
	fault_result(FAULT_SENDV, FAULT_ANY_FD, FAULT_ALWAYS, FLUSH);
}

static unsigned n_crossings;

static size_t give_answer(struct weir_conn *c, const void *data, size_t n)
{
	(void)data;
	cr_assert_eq(weir_conn_sendbuf(c, answer), 0);
	return n;
}

static void note_pressure(struct weir_conn *c, bool is_above)
{
	(void)c;
	(void)is_above;
	n_crossings++;
}

static void note_close(struct weir_conn *c, const struct weir_result *result)
{
	struct conn_probe *p = weir_container_of(c, struct conn_probe, conn);

	(void)result;
	p->n_of[CONN_CLOSED]++;
}

static const struct weir_conn_events giving = {.on_data = give_answer,
					       .on_pressure = note_pressure,
					       .on_close = note_close};

static void open_greedy(unsigned n_flushes, size_t high)
{
	const struct weir_conn_limits limits = {.high = high, .max = 8 * FLUSH};
	unsigned i;

	answer = weir_buf_new(n_flushes * (size_t)FLUSH);
	memset(weir_buf_data(answer), 'a', weir_buf_size(answer));
	for (i = 0; i < N_GREEDY; i++) {
		greedy[i].events = &giving;
		cr_assert_eq(conn_probe_open(&greedy[i], 0, &limits), 0);
	}
}

static void owe_answers(void)
{
	unsigned i;

	for (i = 0; i < N_GREEDY; i++)
		cr_assert_eq(weir_conn_sendbuf(&greedy[i].conn, answer), 0);
}

static uint64_t n_sent_by_all(void)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < N_GREEDY; i++)
		n += greedy[i].conn.out.sent;
	return n;
}

static void forget_answers(void)
{
	unsigned i;

	fault_clear();
	for (i = 0; i < N_GREEDY; i++)
		weir_conn_abort(&greedy[i].conn, false);
	conn_turns(3);
	weir_buf_unref(answer);
}

/* Each is served once before any is served twice, whatever they owe. */
Test(loop_bounds, deferred_flushes_are_bounded_and_the_rest_goes_first)
{
	uint64_t n_before;
	unsigned turn;
	unsigned i;

	open_greedy(4, 7 * FLUSH);
	owe_answers();
	let_kernel_take_everything();
	for (turn = 0; turn < N_GREEDY; turn++) {
		n_before = n_sent_by_all();
		conn_turns(1);
		cr_assert_gt(n_sent_by_all(), n_before);
		cr_assert_leq(n_sent_by_all() - n_before,
			      WEIR_TURN_BYTES + FLUSH);
	}
	for (i = 0; i < N_GREEDY; i++)
		cr_assert_eq(greedy[i].conn.out.sent, FLUSH);
	forget_answers();
}

static void ask_all(void)
{
	unsigned i;

	for (i = 0; i < N_GREEDY; i++)
		conn_probe_write(&greedy[i], 1);
}

/* All ask at once: their callbacks come, and one that is light is answered in
 * the same turn, but the answers leave over many. */
Test(loop_bounds, answers_to_all_at_once_are_bounded_and_delay_no_other)
{
	uint64_t n_before;
	unsigned i;

	open_greedy(2, 7 * FLUSH);
	ask_all();
	light.is_echo = true;
	conn_probe_open(&light, 0, NULL);
	let_kernel_take_everything();
	for (i = 0; i < 2 * N_GREEDY; i++) {
		conn_probe_write(&light, 64);
		n_before = n_sent_by_all();
		conn_turns(1);
		cr_assert_eq(harness_peer_read(&light.peer, SIZE_MAX), 64);
		cr_assert_leq(n_sent_by_all() - n_before,
			      2 * (WEIR_TURN_BYTES + FLUSH));
	}
	cr_assert_eq(n_sent_by_all(), 2 * N_GREEDY * (uint64_t)FLUSH);
	forget_answers();
}

/* What the kernel swallows later in the turn, or in the next one, is no
 * crossing of high. */
Test(loop_bounds, what_waits_for_its_turn_is_no_pressure)
{
	unsigned i;

	open_greedy(1, FLUSH / 2);
	ask_all();
	let_kernel_take_everything();
	conn_turns(N_GREEDY);
	for (i = 0; i < N_GREEDY; i++)
		cr_assert_eq(greedy[i].conn.out.sent, FLUSH);
	cr_assert_eq(n_crossings, 0);
	forget_answers();
}

/* EPOLLOUT would be of no use before its turn, and is armed only for what the
 * kernel leaves then. */
Test(loop_bounds, what_waits_for_its_turn_changes_no_interest)
{
	uint64_t n_before;
	unsigned i;

	open_greedy(1, 7 * FLUSH);
	ask_all();
	let_kernel_take_everything();
	n_before = fault_count(FAULT_EPOLL_MOD);
	conn_turns(N_GREEDY);
	for (i = 0; i < N_GREEDY; i++)
		cr_assert_eq(greedy[i].conn.out.sent, FLUSH);
	cr_assert_eq(fault_count(FAULT_EPOLL_MOD), n_before);
	fault_clear();
	ask_all();
	conn_turns(N_GREEDY);
	for (i = 0; i < N_GREEDY; i++)
		cr_assert_eq(greedy[i].conn.watch.committed,
			     EPOLLIN | EPOLLOUT);
	cr_assert_eq(fault_count(FAULT_EPOLL_MOD), n_before + N_GREEDY);
	forget_answers();
}

/* -- what is left of a harvest -- */

static struct probe probes[N_READY];
static unsigned n_called;

static void write_much(struct probe *probe)
{
	n_called++;
	weir_loop_spend_at_once(probe->watch.loop, WEIR_TURN_BYTES / 2);
}

static void open_ready(unsigned n, void (*then)(struct probe *probe))
{
	unsigned i;

	n_called = 0;
	for (i = 0; i < n; i++) {
		probes[i] = (struct probe){.then = then};
		probe_open(&probes[i], conn_loop, EPOLLIN);
		probe_poke(&probes[i]);
	}
}

static void close_ready(unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		probe_close(&probes[i]);
}

Test(loop_bounds, a_turn_that_has_written_enough_leaves_the_rest_to_the_next)
{
	uint64_t n_waits;
	unsigned turn;

	open_ready(10, write_much);
	cr_assert_eq(weir_loop_turn(conn_loop, 0), 10);
	n_waits = fault_count(FAULT_EPOLL_WAIT);
	for (turn = 1; turn < 5; turn++) {
		cr_assert_eq(n_called, 2 * turn);
		cr_assert_eq(weir_loop_prepare(conn_loop), 0);
		cr_assert_gt(weir_loop_turn(conn_loop, -1), 0);
	}
	cr_assert_eq(n_called, 10);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), n_waits);
	cr_assert_eq(weir_loop_turn(conn_loop, 0), 10);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), n_waits + 1);
	close_ready(10);
}

Test(loop_bounds, what_is_left_may_be_closed_before_its_turn)
{
	open_ready(10, write_much);
	conn_turns(1);
	close_ready(10);
	conn_turns(2);
	cr_assert_eq(n_called, 2);
}

Test(loop_bounds, what_is_written_between_two_turns_cuts_none)
{
	open_ready(10, NULL);
	weir_loop_spend_at_once(conn_loop, WEIR_TURN_BYTES);
	cr_assert_eq(weir_loop_turn(conn_loop, 0), 10);
	cr_assert_eq(probes[9].n_calls, 1);
	close_ready(10);
}

/* -- timers -- */

static struct weir_timer timer;
static uint64_t came_ns;

static void note_time(struct weir_timer *t)
{
	came_ns = fault_time_now();
	(void)t;
}

static void take_a_microsecond(struct probe *probe)
{
	(void)probe;
	n_called++;
	fault_time_advance(1000);
}

Test(loop_bounds, a_timer_does_not_wait_for_the_end_of_a_long_harvest)
{
	open_ready(WEIR_MAX_EVENTS, take_a_microsecond);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 10000, note_time);
	conn_turns(1);
	cr_assert_eq(n_called, WEIR_MAX_EVENTS);
	cr_assert_leq(came_ns, HARNESS_START_NS + WEIR_PIECE_EVENTS * 1000);
	close_ready(WEIR_MAX_EVENTS);
}

/* The timerfd is told behind all that were ready before it. */
Test(loop_bounds, a_timer_does_not_wait_for_harvests_that_have_no_end)
{
	open_ready(N_READY, take_a_microsecond);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 10000, note_time);
	conn_turns(1);
	cr_assert_leq(came_ns, HARNESS_START_NS + WEIR_PIECE_EVENTS * 1000);
	weir_timer_arm(&timer, conn_loop, fault_time_now() + 300000, note_time);
	came_ns = 0;
	conn_turns(2);
	cr_assert_gt(came_ns, 0);
	close_ready(N_READY);
}

Test(loop_bounds, without_a_timer_a_long_harvest_reads_no_clock)
{
	open_ready(WEIR_MAX_EVENTS, NULL);
	fault_reset();
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_NOW), 0);
	close_ready(WEIR_MAX_EVENTS);
}

static void flush_much(struct weir_timer *t)
{
	(void)t;
	n_called++;
	weir_loop_spend(conn_loop, WEIR_TURN_BYTES);
}

Test(loop_bounds, timers_that_write_are_bounded_too)
{
	static struct weir_timer timers[10];
	unsigned i;

	n_called = 0;
	for (i = 0; i < 10; i++)
		weir_timer_arm(&timers[i], conn_loop, 1, flush_much);
	for (i = 1; i <= 10; i++) {
		cr_assert_gt(weir_loop_turn(conn_loop, -1), 0);
		cr_assert_eq(n_called, i);
	}
}

static void note_call(struct weir_timer *t)
{
	(void)t;
	n_called++;
}

Test(loop_bounds, many_timers_that_are_due_at_once_take_several_turns)
{
	const unsigned most = WEIR_TURN_BYTES / WEIR_CALL_BYTES;
	static struct weir_timer timers[N_READY];
	unsigned i;

	n_called = 0;
	for (i = 0; i < N_READY; i++)
		weir_timer_arm(&timers[i], conn_loop, 1, note_call);
	for (i = 1; n_called < N_READY; i++) {
		cr_assert_gt(weir_loop_turn(conn_loop, -1), 0);
		cr_assert_eq(n_called, i * most < N_READY ? i * most : N_READY);
	}
}

/* -- closes -- */

static struct conn_probe ending[N_READY];

static unsigned n_ended(void)
{
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < N_READY; i++)
		n += ending[i].n_of[CONN_CLOSED];
	return n;
}

/* The kernel holds n_held bytes of each. Returns how many are closed a turn. */
static unsigned n_closed_a_turn(unsigned n, int n_held)
{
	unsigned n_turns = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		ending[i].events = &giving;
		cr_assert_eq(conn_probe_open_tcp(&ending[i], 0, NULL), 0);
		weir_conn_abort(&ending[i].conn, false);
	}
	fault_result(FAULT_UNACKED, FAULT_ANY_FD, FAULT_ALWAYS, n_held);
	while (n_ended() < n) {
		cr_assert_geq(weir_loop_turn(conn_loop, -1), 0);
		n_turns++;
	}
	cr_assert_eq(weir_loop_prepare(conn_loop), -1);
	return n / n_turns;
}

Test(loop_bounds, many_closes_at_once_take_several_turns)
{
	cr_assert_eq(n_closed_a_turn(N_READY, 0), N_READY / 3);
}

Test(loop_bounds, closes_of_which_the_kernel_holds_much_take_more_turns)
{
	cr_assert_eq(n_closed_a_turn(60, 4 * WEIR_TURN_BYTES), 15);
}

static size_t take_all(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	n_called++;
	return n;
}

static const struct weir_conn_events taking = {.on_data = take_all,
					       .on_close = note_close};

Test(loop_bounds, what_came_before_many_errors_at_once_takes_several_turns)
{
	const unsigned most = WEIR_TURN_BYTES / WEIR_CALL_BYTES;
	unsigned i;

	for (i = 0; i < N_READY; i++) {
		ending[i].events = &taking;
		cr_assert_eq(conn_probe_open(&ending[i], 0, NULL), 0);
		conn_probe_write(&ending[i], 100);
		weir_conn_fail(&ending[i].conn, -ECONNRESET);
	}
	while (n_ended() < N_READY) {
		n_called = 0;
		cr_assert_geq(weir_loop_turn(conn_loop, -1), 0);
		cr_assert_leq(n_called, most);
	}
}
