#include "timer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include "test_loop.h"

#include "fault.h"
#include "harness.h"

enum {
	N_TIMERS = 64
};

#define MS UINT64_C(1000000)

/* A timer that notes when it came. */
struct alarm {
	struct weir_timer timer;
	unsigned n_calls;
	uint64_t turn;	  /* of the last call */
	uint64_t time_ns; /* of the last call */
	void (*then)(struct alarm *alarm);
	struct alarm *other;
};

static struct alarm alarms[N_TIMERS];
static struct alarm *order[N_TIMERS];
static size_t n_order;

TestSuite(timer, .init = loop_begin, .fini = loop_end);

static void ring(struct weir_timer *timer)
{
	struct alarm *alarm = weir_container_of(timer, struct alarm, timer);

	cr_assert_not(weir_timer_is_armed(timer));
	cr_assert_leq(timer->deadline_ns, weir_loop_now(loop));
	alarm->n_calls++;
	alarm->turn = loop->n_turns;
	alarm->time_ns = weir_loop_now(loop);
	if (n_order < N_TIMERS)
		order[n_order++] = alarm;
	if (alarm->then)
		alarm->then(alarm);
}

/* Arm so many ns after the start of time. */
static void arm(struct alarm *alarm, uint64_t ns)
{
	weir_timer_arm(&alarm->timer, loop, HARNESS_START_NS + ns, ring);
}

/* -- the heap, against a naive model -- */

/* Children are not earlier than their parent, links agree; how many. */
static size_t check_heap(const struct weir_timer *root)
{
	const struct weir_timer *prev = root;
	const struct weir_timer *child;
	size_t n = 1;

	for (child = root->child; child; child = child->next) {
		cr_assert_eq(child->prev, prev);
		cr_assert_leq(root->deadline_ns, child->deadline_ns);
		n += check_heap(child);
		prev = child;
	}
	return n;
}

/* The model is a flag for each timer; the earliest is found by looking. */
static void check_against(const struct weir_timer *root, const bool *is_in)
{
	uint64_t earliest = WEIR_NEVER;
	size_t n = 0;
	size_t i;

	for (i = 0; i < N_TIMERS; i++) {
		uint64_t deadline = alarms[i].timer.deadline_ns;

		if (is_in[i] && deadline < earliest)
			earliest = deadline;
		n += is_in[i];
	}
	cr_assert_eq(root == NULL, n == 0);
	if (!root)
		return;
	cr_assert_null(root->prev);
	cr_assert_null(root->next);
	cr_assert_eq(root->deadline_ns, earliest);
	cr_assert_eq(check_heap(root), n);
}

Test(timer, heap_knows_the_earliest_under_random_operations)
{
	struct weir_timer *root = NULL;
	bool is_in[N_TIMERS] = {false};
	int step;

	for (step = 0; step < 100000; step++) {
		size_t i = harness_random_below(N_TIMERS);
		struct weir_timer *timer = &alarms[i].timer;

		/* now and then the earliest goes, as when it expires */
		if (root && harness_random_below(4) == 0) {
			timer = root;
			i = (size_t)(weir_container_of(root, struct alarm,
						       timer) -
				     alarms);
		}
		if (is_in[i]) {
			root = weir_timer_heap_remove(root, timer);
		} else {
			timer->deadline_ns = harness_random_below(100);
			root = weir_timer_heap_add(root, timer);
		}
		is_in[i] = !is_in[i];
		check_against(root, is_in);
	}
}

/* -- expiry -- */

Test(timer, comes_once_at_its_deadline_to_the_nanosecond)
{
	arm(&alarms[0], 12345678);
	cr_assert(weir_timer_is_armed(&alarms[0].timer));
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].n_calls, 1);
	cr_assert_eq(alarms[0].time_ns, HARNESS_START_NS + 12345678);
}

Test(timer, does_not_come_before_its_deadline)
{
	arm(&alarms[0], 1000);
	weir_loop_turn(loop, 999);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS + 999);
	cr_assert_eq(alarms[0].n_calls, 0);
	weir_loop_turn(loop, 1);
	weir_loop_turn(loop, 0);
	cr_assert_eq(alarms[0].n_calls, 1);
}

