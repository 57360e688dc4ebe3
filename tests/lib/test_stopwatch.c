#include "stopwatch.h"

#include <criterion/criterion.h>

#include "fault.h"
#include "harness.h"

TestSuite(stopwatch, .init = harness_begin, .fini = harness_end);

static struct weir_stopwatch s;

static void work(enum weir_work kind, uint64_t ns)
{
	fault_time_compute(ns);
	weir_stopwatch_lap(&s, kind);
}

static void turn_of(enum weir_work kind, uint64_t ns)
{
	weir_stopwatch_begin_turn(&s);
	work(kind, ns);
	weir_stopwatch_end_turn(&s);
}

Test(stopwatch, names_what_took_most_of_the_turn)
{
	weir_stopwatch_begin_turn(&s);
	work(WEIR_WORK_LISTENER, 30);
	work(WEIR_WORK_CONNECTION, 40);
	work(WEIR_WORK_TIMER, 20);
	weir_stopwatch_end_turn(&s);
	cr_expect_eq(s.longest_ns, 90);
	cr_expect_eq(s.longest_in, WEIR_WORK_CONNECTION);
}

Test(stopwatch, adds_up_the_laps_of_a_kind)
{
	weir_stopwatch_begin_turn(&s);
	work(WEIR_WORK_CONNECTION, 30);
	work(WEIR_WORK_CLOSE, 40);
	work(WEIR_WORK_CONNECTION, 20);
	weir_stopwatch_end_turn(&s);
	cr_expect_eq(s.longest_in, WEIR_WORK_CONNECTION);
}

Test(stopwatch, keeps_the_longest_turn)
{
	turn_of(WEIR_WORK_SIGNAL, 50);
	turn_of(WEIR_WORK_CONNECTION, 60);
	turn_of(WEIR_WORK_WATCH, 55);
	cr_expect_eq(s.longest_ns, 60);
	cr_expect_eq(s.longest_in, WEIR_WORK_CONNECTION);
}

/* A disk or a lock was waited for: the wall's clock went on, not the CPU's. */
Test(stopwatch, takes_waiting_for_work_but_not_for_length)
{
	weir_stopwatch_begin_turn(&s);
	work(WEIR_WORK_CONNECTION, 40);
	fault_time_advance(1000);
	work(WEIR_WORK_TIMER, 5);
	weir_stopwatch_end_turn(&s);
	cr_expect_eq(s.longest_ns, 45);
	cr_expect_eq(s.longest_in, WEIR_WORK_TIMER);
}

/* The wait of the loop. */
Test(stopwatch, what_comes_before_a_lap_that_was_begun_belongs_to_none)
{
	weir_stopwatch_begin_turn(&s);
	work(WEIR_WORK_COMMIT, 10);
	fault_time_advance(1000);
	weir_stopwatch_begin_lap(&s);
	work(WEIR_WORK_FLUSH, 20);
	weir_stopwatch_end_turn(&s);
	cr_expect_eq(s.longest_in, WEIR_WORK_FLUSH);
	cr_expect_eq(s.spent_ns[WEIR_WORK_FLUSH], 20);
}

/* One system call a turn: the end of one is the beginning of the next. */
Test(stopwatch, reads_the_threads_clock_once_a_turn)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		turn_of(WEIR_WORK_WATCH, 1);
	cr_expect_eq(fault_count(FAULT_THREAD_CPU), 1 + 10);
}

Test(stopwatch, begun_anew_inside_a_turn_it_waits_for_the_next)
{
	weir_stopwatch_begin_turn(&s);
	work(WEIR_WORK_WATCH, 100);
	s = (struct weir_stopwatch){0};
	work(WEIR_WORK_WATCH, 100);
	weir_stopwatch_end_turn(&s);
	cr_expect_eq(s.longest_ns, 0);
	turn_of(WEIR_WORK_DGRAM, 7);
	cr_expect_eq(s.longest_ns, 7);
	cr_expect_eq(s.longest_in, WEIR_WORK_DGRAM);
}

Test(stopwatch, every_kind_of_work_has_the_name_that_is_written_here)
{
	static const char *const names[WEIR_N_WORKS] = {
		[WEIR_WORK_WATCH] = "watch",
		[WEIR_WORK_CONNECTION] = "connection",
		[WEIR_WORK_LISTENER] = "listener",
		[WEIR_WORK_CONNECTOR] = "connector",
		[WEIR_WORK_DGRAM] = "dgram",
		[WEIR_WORK_SIGNAL] = "signal",
		[WEIR_WORK_WAKEUP] = "wakeup",
		[WEIR_WORK_TIMER] = "timer",
		[WEIR_WORK_CLOSE] = "close",
		[WEIR_WORK_FLUSH] = "flush",
		[WEIR_WORK_COMMIT] = "commit",
		[WEIR_WORK_MEMORY] = "memory",
	};
	int i;

	for (i = 0; i < WEIR_N_WORKS; i++) {
		cr_assert_not_null(names[i], "this test lacks number %d", i);
		cr_expect_str_eq(weir_work_name((enum weir_work)i), names[i]);
	}
	cr_expect_null(weir_work_name(WEIR_N_WORKS));
	cr_expect_null(weir_work_name((enum weir_work)99));
}
