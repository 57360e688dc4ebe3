/* The loop's life, watches and their interest. What happens inside a turn is
 * in test_loop_turn.c. */
#include "test_loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"

TestSuite(loop, .init = loop_begin, .fini = loop_end);
TestSuite(loop_life, .init = harness_begin, .fini = harness_end);

/* -- new and free -- */

Test(loop_life, takes_two_descriptors_and_gives_everything_back)
{
	int n_fds = harness_count_fds();

	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(harness_count_fds(), n_fds + 2);
	cr_assert_leq(fault_n_live_bytes(), 140 * 1024);
	cr_assert_eq(weir_loop_free(loop), 0);
	cr_assert_eq(harness_count_fds(), n_fds);
	cr_assert_eq(fault_n_live(), 0);
}

Test(loop_life, freeing_none_does_nothing)
{
	cr_assert_eq(weir_loop_free(NULL), 0);
}

Test(loop_life, new_fails_cleanly_at_every_call)
{
	static const int expected[FAULT_N_CALLS] = {
		[FAULT_ALLOC] = -ENOMEM,
		[FAULT_EPOLL_OPEN] = -EMFILE,
		[FAULT_TIMERFD_OPEN] = -EMFILE,
		[FAULT_EPOLL_ADD] = -ENOSPC,
	};
	int n_fds = harness_count_fds();
	uint64_t k;

	for (k = 1;; k++) {
		int error;

		fault_reset();
		fault_fail_call(k);
		loop = NULL;
		error = weir_loop_new(&loop);
		if (fault_hit() == FAULT_NONE)
			break;
		cr_assert_null(loop);
		cr_assert_eq(error, expected[fault_hit()], "%s gives %d",
			     fault_call_name(fault_hit()), error);
		cr_assert_eq(harness_count_fds(), n_fds);
		cr_assert_eq(fault_n_live(), 0);
	}
	cr_assert_geq(k, 5);
	cr_assert_eq(weir_loop_free(loop), 0);
}

static void never_called(struct weir_timer *timer)
{
	cr_assert_fail("timer %p", (void *)timer);
}

Test(loop, deinit_refuses_while_a_watch_is_open_or_a_timer_armed)
{
	struct weir_timer timer = {0};

	probe_open(&probe, loop, EPOLLIN);
	cr_assert_eq(weir_loop_free(loop), -EBUSY);
	probe_poke(&probe);
	turns(1);
	cr_assert_eq(probe.n_calls, 1, "the loop still works");
	probe_close(&probe);

	weir_timer_arm(&timer, loop, HARNESS_START_NS + 10, never_called);
	cr_assert_eq(weir_loop_free(loop), -EBUSY);
	weir_timer_cancel(&timer);
}

Test(loop, deinit_refuses_while_a_watch_without_interest_is_open)
{
	probe_open(&probe, loop, 0);
	cr_assert_eq(weir_loop_free(loop), -EBUSY);
}

/* -- watches -- */

Test(loop, a_watch_is_called_each_turn_while_its_event_holds)
{
	probe_open(&probe, loop, EPOLLIN);
	turns(2);
	cr_assert_eq(probe.n_calls, 0);
	probe_poke(&probe);
	cr_assert_eq(weir_loop_turn(loop, 0), 1);
	cr_assert_eq(weir_loop_turn(loop, 0), 1);
	cr_assert_eq(probe.n_calls, 2);
	cr_assert_eq(probe.events, EPOLLIN);
	probe_drain(&probe);
	cr_assert_eq(weir_loop_turn(loop, 0), 0);
	cr_assert_eq(probe.n_calls, 2);
}

Test(loop, a_watch_hears_of_hang_up_unasked)
{
	probe_open(&probe, loop, EPOLLPRI);
	probe_hang_up(&probe);
	turns(1);
	cr_assert_eq(probe.events, EPOLLHUP);
}

Test(loop, a_closed_watch_is_not_called_and_may_be_closed_again)
{
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_watch_close(&probe.watch);
	weir_watch_close(&probe.watch);
	turns(3);
	cr_assert_eq(probe.n_calls, 0);
}

