/* Signals as events of the loop, by signalfd(2).
 *
 * Opening blocks the signal in the calling thread, and closing unblocks it
 * unless it was blocked before; dispositions are left alone. Open before
 * starting threads: a thread that has the signal unblocked would take it by its
 * disposition.
 *
 * Children inherit the blocked signals, across execve(2) too: a program that
 * is started this way does not react to SIGTERM. Two lines in the child, before
 * it executes anything, undo it (set is a sigset_t; for posix_spawn(3) use
 * posix_spawnattr_setsigmask):
 *
 *	sigemptyset(&set);
 *	sigprocmask(SIG_SETMASK, &set, NULL);
 *
 * Several watchers of one signal may be open in one loop: each instance goes to
 * one of them, and the last one to close restores what was before the first.
 * Loops that share a thread do not know of each other's watchers: watch a
 * signal in one of them only.
 *
 * Example:
 *
 *	#include <signal.h>
 *	#include <weir.h>
 *
 *	static void on_term(struct weir_signal *signal)
 *	{
 *		weir_loop_stop(weir_signal_loop(signal));
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_signal term = {0};
 *		struct weir_loop *loop;
 *
 *		weir_loop_new(&loop);
 *		if (weir_signal_open(&term, loop, SIGTERM, on_term) < 0)
 *			return 1;
 *		raise(SIGTERM);
 *		weir_loop_run(loop);
 *		weir_signal_close(&term);
 *		return weir_loop_free(loop);
 *	}
 */
#ifndef WEIR_SIGNAL_H
#define WEIR_SIGNAL_H

#include <stdbool.h>

#include <weir/declare.h>
#include <weir/loop.h>

WEIR_DECLARE_BEGIN

struct weir_signal;

/* The signal came, once or more often since the last call: the kernel merges
 * pending instances. */
typedef void weir_signal_fn(struct weir_signal *signal);

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_signal {
	struct weir_watch watch;
	struct weir_list link; /* in the loop's signals */
	weir_signal_fn *on_signal;
	int number;
	bool was_blocked;
};

/* -EINVAL for a number that is no signal or cannot be caught, -EMFILE,
 * -ENFILE, -ENOMEM; on failure nothing has changed. */
int weir_signal_open(struct weir_signal *signal, struct weir_loop *loop,
		     int number, weir_signal_fn *on_signal);
/* Synchronous; call it from the thread that opened it. */
void weir_signal_close(struct weir_signal *signal);

/* The loop of an open signal; NULL: it is closed. */
static inline struct weir_loop *weir_signal_loop(
	const struct weir_signal *signal)
{
	return weir_watch_loop(&signal->watch);
}

/* Its number, such as SIGTERM. */
static inline int weir_signal_number(const struct weir_signal *signal)
{
	return signal->number;
}

WEIR_DECLARE_END

#endif
