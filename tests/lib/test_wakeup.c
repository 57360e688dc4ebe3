#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "test_loop.h"
#include <weir/wakeup.h>

#include "fault.h"
#include "harness.h"

enum {
	MAX_TURNS = 20
};

struct note {
	struct weir_wakeup wakeup;
	unsigned n_calls;
	int letter; /* what a sender wrote before it sent */
	int read;   /* what was found there */
};

static struct note *note_of(struct weir_wakeup *wakeup)
{
	return weir_container_of(wakeup, struct note, wakeup);
}

static void count(struct weir_wakeup *wakeup)
{
	note_of(wakeup)->n_calls++;
	note_of(wakeup)->read = note_of(wakeup)->letter;
}

static struct note note;

static void open_it(weir_wakeup_fn *on_wakeup)
{
	cr_assert_eq(weir_wakeup_open(&note.wakeup, loop, on_wakeup), 0);
}

static void finish(void)
{
	weir_wakeup_close(&note.wakeup);
	loop_end();
}

TestSuite(wakeup, .init = loop_begin, .fini = finish);

Test(wakeup, sends_are_told_once_and_from_the_loop)
{
	open_it(count);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 0);
	for (int i = 0; i < 1000; i++)
		weir_wakeup_send(&note.wakeup);
	cr_expect_eq(note.n_calls, 0, "it came from outside the loop");
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
	weir_wakeup_send(&note.wakeup);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 2);
}

Test(wakeup, a_send_is_one_system_call)
{
	uint64_t before;

	open_it(count);
	before = fault_count_kernel();
	weir_wakeup_send(&note.wakeup);
	cr_expect_eq(fault_count_kernel(), before + 1);
}

/* No other thread makes the library's calls meanwhile: fault.o does not know
 * of threads. */
static void *write_letter(void *arg)
{
	(void)arg;
	note.letter = 42;
	weir_wakeup_send(&note.wakeup);
	return NULL;
}

Test(wakeup, another_thread_may_send)
{
	pthread_t writer;

	open_it(count);
	cr_assert_eq(pthread_create(&writer, NULL, write_letter, NULL), 0);
	cr_assert_eq(pthread_join(writer, NULL), 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
	cr_expect_eq(note.read, 42);
}

static void stop(struct weir_wakeup *wakeup)
{
	weir_loop_stop(weir_wakeup_loop(wakeup));
}

/* The way to stop a loop from another thread, as loop.h says. */
Test(wakeup, another_thread_stops_the_loop_by_it)
{
	pthread_t writer;

	open_it(stop);
	cr_assert_eq(pthread_create(&writer, NULL, write_letter, NULL), 0);
	cr_assert_eq(pthread_join(writer, NULL), 0);
	cr_assert_eq(weir_loop_run(loop), 0);
}

static void on_signal(int number)
{
	(void)number;
	weir_wakeup_send(&note.wakeup);
}

/* The counter is full, so that the write behind it fails. */
Test(wakeup, a_signal_handler_may_send_and_finds_its_errno_again)
{
	open_it(count);
	signal(SIGUSR1, on_signal);
	cr_assert_eq(eventfd_write(note.wakeup.watch.fd, UINT64_MAX - 1), 0);
	errno = EXDEV;
	raise(SIGUSR1);
	cr_expect_eq(errno, EXDEV);
	signal(SIGUSR1, SIG_DFL);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
}

static void send_again(struct weir_wakeup *wakeup)
{
	count(wakeup);
	if (note_of(wakeup)->n_calls < 3)
		weir_wakeup_send(wakeup);
}

Test(wakeup, a_send_inside_brings_a_call_in_the_next_turn)
{
	open_it(send_again);
	weir_wakeup_send(&note.wakeup);
	for (unsigned i = 1; i <= 3; i++) {
		weir_loop_turn(loop, 0);
		cr_expect_eq(note.n_calls, i);
	}
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 3);
}

static void close_it(struct weir_wakeup *wakeup)
{
	count(wakeup);
	weir_wakeup_close(wakeup);
}

Test(wakeup, it_keeps_the_loop_running_until_it_is_closed)
{
	open_it(close_it);
	weir_wakeup_send(&note.wakeup);
	cr_expect_eq(weir_loop_free(loop), -EBUSY);
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_expect_eq(note.n_calls, 1);
}

static void free_it(struct weir_wakeup *wakeup)
{
	weir_wakeup_close(wakeup);
	memset(wakeup, 0xA5, sizeof *wakeup);
	free(wakeup);
}

Test(wakeup, it_may_be_freed_inside)
{
	struct weir_wakeup *wakeup = calloc(1, sizeof *wakeup);

	cr_assert_eq(weir_wakeup_open(wakeup, loop, free_it), 0);
	weir_wakeup_send(wakeup);
	cr_expect_eq(weir_loop_run(loop), 0);
}

Test(wakeup, what_was_sent_before_a_close_is_forgotten)
{
	open_it(count);
	weir_wakeup_send(&note.wakeup);
	weir_wakeup_close(&note.wakeup);
	weir_wakeup_close(&note.wakeup);
	cr_assert_eq(weir_wakeup_open(&note.wakeup, loop, count), 0,
		     "a closed one cannot be opened again");
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 0);
}

Test(wakeup, an_interrupted_read_is_made_good)
{
	open_it(count);
	weir_wakeup_send(&note.wakeup);
	fault_next(FAULT_EVENTFD_TAKE, 0);
	cr_expect_eq(weir_loop_turn(loop, 0), 1);
	cr_expect_eq(note.n_calls, 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(note.n_calls, 1);
}

Test(wakeup, a_failure_changes_nothing)
{
	static const struct {
		enum fault_call call;
		int error;
	} table[] = {
		{FAULT_EVENTFD_OPEN, -EMFILE}, {FAULT_EVENTFD_OPEN, -ENFILE},
		{FAULT_EVENTFD_OPEN, -ENOMEM}, {FAULT_EPOLL_ADD, -ENOMEM},
		{FAULT_EPOLL_ADD, -ENOSPC},
	};
	int n_fds;

	n_fds = harness_count_fds();
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		fault_next(table[i].call, table[i].error);
		cr_expect_eq(weir_wakeup_open(&note.wakeup, loop, count),
			     table[i].error);
		cr_expect_eq(fault_n_pending(), 0);
		cr_expect_null(note.wakeup.watch.loop);
		cr_expect_eq(harness_count_fds(), n_fds);
	}
	cr_assert_eq(weir_wakeup_open(&note.wakeup, loop, count), 0,
		     "after the failures");
}
