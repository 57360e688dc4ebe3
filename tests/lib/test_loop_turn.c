/* What happens inside a turn: the harvest and its batch, the phases after it,
 * the clock, the end of running. */
#include "test_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"

enum {
	N_MANY = 300 /* more than one harvest holds */
};

static struct probe a;
static struct probe b;

static void finish(void)
{
	probe_close(&a);
	probe_close(&b);
	loop_end();
}

TestSuite(loop_turn, .init = loop_begin, .fini = finish);

/* Both watched and ready in one batch, each with the other in mind. */
static void make_both_ready(void (*then)(struct probe *p))
{
	a = (struct probe){.then = then, .other = &b};
	b = (struct probe){.then = then, .other = &a};
	probe_open(&a, loop, EPOLLIN);
	probe_open(&b, loop, EPOLLIN);
	probe_poke(&a);
	probe_poke(&b);
}

/* -- the batch -- */

static void close_other(struct probe *p)
{
	probe_drain(p);
	probe_close(p->other);
}

Test(loop_turn, a_watch_closed_in_mid_batch_does_not_get_its_event)
{
	make_both_ready(close_other);
	cr_assert_eq(weir_loop_turn(loop, 0), 2);
	cr_assert_eq(a.n_calls + b.n_calls, 1);
	turns(2);
	cr_assert_eq(a.n_calls + b.n_calls, 1);
}

static void close_itself(struct probe *p)
{
	probe_close(p);
}

Test(loop_turn, a_watch_may_close_itself)
{
	make_both_ready(close_itself);
	turns(2);
	cr_assert_eq(a.n_calls, 1);
	cr_assert_eq(b.n_calls, 1);
}

static void free_both(struct probe *p)
{
	struct probe *other = p->other;

	probe_close(p);
	probe_close(other);
	free(p);
	free(other);
}

Test(loop_turn, ready_watches_may_be_closed_and_freed_in_mid_batch)
{
	struct probe *c = calloc(1, sizeof *c);
	struct probe *d = calloc(1, sizeof *d);

	*c = (struct probe){.then = free_both, .other = d};
	*d = (struct probe){.then = free_both, .other = c};
	probe_open(c, loop, EPOLLIN);
	probe_open(d, loop, EPOLLIN);
	probe_poke(c);
	probe_poke(d);
	cr_assert_eq(weir_loop_turn(loop, 0), 2);
	turns(2);
}

/* The other's descriptors go and come again, under the same numbers. */
static void reopen_other(struct probe *p)
{
	int fd = p->other->fd[0];

	probe_drain(p);
	probe_close(p->other);
	probe_open(p->other, loop, EPOLLIN);
	cr_assert_eq(p->other->fd[0], fd);
}

Test(loop_turn, a_recycled_number_does_not_get_the_dead_ones_event)
{
	make_both_ready(reopen_other);
	cr_assert_eq(weir_loop_turn(loop, 0), 2);
	cr_assert_eq(a.n_calls + b.n_calls, 1);
	cr_assert_eq(weir_loop_turn(loop, 0), 0);
	probe_poke(&a);
	probe_poke(&b);
	a.then = NULL;
	b.then = NULL;
	turns(1);
	cr_assert_eq(a.n_calls + b.n_calls, 3, "the new ones do work");
}

static void read_byte(struct weir_watch *watch, uint32_t events)
{
	eventfd_t value;

	cr_assert_eq(events, EPOLLIN);
	cr_assert_eq(eventfd_read(watch->fd, &value), 0);
}

Test(loop_turn, more_watches_than_one_harvest_holds_are_all_served)
{
	static struct weir_watch watches[N_MANY];
	int n_ready = 0;
	int i;

	for (i = 0; i < N_MANY; i++)
		cr_assert_eq(weir_watch_open(&watches[i], loop,
					     eventfd(1, EFD_CLOEXEC), EPOLLIN,
					     read_byte),
			     0);
	for (i = 0; i < 3; i++)
		n_ready += weir_loop_turn(loop, 0);
	cr_assert_eq(n_ready, N_MANY);
	for (i = 0; i < N_MANY; i++) {
		weir_watch_close(&watches[i]);
		close(watches[i].fd);
	}
}

/* -- deferred work -- */

