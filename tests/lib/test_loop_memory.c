/* When a loop gives the heap's free pages back after a burst: it takes long, so
 * once, and when nothing else is to be done. */
#include <weir.h>

#include <criterion/criterion.h>

#include "fault.h"
#include "harness.h"
#include "test_loop.h"

TestSuite(loop_memory, .init = loop_begin, .fini = loop_end);

static void end_burst(void)
{
	weir_pool_count(&loop->pool, WEIR_POOL_BURST);
	weir_pool_discount(&loop->pool, WEIR_POOL_BURST);
}

static void end_another(struct probe *p)
{
	(void)p;
	end_burst();
}

static uint64_t n_released(void)
{
	return fault_count(FAULT_RELEASE_MEMORY);
}

/* It is ready in each turn. */
static void keep_busy(void)
{
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
}

Test(loop_memory, goes_back_once_for_many_bursts_in_one_turn)
{
	keep_busy();
	probe.then = end_another;
	end_burst();
	end_burst();
	turns(3);
	cr_assert_eq(n_released(), 0);
	probe_close(&probe);
	turns(3);
	cr_assert_eq(n_released(), 1);
}

Test(loop_memory, goes_back_in_a_turn_in_which_nothing_is_ready)
{
	keep_busy();
	end_burst();
	turns(WEIR_RELEASE_TURNS / 2);
	cr_assert_eq(n_released(), 0);
	probe_close(&probe);
	turns(1);
	cr_assert_eq(n_released(), 1);
}

/* And waits for events again. */
Test(loop_memory, is_given_back_before_the_loop_waits)
{
	end_burst();
	cr_assert_eq(weir_loop_prepare(loop), 0);
	cr_assert_eq(weir_loop_turn(loop, -1), 0);
	cr_assert_eq(n_released(), 1);
	cr_assert_eq(weir_loop_prepare(loop), -1);
}

Test(loop_memory, goes_back_from_a_loop_that_is_always_busy)
{
	keep_busy();
	probe.then = end_another;
	end_burst();
	turns(WEIR_RELEASE_TURNS - 1);
	cr_assert_eq(n_released(), 0);
	turns(1);
	cr_assert_eq(n_released(), 1);
	turns(10 * WEIR_RELEASE_TURNS);
	cr_assert_eq(n_released(), 11);
}

static void end_burst_and_all(struct probe *p)
{
	end_burst();
	probe_close(p);
}

Test(loop_memory, goes_back_when_the_last_thing_closes)
{
	keep_busy();
	probe.then = end_burst_and_all;
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(n_released(), 1);
}

static void call_again(struct weir_watch *watch, uint32_t events)
{
	(void)events;
	weir_watch_defer(watch);
}

Test(loop_memory, goes_back_after_all_deferred_calls)
{
	struct weir_watch watch = {.loop = loop, .on_ready = call_again};

	weir_watch_defer(&watch);
	end_burst();
	turns(WEIR_RELEASE_TURNS - 1);
	cr_assert_eq(n_released(), 0);
	weir_list_remove(&watch.work);
	turns(1);
	cr_assert_eq(n_released(), 1);
}