Test(timer, many_come_in_the_order_of_their_deadlines)
{
	size_t i;

	for (i = 0; i < N_TIMERS; i++)
		arm(&alarms[i], 1 + harness_random_below(50));
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(n_order, N_TIMERS);
	for (i = 0; i < N_TIMERS; i++) {
		cr_assert_eq(order[i]->n_calls, 1);
		cr_assert_eq(order[i]->time_ns, order[i]->timer.deadline_ns);
		cr_assert(i == 0 || order[i - 1]->time_ns <= order[i]->time_ns);
	}
}

Test(timer, all_that_are_due_come_in_one_turn_after_the_loop_was_away)
{
	size_t i;

	for (i = 0; i < N_TIMERS; i++)
		arm(&alarms[i], N_TIMERS - i);
	weir_loop_turn(loop, 0);
	fault_time_advance(1000);
	weir_loop_turn(loop, -1);
	cr_assert_eq(n_order, N_TIMERS);
	for (i = 0; i < N_TIMERS; i++)
		cr_assert_eq(order[i], &alarms[N_TIMERS - 1 - i]);
}

Test(timer, one_that_is_armed_in_the_past_comes_without_waiting)
{
	static const uint64_t past[] = {0, 1, HARNESS_START_NS};
	size_t i;

	for (i = 0; i < 3; i++) {
		weir_timer_arm(&alarms[i].timer, loop, past[i], ring);
		weir_loop_turn(loop, -1);
		cr_assert_eq(alarms[i].n_calls, 1);
	}
	cr_assert_eq(fault_time_now(), HARNESS_START_NS);
}

Test(timer, arming_again_moves_it_either_way)
{
	arm(&alarms[0], 100);
	arm(&alarms[1], 200);
	arm(&alarms[0], 300);
	arm(&alarms[1], 50);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].time_ns, HARNESS_START_NS + 300);
	cr_assert_eq(alarms[1].time_ns, HARNESS_START_NS + 50);
	cr_assert_eq(n_order, 2);
}

Test(timer, a_cancelled_one_does_not_come_and_may_be_cancelled_again)
{
	weir_timer_cancel(&alarms[0].timer);
	arm(&alarms[0], 100);
	arm(&alarms[1], 200);
	weir_timer_cancel(&alarms[0].timer);
	cr_assert_not(weir_timer_is_armed(&alarms[0].timer));
	weir_timer_cancel(&alarms[0].timer);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].n_calls, 0);
	cr_assert_eq(alarms[1].n_calls, 1);
}

Test(timer, one_cancelled_when_the_kernel_has_already_fired_does_not_come)
{
	arm(&alarms[0], 100);
	weir_loop_turn(loop, 0);
	fault_time_advance(1000);
	weir_timer_cancel(&alarms[0].timer);
	weir_loop_turn(loop, 0);
	cr_assert_eq(alarms[0].n_calls, 0);
}

Test(timer, never_cancels)
{
	arm(&alarms[0], 100);
	weir_timer_arm(&alarms[0].timer, loop, WEIR_NEVER, ring);
	cr_assert_not(weir_timer_is_armed(&alarms[0].timer));
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].n_calls, 0);
}

/* -- inside callbacks -- */

static void arm_other_at_once(struct alarm *alarm)
{
	arm(alarm->other, 0);
	alarm->then = NULL;
}

Test(timer, armed_in_a_callback_comes_next_turn_even_if_its_time_has_come)
{
	alarms[0].then = arm_other_at_once;
	alarms[0].other = &alarms[1];
	arm(&alarms[0], 10);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[1].n_calls, 1);
	cr_assert_eq(alarms[1].turn, alarms[0].turn + 1);
	cr_assert_leq(alarms[1].time_ns, HARNESS_START_NS + 11);
}

static void arm_itself_at_once(struct alarm *alarm)
{
	if (alarm->n_calls < 10)
		arm(alarm, 0);
}