Test(loop_turn, deferred_calls_come_in_this_turn_closes_before_flushes)
{
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	weir_watch_defer(&a.watch);
	weir_watch_defer_close(&b.watch);
	weir_loop_turn(loop, -1);
	cr_assert_eq(a.n_calls, 1);
	cr_assert_eq(b.n_calls, 1);
	cr_assert_eq(a.events, 0);
	cr_assert_eq(b.events, 0);
	cr_assert_lt(b.sequence, a.sequence);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS);
	turns(2);
	cr_assert_eq(a.n_calls + b.n_calls, 2);
}

Test(loop_turn, a_close_overrides_a_flush_and_never_the_other_way)
{
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	weir_watch_defer(&a.watch);
	weir_watch_defer(&b.watch);
	weir_watch_defer_close(&b.watch);
	turns(2);
	cr_assert_eq(a.n_calls, 1);
	cr_assert_eq(b.n_calls, 1);
	cr_assert_lt(b.sequence, a.sequence);

	weir_watch_defer(&a.watch);
	weir_watch_defer_close(&b.watch);
	weir_watch_defer(&b.watch);
	turns(2);
	cr_assert_eq(a.n_calls, 2);
	cr_assert_eq(b.n_calls, 2);
	cr_assert_lt(b.sequence, a.sequence);
}

static void defer_close_of_other(struct probe *p)
{
	p->then = NULL;
	weir_watch_defer_close(&p->other->watch);
}

static void defer_flush_of_other(struct probe *p)
{
	p->then = NULL;
	weir_watch_defer(&p->other->watch);
}

/* a, called in the phase that first asks for, defers b. */
static void defer_inside(void (*first)(struct weir_watch *watch),
			 void (*then)(struct probe *p))
{
	a = (struct probe){.then = then, .other = &b};
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	first(&a.watch);
	weir_loop_turn(loop, -1);
	weir_loop_turn(loop, -1);
	cr_assert_eq(a.n_calls, 1);
	cr_assert_eq(b.n_calls, 1);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS, "it did not wait");
}

Test(loop_turn, a_close_deferred_by_a_close_comes_next_turn_without_a_wait)
{
	defer_inside(weir_watch_defer_close, defer_close_of_other);
	cr_assert_eq(b.turn, a.turn + 1);
}

Test(loop_turn, a_close_deferred_by_a_flush_comes_next_turn_without_a_wait)
{
	defer_inside(weir_watch_defer, defer_close_of_other);
	cr_assert_eq(b.turn, a.turn + 1);
}

Test(loop_turn, a_flush_deferred_by_a_flush_comes_next_turn_without_a_wait)
{
	defer_inside(weir_watch_defer, defer_flush_of_other);
	cr_assert_eq(b.turn, a.turn + 1);
}

Test(loop_turn, a_flush_deferred_by_a_close_comes_in_the_same_turn)
{
	a = (struct probe){.then = defer_flush_of_other, .other = &b};
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	weir_watch_defer_close(&a.watch);
	turns(1);
	cr_assert_eq(b.n_calls, 1);
	cr_assert_eq(b.turn, a.turn);
}

Test(loop_turn, asking_again_for_what_is_due_does_not_put_it_off)
{
	a = (struct probe){.then = defer_close_of_other, .other = &b};
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	weir_watch_defer_close(&a.watch);
	weir_watch_defer_close(&b.watch);
	turns(1);
	cr_assert_eq(b.n_calls, 1);
	a.then = defer_flush_of_other;
	weir_watch_defer(&a.watch);
	weir_watch_defer(&b.watch);
	turns(1);
	cr_assert_eq(b.n_calls, 2);
	turns(1);
	cr_assert_eq(b.n_calls, 2);
}

static void look_from_timer(struct weir_timer *timer)
{
	(void)timer;
	cr_assert_eq(a.n_calls, 1, "watches come before timers");
	cr_assert_eq(b.n_calls, 0, "and deferred calls after them");
}

Test(loop_turn, goes_from_watches_to_timers_to_deferred_calls)
{
	struct weir_timer timer = {0};

	a = (struct probe){.then = defer_close_of_other, .other = &b};
	probe_open(&a, loop, EPOLLIN);
	probe_open(&b, loop, 0);
	probe_poke(&a);
	weir_timer_arm(&timer, loop, HARNESS_START_NS, look_from_timer);
	turns(1);
	cr_assert_not(weir_timer_is_armed(&timer));
	cr_assert_eq(b.n_calls, 1);
	cr_assert_eq(b.turn, a.turn);
}

