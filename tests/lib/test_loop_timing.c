/* The longest turn of a loop: found when asked for, and what belongs to it. */
#include "test_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fault.h"
#include "harness.h"

enum {
	MS = 1000000
};

TestSuite(loop_timing, .init = loop_begin, .fini = loop_end);

static void compute(void)
{
	fault_time_compute(5 * MS);
}

static void compute_and_drain(struct probe *p)
{
	compute();
	probe_drain(p);
}

static struct weir_loop_stats stats(void)
{
	struct weir_loop_stats is;

	weir_loop_stats(loop, &is);
	return is;
}

/* The longest turn was one with a single piece of work, of that kind. */
static void expect_longest(enum weir_work kind)
{
	cr_expect_eq(stats().longest_turn_ns, 5 * MS);
	cr_expect_eq(stats().longest_turn_in, kind);
}

/* -- when it is on -- */

Test(loop_timing, unasked_it_reads_no_clock)
{
	probe.then = compute_and_drain;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	turns(1);
	weir_watch_defer(&probe.watch);
	turns(1);
	cr_expect_eq(probe.n_calls, 2);
	cr_expect_eq(fault_count(FAULT_NOW), 0);
	cr_expect_eq(fault_count(FAULT_THREAD_CPU), 0);
	cr_expect_eq(stats().longest_turn_ns, 0);
}

Test(loop_timing, asked_again_it_forgets_the_longest)
{
	probe.then = compute_and_drain;
	probe_open(&probe, loop, EPOLLIN);
	weir_loop_time_turns(loop, true);
	probe_poke(&probe);
	turns(1);
	expect_longest(WEIR_WORK_WATCH);
	weir_loop_time_turns(loop, true);
	cr_expect_eq(stats().longest_turn_ns, 0);
	turns(1);
	cr_expect_eq(stats().longest_turn_ns, 0, "an empty turn");
	probe_poke(&probe);
	turns(1);
	expect_longest(WEIR_WORK_WATCH);
}

Test(loop_timing, switched_off_it_keeps_what_it_found_and_reads_no_clock)
{
	probe.then = compute_and_drain;
	probe_open(&probe, loop, EPOLLIN);
	weir_loop_time_turns(loop, true);
	probe_poke(&probe);
	turns(1);
	weir_loop_time_turns(loop, false);
	fault_reset();
	probe_poke(&probe);
	turns(1);
	cr_expect_eq(probe.n_calls, 2);
	cr_expect_eq(fault_count(FAULT_NOW), 0);
	cr_expect_eq(fault_count(FAULT_THREAD_CPU), 0);
	expect_longest(WEIR_WORK_WATCH);
}

Test(loop_timing, between_off_and_on_again_nothing_counts)
{
	weir_loop_time_turns(loop, true);
	turns(1);
	weir_loop_time_turns(loop, false);
	compute();
	weir_loop_time_turns(loop, true);
	turns(1);
	cr_expect_eq(stats().longest_turn_ns, 0);
}

static void switch_on(struct probe *p)
{
	compute_and_drain(p);
	weir_loop_time_turns(loop, true);
	compute();
}

static void switch_off_and_on(struct probe *p)
{
	weir_loop_time_turns(loop, false);
	switch_on(p);
}

Test(loop_timing, switched_on_inside_a_turn_it_begins_with_the_next)
{
	probe.then = switch_on;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	turns(1);
	cr_expect_eq(stats().longest_turn_ns, 0);
	turns(1);
	cr_expect_eq(stats().longest_turn_ns, 0);
	probe.then = switch_off_and_on;
	probe_poke(&probe);
	turns(1);
	cr_expect_eq(probe.n_calls, 2);
	cr_expect_eq(stats().longest_turn_ns, 0);
	probe.then = compute_and_drain;
	probe_poke(&probe);
	turns(1);
	expect_longest(WEIR_WORK_WATCH);
}