Test(loop, a_closed_watch_is_not_called_for_a_duplicate_of_its_descriptor)
{
	int copy;

	probe_open(&probe, loop, EPOLLIN);
	copy = dup(probe.fd[0]);
	probe_poke(&probe);
	weir_watch_close(&probe.watch);
	close(probe.fd[0]);
	probe.fd[0] = copy;
	turns(3);
	cr_assert_eq(probe.n_calls, 0);
}

Test(loop, a_watch_may_be_opened_again)
{
	probe_open(&probe, loop, EPOLLIN);
	weir_watch_close(&probe.watch);
	probe_poke(&probe);
	cr_assert_eq(weir_watch_open(&probe.watch, loop, probe.fd[0], EPOLLIN,
				     probe_note),
		     0);
	turns(1);
	cr_assert_eq(probe.n_calls, 1);
}

static void expect_eperm(int fd)
{
	static const struct weir_watch closed;
	struct weir_watch watch = {0};

	cr_assert_eq(weir_watch_open(&watch, loop, fd, EPOLLIN, probe_note),
		     -EPERM);
	cr_assert_arr_eq(&watch, &closed, sizeof watch);
	close(fd);
}

Test(loop, a_regular_file_and_dev_null_give_eperm_and_leave_no_trace)
{
	FILE *file = tmpfile();

	expect_eperm(dup(fileno(file)));
	fclose(file);
	expect_eperm(open("/dev/null", O_RDWR | O_CLOEXEC));
	cr_assert_eq(weir_loop_run(loop), 0, "nothing is open");
}

Test(loop, a_watch_that_the_kernel_refuses_stays_closed)
{
	harness_unix_pair(probe.fd, 0);
	fault_next(FAULT_EPOLL_ADD, -ENOSPC);
	cr_assert_eq(weir_watch_open(&probe.watch, loop, probe.fd[0], EPOLLIN,
				     probe_note),
		     -ENOSPC);
	cr_assert_null(probe.watch.loop);
	probe_poke(&probe);
	turns(2);
	cr_assert_eq(probe.n_calls, 0);
}

Test(loop, a_second_watch_on_a_descriptor_is_refused_and_the_first_goes_on)
{
	struct weir_watch second = {0};

	probe_open(&probe, loop, EPOLLIN);
	cr_assert_eq(weir_watch_open(&second, loop, probe.fd[0], EPOLLIN,
				     probe_note),
		     -EEXIST);
	cr_assert_eq(weir_watch_open(&second, loop, probe.fd[0], 0, probe_note),
		     0, "without interest it is not in epoll");
	cr_assert_eq(weir_watch_set(&second, EPOLLIN), -EEXIST);
	weir_watch_close(&second);
	probe_poke(&probe);
	turns(1);
	cr_assert_eq(probe.n_calls, 1);
}

/* -- interest -- */

Test(loop, with_events_0_a_watch_is_out_of_epoll_and_hears_of_nothing)
{
	probe_open(&probe, loop, 0);
	probe_poke(&probe);
	probe_hang_up(&probe);
	cr_assert_eq(weir_loop_turn(loop, 0), 0);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 0);
	cr_assert_eq(probe.n_calls, 0);
}

static void lose_interest(struct probe *p)
{
	weir_watch_set(&p->watch, 0);
}

Test(loop, a_watch_set_to_0_leaves_epoll_and_hang_up_does_not_spin)
{
	probe_open(&probe, loop, EPOLLIN);
	probe.then = lose_interest;
	probe_hang_up(&probe);
	turns(1);
	cr_assert_eq(probe.n_calls, 1);
	cr_assert_eq(weir_loop_turn(loop, 1000), 0);
	cr_assert_eq(fault_time_now(), HARNESS_START_NS + 1000, "it slept");
	cr_assert_eq(probe.n_calls, 1);
	cr_assert_eq(fault_count(FAULT_EPOLL_DEL), 1);
	probe_close(&probe);
	cr_assert_eq(fault_count(FAULT_EPOLL_DEL), 1, "it was out already");
}

