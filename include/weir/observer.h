/* Observing how the connections of a loop send: for traces and lessons.
 *
 * Hooks are called where the event happens, also inside the functions that you
 * call. They may look at anything, and must call nothing that changes the
 * loop's objects. A hook may be NULL. A loop without an observer pays nothing
 * for it on the path of a message that the kernel takes whole.
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static int n_queues;
 *	static char text[65536];
 *
 *	static void on_queue(struct weir_observer *o, struct weir_conn *c,
 *			     uint64_t n, uint64_t n_queued)
 *	{
 *		if (n_queues++ == 0)
 *			printf("%ju bytes wait for room\n", (uintmax_t)n_queued);
 *	}
 *
 *	static size_t skip(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return n;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *	}
 *
 *	static const struct weir_conn_events events = {.on_data = skip,
 *						       .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct weir_observer observer = {.on_queue = on_queue};
 *		struct weir_conn c = {0};
 *		struct weir_loop *loop;
 *		int fd[2];
 *
 *		weir_loop_new(&loop);
 *		weir_loop_observe(loop, &observer);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
 *		weir_conn_open(&c, loop, fd[0], &events, NULL);
 *		while (weir_conn_sendall(&c, text, sizeof text) == 0)
 *			;
 *		weir_conn_abort(&c, false);
 *		weir_loop_run(loop);
 *		return n_queues == 0 || weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_OBSERVER_H
#define WEIR_OBSERVER_H

#include <stddef.h>
#include <stdint.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

struct weir_conn;
struct weir_loop;
struct weir_observer;
struct weir_result;

struct weir_observer {
	/* send or sendall offered new bytes to the kernel, which took taken of
	 * them (a short send when taken < offered). */
	void (*on_offer)(struct weir_observer *o, struct weir_conn *c,
			 size_t offered, size_t taken);
	/* n bytes of a sendall were queued; n_queued are queued in all. */
	void (*on_queue)(struct weir_observer *o, struct weir_conn *c,
			 uint64_t n, uint64_t n_queued);
	/* EPOLLOUT is wanted from the next wait on. */
	void (*on_arm)(struct weir_observer *o, struct weir_conn *c);
	/* Queued bytes were offered, and the kernel took taken of them;
	 * n_queued are left. */
	void (*on_move)(struct weir_observer *o, struct weir_conn *c,
			size_t taken, uint64_t n_queued);
	/* The queue is empty; the connection has been stalled for stalled_ns
	 * in total. */
	void (*on_drain)(struct weir_observer *o, struct weir_conn *c,
			 uint64_t stalled_ns);
	/* EPOLLOUT is no longer wanted. */
	void (*on_disarm)(struct weir_observer *o, struct weir_conn *c);
	/* Just before the connection's own on_close. */
	void (*on_close)(struct weir_observer *o, struct weir_conn *c,
			 const struct weir_result *result);
};

/* Register observer in place of the one before; NULL: no observer. It must
 * outlive its registration. */
void weir_loop_observe(struct weir_loop *loop, struct weir_observer *observer);

WEIR_DECLARE_END

#endif
