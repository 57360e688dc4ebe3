/* Waiting, the clock, and when running ends. */
#include "test_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

#include "fault.h"
#include "harness.h"

TestSuite(loop_run, .init = loop_begin, .fini = loop_end);

static void stop(struct probe *p)
{
	weir_loop_stop(p->watch.loop);
}

static void close_it(struct probe *p)
{
	probe_close(p);
}

/* -- running -- */

Test(loop_run, run_returns_at_once_when_nothing_is_open)
{
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), 0);
}

Test(loop_run, run_returns_when_the_last_watch_closes)
{
	probe.then = close_it;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 1);
}

Test(loop_run, stop_ends_the_run_after_the_current_turn)
{
	struct probe other = {0};

	probe.then = stop;
	probe_open(&probe, loop, EPOLLIN);
	probe_open(&other, loop, 0);
	probe_poke(&probe);
	weir_watch_defer(&other.watch);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 1);
	cr_assert_eq(other.n_calls, 1, "the rest of the turn is done");
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 2, "it can be run again");
	probe_close(&other);
}

Test(loop_run, stopped_beforehand_run_returns_at_once_and_only_once)
{
	probe.then = close_it;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_loop_stop(loop);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 0);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 1);
}

Test(loop_run, an_error_of_the_wait_is_returned_and_changes_nothing)
{
	probe.then = close_it;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	fault_next(FAULT_EPOLL_WAIT, -EBADF);
	cr_assert_eq(weir_loop_run(loop), -EBADF);
	fault_next(FAULT_EPOLL_WAIT, -EINVAL);
	cr_assert_eq(weir_loop_turn(loop, 0), -EINVAL);
	cr_assert_eq(probe.n_calls, 0);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(probe.n_calls, 1);
}

Test(loop_run, a_signal_does_not_end_the_run)
{
	probe.then = close_it;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	fault_next(FAULT_EPOLL_WAIT, 0);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(fault_count(FAULT_EPOLL_WAIT), 2);
	cr_assert_eq(probe.n_calls, 1);
}

/* So it cannot end a wait, and is nothing for another thread. */
Test(loop_run, stop_enters_no_kernel)
{
	weir_loop_stop(loop);
	cr_assert_eq(fault_count_kernel(), 0);
}

static void run_it(struct probe *p)
{
	weir_loop_run(p->watch.loop);
}

static void turn_it(struct probe *p)
{
	weir_loop_turn(p->watch.loop, 0);
}

static void turn_with(void (*then)(struct probe *p))
{
	probe.then = then;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_loop_turn(loop, 0);
}

Test(loop_run, run_inside_a_callback_aborts, .signal = SIGABRT)
{
	turn_with(run_it);
}

Test(loop_run, a_turn_inside_a_callback_aborts, .signal = SIGABRT)
{
	turn_with(turn_it);
}

/* -- waiting -- */

Test(loop_run, a_turn_waits_as_long_as_it_is_told)
{
	probe_open(&probe, loop, EPOLLIN);
	cr_assert_eq(weir_loop_turn(loop, 0), 0);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS);
	cr_assert_eq(weir_loop_turn(loop, 12345), 0);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS + 12345);
}

Test(loop_run, a_turn_does_not_wait_when_something_is_ready)
{
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	cr_assert_eq(weir_loop_turn(loop, 12345), 1);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS);
}

static void note_time(struct weir_timer *timer)
{
	(void)timer;
}

Test(loop_run, a_turn_waits_no_longer_than_to_the_next_timer)
{
	struct weir_timer timer = {0};

	weir_timer_arm(&timer, loop, HARNESS_START_NS + 500, note_time);
	weir_loop_turn(loop, 12345);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS + 500);
	cr_assert_not(weir_timer_is_armed(&timer));
}

Test(loop_run, two_loops_do_not_disturb_each_other)
{
	struct weir_loop *other_loop;
	struct probe other = {0};

	cr_assert_eq(weir_loop_new(&other_loop), 0);
	probe_open(&probe, loop, EPOLLIN);
	probe_open(&other, other_loop, EPOLLIN);
	probe_poke(&probe);
	probe_poke(&other);
	cr_assert_eq(weir_loop_turn(loop, 0), 1);
	cr_assert_eq(other.n_calls, 0);
	cr_assert_eq(weir_loop_turn(other_loop, 0), 1);
	cr_assert_eq(other.n_calls, 1);
	cr_assert_eq(probe.n_calls, 1);
	probe_close(&other);
	cr_assert_eq(weir_loop_free(other_loop), 0);
}

/* -- the clock -- */

static void look_at_the_clock(struct probe *p)
{
	uint64_t now_ns = weir_loop_now(p->watch.loop);
	int i;

	cr_assert_eq(now_ns, fault_time_now());
	fault_time_advance(1000);
	for (i = 0; i < 10; i++)
		cr_assert_eq(weir_loop_now(p->watch.loop), now_ns);
}

Test(loop_run, now_is_read_once_a_turn_and_stands_still_within)
{
	probe.then = look_at_the_clock;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_loop_turn(loop, 0);
	cr_assert_eq(fault_count(FAULT_NOW), 1);
	weir_loop_turn(loop, 0);
	cr_assert_eq(fault_count(FAULT_NOW), 2);
	cr_assert_eq(probe.n_calls, 2);
}

static void look_at_both_clocks(struct probe *p)
{
	uint64_t now_ns = weir_loop_now(p->watch.loop);

	fault_time_advance(1000);
	cr_assert_eq(weir_loop_now(p->watch.loop), now_ns);
	cr_assert_eq(weir_loop_fresh_now(p->watch.loop), now_ns + 1000);
	cr_assert_eq(weir_loop_now(p->watch.loop), now_ns + 1000);
}

Test(loop_run, a_fresh_now_is_read_now_and_good_for_the_rest_of_the_turn)
{
	probe.then = look_at_both_clocks;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_loop_turn(loop, 0);
	cr_assert_eq(probe.n_calls, 1);
}

Test(loop_run, a_turn_in_which_nobody_asks_reads_no_clock)
{
	struct weir_timer timer = {0};

	weir_timer_arm(&timer, loop, HARNESS_START_NS + 500, note_time);
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_loop_turn(loop, 0);
	weir_loop_turn(loop, 0);
	cr_assert_eq(probe.n_calls, 2);
	cr_assert_eq(fault_count(FAULT_NOW), 0);
	weir_timer_cancel(&timer);
}

Test(loop_run, between_turns_now_goes_on)
{
	cr_assert_eq(weir_loop_now(loop), HARNESS_START_NS);
	weir_loop_turn(loop, 0);
	fault_time_advance(700);
	cr_assert_eq(weir_loop_now(loop), HARNESS_START_NS + 700);
}

Test(loop_run, stats_count_the_turns)
{
	struct weir_loop_stats stats;

	weir_loop_turn(loop, 0);
	weir_loop_turn(loop, 0);
	weir_loop_stats(loop, &stats);
	cr_assert_eq(stats.n_turns, 2);
	cr_assert_eq(stats.n_queue_bytes, 0);
}