Test(loop, a_change_of_interest_holds_from_the_next_wait_on)
{
	probe_open(&probe, loop, EPOLLIN);
	turns(1);
	cr_assert_eq(weir_watch_set(&probe.watch, EPOLLIN | EPOLLOUT), 0);
	turns(1);
	cr_assert_eq(probe.events, EPOLLOUT);
	cr_assert_eq(weir_watch_set(&probe.watch, EPOLLIN), 0);
	turns(1);
	cr_assert_eq(probe.n_calls, 1);
	cr_assert_eq(fault_count(FAULT_EPOLL_MOD), 2);
}

Test(loop, changes_within_a_turn_cost_one_call_and_undone_ones_none)
{
	int i;

	probe_open(&probe, loop, EPOLLIN);
	turns(1);
	fault_reset();
	for (i = 0; i < 100; i++) {
		weir_watch_set(&probe.watch, EPOLLIN | EPOLLOUT);
		weir_watch_set(&probe.watch, 0);
		weir_watch_set(&probe.watch, EPOLLIN);
	}
	turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 0);
	for (i = 0; i < 100; i++)
		weir_watch_set(&probe.watch, i % 2 ? EPOLLOUT : EPOLLIN);
	turns(2);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 1);
}

Test(loop, a_watch_that_wants_something_again_enters_epoll_at_once)
{
	probe_open(&probe, loop, 0);
	probe_poke(&probe);
	fault_next(FAULT_EPOLL_ADD, -ENOMEM);
	cr_assert_eq(weir_watch_set(&probe.watch, EPOLLIN), -ENOMEM);
	turns(1);
	cr_assert_eq(probe.n_calls, 0, "nothing has changed");
	cr_assert_eq(weir_watch_set(&probe.watch, EPOLLIN), 0);
	cr_assert_eq(fault_count(FAULT_EPOLL_ADD), 2);
	turns(1);
	cr_assert_eq(probe.n_calls, 1);
}

Test(loop, a_change_that_the_kernel_refuses_is_told_and_can_be_repaired)
{
	probe_open(&probe, loop, EPOLLIN);
	probe_poke(&probe);
	weir_watch_set(&probe.watch, EPOLLIN | EPOLLOUT);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	weir_loop_turn(loop, -1);
	cr_assert_eq(probe.n_calls, 1);
	cr_assert_eq(probe.events, WEIR_REFUSED);
	turns(3);
	cr_assert_eq(probe.n_calls, 1, "it is out of epoll");
	cr_assert_eq(weir_loop_free(loop), -EBUSY, "and still open");

	cr_assert_eq(weir_watch_set(&probe.watch, EPOLLIN), 0);
	turns(1);
	cr_assert_eq(probe.n_calls, 2);
	cr_assert_eq(probe.events, EPOLLIN);
}

static void repair(struct probe *p)
{
	if (p->events == WEIR_REFUSED)
		cr_assert_eq(weir_watch_set(&p->watch, EPOLLIN), 0);
}

Test(loop, a_refused_watch_can_be_repaired_when_it_is_told)
{
	probe_open(&probe, loop, EPOLLIN);
	probe.then = repair;
	probe_poke(&probe);
	weir_watch_set(&probe.watch, EPOLLIN | EPOLLOUT);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	turns(2);
	cr_assert_eq(probe.n_calls, 2);
	cr_assert_eq(probe.events, EPOLLIN);
}

static void close_other(struct probe *p)
{
	probe_close(p->other);
}

Test(loop, a_watch_closed_before_it_is_told_of_a_refusal_is_not_called)
{
	struct probe first = {.then = close_other, .other = &probe};

	probe_open(&probe, loop, EPOLLIN);
	probe_open(&first, loop, EPOLLIN);
	probe_poke(&first);
	weir_watch_set(&probe.watch, EPOLLIN | EPOLLOUT);
	fault_next(FAULT_EPOLL_MOD, -ENOMEM);
	turns(3);
	cr_assert_eq(fault_n_pending(), 0);
	cr_assert_gt(first.n_calls, 0);
	cr_assert_eq(probe.n_calls, 0);
	probe_close(&first);
}