/* A scrape is served from a callback, and asks again from there. */
Test(loop_timing, asked_again_inside_a_turn_that_turn_still_counts)
{
	weir_loop_time_turns(loop, true);
	probe.then = switch_on;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	turns(1);
	cr_expect_eq(stats().longest_turn_ns, 10 * MS);
}

/* Whoever ran it before: a run compares with its own thread's beginning. */
Test(loop_timing, what_a_thread_did_before_the_run_is_no_turn)
{
	weir_loop_time_turns(loop, true);
	turns(1);
	compute();
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_expect_eq(stats().longest_turn_ns, 0);
	compute();
	probe_open(&probe, loop, EPOLLIN);
	probe.then = probe_close;
	probe_poke(&probe);
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_expect_eq(stats().longest_turn_ns, 0);
}

/* -- what counts -- */

Test(loop_timing, waiting_does_not_count)
{
	weir_loop_time_turns(loop, true);
	probe.then = compute_and_drain;
	probe_open(&probe, loop, EPOLLIN);
	weir_loop_turn(loop, 1000 * MS);
	cr_expect_eq(stats().longest_turn_ns, 0);
	probe_poke(&probe);
	turns(1);
	expect_longest(WEIR_WORK_WATCH);
}

static void flush_probe(struct weir_timer *timer)
{
	(void)timer;
	weir_watch_defer(&probe.watch);
}

/* The wait ends with the timer, whose turn then does more in its flushes. */
Test(loop_timing, the_wait_is_no_work_of_what_it_waited_for)
{
	struct weir_timer timer = {0};

	weir_loop_time_turns(loop, true);
	probe.then = compute_and_drain;
	probe_open(&probe, loop, 0);
	weir_timer_arm(&timer, loop, HARNESS_START_NS + 1000 * (uint64_t)MS,
		       flush_probe);
	weir_loop_turn(loop, -1);
	expect_longest(WEIR_WORK_FLUSH);
}

Test(loop_timing, a_failing_wait_is_part_of_the_turn_that_follows)
{
	weir_loop_time_turns(loop, true);
	fault_next(FAULT_EPOLL_WAIT, -EBADF);
	cr_expect_eq(weir_loop_turn(loop, 0), -EBADF);
	probe.then = compute_and_drain;
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	turns(1);
	expect_longest(WEIR_WORK_WATCH);
}

static void compute_longer(struct weir_timer *timer)
{
	(void)timer;
	fault_time_compute(12 * MS);
}

Test(loop_timing, many_short_callbacks_outweigh_a_long_one)
{
	struct weir_timer timer = {0};
	struct probe others[3];
	int i;

	memset(others, 0, sizeof others);
	weir_timer_arm(&timer, loop, HARNESS_START_NS, compute_longer);
	weir_loop_time_turns(loop, true);
	for (i = 0; i < 3; i++) {
		others[i].then = compute_and_drain;
		probe_open(&others[i], loop, EPOLLIN);
		probe_poke(&others[i]);
	}
	turns(1);
	cr_expect_not(weir_timer_is_armed(&timer));
	cr_expect_eq(stats().longest_turn_ns, 27 * MS);
	cr_expect_eq(stats().longest_turn_in, WEIR_WORK_WATCH);
	for (i = 0; i < 3; i++)
		probe_close(&others[i]);
}

static void close_other(struct probe *p)
{
	compute_and_drain(p);
	probe_close(p->other);
	probe_close(p);
}

Test(loop_timing, watches_may_be_closed_while_it_is_measured)
{
	struct probe other = {.then = close_other, .other = &probe};

	probe.then = close_other;
	probe.other = &other;
	weir_loop_time_turns(loop, true);
	probe_open(&probe, loop, EPOLLIN);
	probe_open(&other, loop, EPOLLIN);
	probe_poke(&probe);
	probe_poke(&other);
	turns(1);
	cr_expect_eq(probe.n_calls + other.n_calls, 1);
	expect_longest(WEIR_WORK_WATCH);
}