Test(timer, that_arms_itself_comes_once_a_turn)
{
	uint64_t turn;

	alarms[0].then = arm_itself_at_once;
	arm(&alarms[0], 0);
	for (turn = 1; turn <= 10; turn++) {
		weir_loop_turn(loop, -1);
		cr_assert_eq(alarms[0].n_calls, turn);
	}
	cr_assert_not(weir_timer_is_armed(&alarms[0].timer));
}

static void free_itself(struct alarm *alarm)
{
	free(alarm);
}

Test(timer, may_be_freed_in_its_own_callback)
{
	struct alarm *alarm = calloc(1, sizeof *alarm);

	alarm->then = free_itself;
	arm(alarm, 10);
	arm(&alarms[0], 20);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].n_calls, 1);
}

static void cancel_other(struct alarm *alarm)
{
	weir_timer_cancel(&alarm->other->timer);
}

Test(timer, cancelled_from_the_callback_of_another_that_is_due_too)
{
	alarms[0].then = cancel_other;
	alarms[0].other = &alarms[1];
	arm(&alarms[0], 10);
	arm(&alarms[1], 20);
	arm(&alarms[2], 30);
	weir_loop_turn(loop, 0);
	fault_time_advance(1000);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].n_calls, 1);
	cr_assert_eq(alarms[1].n_calls, 0);
	cr_assert_eq(alarms[2].n_calls, 1);
}

static void postpone_other(struct alarm *alarm)
{
	arm(alarm->other, 5000);
}

Test(timer, moved_from_the_callback_of_another_that_is_due_too)
{
	alarms[0].then = postpone_other;
	alarms[0].other = &alarms[1];
	arm(&alarms[0], 10);
	arm(&alarms[1], 20);
	weir_loop_turn(loop, 0);
	fault_time_advance(1000);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[1].n_calls, 1);
	cr_assert_eq(alarms[1].time_ns, HARNESS_START_NS + 5000);
}

/* -- what it costs -- */

Test(timer, a_thousand_moves_in_a_turn_set_the_timerfd_once)
{
	size_t i;

	for (i = 0; i < 1000; i++)
		arm(&alarms[i % N_TIMERS], MS + harness_random_below(1000));
	weir_loop_turn(loop, 0);
	cr_assert_eq(fault_count(FAULT_TIMERFD_SET), 1);
	cr_assert_eq(fault_count_kernel(), 2, "and one epoll_wait");
	for (i = 0; i < N_TIMERS; i++)
		weir_timer_cancel(&alarms[i].timer);
}

Test(timer, one_that_is_moved_back_again_and_again_costs_no_system_call)
{
	uint64_t i;

	arm(&alarms[0], MS);
	weir_loop_turn(loop, 0);
	fault_reset();
	for (i = 1; i <= 1000; i++) {
		arm(&alarms[0], MS + i);
		weir_loop_turn(loop, 0);
	}
	cr_assert_eq(fault_count(FAULT_TIMERFD_SET), 0);
	cr_assert_eq(weir_loop_run(loop), 0);
	cr_assert_eq(alarms[0].time_ns, HARNESS_START_NS + MS + 1000);
}

Test(timer, the_loop_sleeps_again_after_the_last_one)
{
	arm(&alarms[0], 10);
	weir_loop_turn(loop, -1);
	cr_assert_eq(alarms[0].n_calls, 1);
	cr_assert_eq(weir_loop_turn(loop, 50), 0);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS + 60);
}

Test(timer, comes_in_time_when_the_kernel_cannot_set_the_timerfd)
{
	uint64_t i;

	fault_result(FAULT_TIMERFD_SET, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	for (i = 0; i < 10; i++)
		arm(&alarms[i], (i + 1) * MS);
	cr_assert_eq(weir_loop_run(loop), 0);
	for (i = 0; i < 10; i++) {
		cr_assert_eq(alarms[i].n_calls, 1);
		cr_assert_eq(alarms[i].time_ns,
			     HARNESS_START_NS + (i + 1) * MS);
	}
	cr_assert_leq(loop->n_turns, 20, "it does not spin");
}
