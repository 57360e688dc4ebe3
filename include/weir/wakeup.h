/* The one thing that another thread may do to a loop: wake it up.
 *
 * Example:
 *
 *	#include <pthread.h>
 *	#include <weir.h>
 *
 *	static struct weir_wakeup bell;
 *	static int letter;
 *
 *	static void on_wakeup(struct weir_wakeup *wakeup)
 *	{
 *		if (letter == 42)
 *			weir_loop_stop(weir_wakeup_loop(wakeup));
 *	}
 *
 *	static void *write_letter(void *nothing)
 *	{
 *		letter = 42;
 *		weir_wakeup_send(&bell);
 *		return nothing;
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_loop *loop;
 *		pthread_t writer;
 *
 *		weir_loop_new(&loop);
 *		weir_wakeup_open(&bell, loop, on_wakeup);
 *		pthread_create(&writer, NULL, write_letter, NULL);
 *		weir_loop_run(loop);
 *		pthread_join(writer, NULL);
 *		weir_wakeup_close(&bell);
 *		return weir_loop_free(loop);
 *	}
 *
 * Sends between two calls of on_wakeup count as one. What a thread wrote before
 * a send is visible in the on_wakeup that follows it; a thread that goes on
 * writing needs a lock, as between any two threads.
 */
#ifndef WEIR_WAKEUP_H
#define WEIR_WAKEUP_H

#include <weir/declare.h>
#include <weir/loop.h>

WEIR_DECLARE_BEGIN

struct weir_wakeup;

/* Called from the loop at least once after each send. The wakeup may be closed
 * inside, and freed if no thread sends any more. */
typedef void weir_wakeup_fn(struct weir_wakeup *wakeup);

/* Embedded by its owner; zeroed is closed. While it is open it keeps
 * weir_loop_run from returning. The fields are the library's. */
struct weir_wakeup {
	struct weir_watch watch; /* of an eventfd(2) */
	weir_wakeup_fn *on_wakeup;
};

/* -EMFILE, -ENFILE, -ENOMEM; on failure nothing has changed. */
int weir_wakeup_open(struct weir_wakeup *wakeup, struct weir_loop *loop,
		     weir_wakeup_fn *on_wakeup);

/* Call it from any thread, and from a signal handler, while it is open. It is
 * one system call, which never waits and cannot fail; errno is left alone. */
void weir_wakeup_send(struct weir_wakeup *wakeup);

/* Call it from the loop's thread, when no thread sends any more; a send that
 * has not reached on_wakeup yet is forgotten. Synchronous. Closing a closed
 * wakeup does nothing. */
void weir_wakeup_close(struct weir_wakeup *wakeup);

/* The loop of an open wakeup; NULL: it is closed. */
static inline struct weir_loop *weir_wakeup_loop(
	const struct weir_wakeup *wakeup)
{
	return weir_watch_loop(&wakeup->watch);
}

WEIR_DECLARE_END

#endif
