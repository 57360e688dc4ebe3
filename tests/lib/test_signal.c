#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_loop.h"
#include <weir/signal.h>

#include "fault.h"
#include "harness.h"

enum {
	MAX_TURNS = 20
};

TestSuite(signal, .init = loop_begin, .fini = loop_end);

struct note {
	struct weir_signal signal;
	unsigned n_calls;
};

static void count(struct weir_signal *signal)
{
	weir_container_of(signal, struct note, signal)->n_calls++;
}

static void close_it(struct weir_signal *signal)
{
	count(signal);
	weir_signal_close(signal);
}

static bool is_blocked(int number)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, number) == 1;
}

static void block(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

Test(signal, merged_instances_are_told_once)
{
	struct note note = {.n_calls = 0};

	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	cr_expect_eq(note.n_calls, 0, "it came from outside the loop");
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
	raise(SIGUSR1);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 2);
	weir_signal_close(&note.signal);
}

Test(signal, queued_instances_come_one_a_turn)
{
	struct note note = {.n_calls = 0};
	unsigned i;

	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGRTMIN, count), 0);
	for (i = 0; i < 3; i++)
		raise(SIGRTMIN);
	for (i = 1; i <= 3; i++) {
		weir_loop_turn(loop, 0);
		cr_expect_eq(note.n_calls, i);
	}
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 3);
	weir_signal_close(&note.signal);
}

Test(signal, each_hears_of_its_own)
{
	struct note one = {.n_calls = 0};
	struct note two = {.n_calls = 0};

	cr_assert_eq(weir_signal_open(&one.signal, loop, SIGUSR1, count), 0);
	cr_assert_eq(weir_signal_open(&two.signal, loop, SIGTERM, count), 0);
	raise(SIGTERM);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(one.n_calls, 0);
	cr_expect_eq(two.n_calls, 1);
	weir_signal_close(&one.signal);
	weir_signal_close(&two.signal);
}

Test(signal, closing_restores_the_mask)
{
	struct note note = {.n_calls = 0};

	cr_assert_not(is_blocked(SIGUSR1));
	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	cr_expect(is_blocked(SIGUSR1));
	weir_signal_close(&note.signal);
	cr_expect_not(is_blocked(SIGUSR1));
	weir_signal_close(&note.signal);
	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0,
		     "a closed one cannot be opened again");
	cr_expect(is_blocked(SIGUSR1));
	weir_signal_close(&note.signal);
}

Test(signal, what_was_blocked_stays_blocked)
{
	struct note note = {.n_calls = 0};

	block(SIGUSR1);
	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	weir_signal_close(&note.signal);
	cr_expect(is_blocked(SIGUSR1));
	fault_next(FAULT_EPOLL_ADD, -ENOMEM);
	cr_expect_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count),
		     -ENOMEM);
	cr_expect(is_blocked(SIGUSR1), "after a failure");
}

Test(signal, what_was_pending_is_told)
{
	struct note note = {.n_calls = 0};

	block(SIGUSR1);
	raise(SIGUSR1);
	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
	weir_signal_close(&note.signal);
}

Test(signal, it_may_be_closed_inside)
{
	struct note note = {.n_calls = 0};

	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, close_it),
		     0);
	raise(SIGUSR1);
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_expect_eq(note.n_calls, 1);
	cr_expect_not(is_blocked(SIGUSR1));
}

Test(signal, one_that_somebody_else_took_is_not_told)
{
	struct note note = {.n_calls = 0};

	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	raise(SIGUSR1);
	fault_next(FAULT_SIGNALFD_TAKE, 0);
	cr_expect_eq(weir_loop_turn(loop, 0), 1);
	cr_expect_eq(note.n_calls, 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
	weir_signal_close(&note.signal);
}

Test(signal, what_cannot_be_caught_is_refused)
{
	static const int numbers[] = {SIGKILL, SIGSTOP, 0, -1, 1000};
	struct note note = {.n_calls = 0};
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		cr_expect_eq(
			weir_signal_open(&note.signal, loop, numbers[i], count),
			-EINVAL, "signal %d", numbers[i]);
}

Test(signal, a_failure_changes_nothing)
{
	static const struct {
		enum fault_call call;
		int error;
	} table[] = {
		{FAULT_SIGNALFD_OPEN, -EMFILE}, {FAULT_SIGNALFD_OPEN, -ENFILE},
		{FAULT_SIGNALFD_OPEN, -ENOMEM}, {FAULT_EPOLL_ADD, -ENOMEM},
		{FAULT_EPOLL_ADD, -ENOSPC},
	};
	struct note note = {.n_calls = 0};
	int n_fds;
	size_t i;

	n_fds = harness_count_fds();
	for (i = 0; i < sizeof table / sizeof *table; i++) {
		fault_next(table[i].call, table[i].error);
		cr_expect_eq(
			weir_signal_open(&note.signal, loop, SIGUSR1, count),
			table[i].error);
		cr_expect_eq(fault_n_pending(), 0);
		cr_expect_not(is_blocked(SIGUSR1));
		cr_expect_null(note.signal.watch.loop);
		cr_expect_eq(harness_count_fds(), n_fds);
	}
	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0,
		     "after the failures");
	weir_signal_close(&note.signal);
}

/* -- several watchers, and children -- */

Test(signal, the_last_watcher_to_close_restores_the_mask)
{
	struct note notes[3] = {{.n_calls = 0}};
	unsigned order;
	unsigned i;

	for (order = 0; order < 3; order++) {
		for (i = 0; i < 3; i++)
			cr_assert_eq(weir_signal_open(&notes[i].signal, loop,
						      SIGUSR1, count),
				     0);
		for (i = 0; i < 3; i++) {
			cr_expect(is_blocked(SIGUSR1), "%u are closed", i);
			weir_signal_close(&notes[(order + i) % 3].signal);
		}
		cr_expect_not(is_blocked(SIGUSR1));
	}
}

Test(signal, one_of_several_watchers_hears_each_instance)
{
	struct note one = {.n_calls = 0};
	struct note two = {.n_calls = 0};

	cr_assert_eq(weir_signal_open(&one.signal, loop, SIGUSR1, count), 0);
	cr_assert_eq(weir_signal_open(&two.signal, loop, SIGUSR1, count), 0);
	raise(SIGUSR1);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(one.n_calls + two.n_calls, 1);
	weir_signal_close(&one.signal);
	raise(SIGUSR1);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(one.n_calls + two.n_calls, 2);
	weir_signal_close(&two.signal);
}

/* What signal.h says of children, with its two lines. */
Test(signal, a_child_inherits_the_mask_and_two_lines_undo_it)
{
	struct note note = {.n_calls = 0};
	int status;
	pid_t child;

	cr_assert_eq(weir_signal_open(&note.signal, loop, SIGUSR1, count), 0);
	child = fork();
	if (child == 0) {
		sigset_t set;

		if (!is_blocked(SIGUSR1))
			_exit(1);
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		raise(SIGUSR1);
		_exit(2);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGUSR1);
	weir_signal_close(&note.signal);
}