static void defer_itself(struct probe *p)
{
	weir_watch_defer(&p->watch);
}

Test(loop_turn, a_watch_that_defers_itself_comes_once_a_turn)
{
	unsigned n;

	a.then = defer_itself;
	probe_open(&a, loop, 0);
	weir_watch_defer(&a.watch);
	for (n = 1; n < 10; n++) {
		weir_loop_turn(loop, -1);
		cr_assert_eq(a.n_calls, n);
	}
}

Test(loop_turn, a_closed_watch_is_not_called_for_what_was_deferred)
{
	probe_open(&a, loop, EPOLLIN);
	probe_open(&b, loop, EPOLLIN);
	weir_watch_set(&a.watch, EPOLLOUT);
	weir_watch_defer(&a.watch);
	weir_watch_defer_close(&b.watch);
	probe_close(&a);
	probe_close(&b);
	turns(2);
	cr_assert_eq(a.n_calls + b.n_calls, 0);
}

Test(loop_turn, an_earlier_watch_of_a_phase_may_close_a_later_one)
{
	a = (struct probe){.then = close_other, .other = &b};
	b = (struct probe){.then = close_other, .other = &a};
	probe_open(&a, loop, 0);
	probe_open(&b, loop, 0);
	weir_watch_defer(&a.watch);
	weir_watch_defer(&b.watch);
	turns(2);
	cr_assert_eq(a.n_calls, 1);
	cr_assert_eq(b.n_calls, 0);
}

Test(loop_turn, a_change_of_interest_survives_a_deferral)
{
	probe_open(&a, loop, EPOLLIN);
	probe_open(&b, loop, EPOLLIN);
	weir_watch_set(&a.watch, EPOLLOUT);
	weir_watch_defer(&a.watch);
	weir_watch_defer(&b.watch);
	weir_watch_set(&b.watch, EPOLLOUT);
	turns(1);
	turns(1);
	cr_assert_eq(a.events, EPOLLOUT);
	cr_assert_eq(b.events, EPOLLOUT);
}

static void lose_interest_and_defer(struct probe *p)
{
	p->then = NULL;
	weir_watch_set(&p->watch, 0);
	weir_watch_defer(&p->watch);
}

static void lose_interest_for_a_flush(struct probe *p)
{
	p->then = NULL;
	weir_watch_set(&p->watch, 0);
	weir_watch_defer_flush(&p->watch);
}

Test(loop_turn, a_change_of_interest_waits_for_a_flush_with_it)
{
	a.then = lose_interest_for_a_flush;
	probe_open(&a, loop, EPOLLIN);
	weir_watch_defer(&a.watch);
	turns(1);
	cr_assert_eq(a.watch.committed, EPOLLIN, "in the flushes");
	turns(1);
	cr_assert_eq(a.n_calls, 2);
	cr_assert_eq(a.watch.committed, EPOLLIN, "the flush has just been");
	weir_watch_defer(&a.watch);
	turns(1);
	cr_assert_eq(a.watch.committed, 0);
}

Test(loop_turn, a_flush_that_becomes_any_deferral_keeps_its_place)
{
	probe_open(&a, loop, EPOLLIN);
	probe_open(&b, loop, EPOLLIN);
	weir_watch_defer_flush(&a.watch);
	weir_watch_defer(&b.watch);
	weir_watch_defer(&a.watch);
	weir_watch_defer_flush(&b.watch);
	weir_watch_set(&a.watch, 0);
	weir_watch_set(&b.watch, 0);
	turns(1);
	cr_assert_eq(a.watch.committed, 0);
	cr_assert_eq(b.watch.committed, 0);
	cr_assert_lt(a.sequence, b.sequence);
}

Test(loop_turn, a_change_of_interest_is_not_held_up_by_a_deferral)
{
	a.then = lose_interest_and_defer;
	probe_open(&a, loop, EPOLLIN);
	probe_poke(&a);
	weir_watch_defer(&a.watch);
	probe_drain(&a);
	turns(1);
	probe_poke(&a);
	turns(1);
	cr_assert_eq(a.n_calls, 2, "the two flushes");
	cr_assert_eq(a.events, 0);
}
