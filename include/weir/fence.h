/* A fence is a place in a connection's output. It fires when every byte
 * accepted before it has left the queue: taken by the kernel, or dropped.
 *
 * It keeps its place in the stream. Dropping older or younger messages
 * (weir_conn_trim) never lets it fire early.
 *
 * "Sent" means that the kernel took it, not that the peer has it: see
 * kernel_unacked in weir_conn_progress.
 *
 * Example:
 *
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static bool is_sent;
 *
 *	static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
 *	{
 *		is_sent = n_dropped == 0;
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
 *		struct weir_fence fence = {0};
 *		struct weir_conn c = {0};
 *		struct weir_loop *loop;
 *		int fd[2];
 *
 *		weir_loop_new(&loop);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
 *		weir_conn_open(&c, loop, fd[0], &events, NULL);
 *		weir_conn_sendall(&c, "Hey~~~", 6);
 *		weir_fence_open(&fence, &c, on_fence);
 *		shutdown(fd[1], SHUT_WR); // on_end is NULL: finish
 *		weir_loop_run(loop);
 *		return !is_sent || weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_FENCE_H
#define WEIR_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/declare.h>
#include <weir/list.h>

WEIR_DECLARE_BEGIN

struct weir_conn;
struct weir_fence;

/* Called once, from the loop, before the connection's on_close. n_dropped is
 * how many of the bytes between the previous fence (or the beginning) and this
 * one were dropped. The fence is closed by then: it may be opened again, or
 * freed, inside. */
typedef void weir_fence_fn(struct weir_fence *fence, uint64_t n_dropped);

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_fence {
	struct weir_conn *conn; /* NULL: closed */
	weir_fence_fn *on_fence;
	struct weir_list link; /* in place, among the connection's fences */
	uint64_t at;	       /* accepted bytes before it */
	uint64_t n_dropped;
};

/* Put a fence behind all that c has accepted; also after shutdown or finish.
 * -ENOMEM; -EPIPE or the connection's error if it has failed or is closing. On
 * failure the fence does not fire. */
int weir_fence_open(struct weir_fence *fence, struct weir_conn *c,
		    weir_fence_fn *on_fence);
/* Cancel the fence: it does not fire. Synchronous. Closing a closed fence does
 * nothing. */
void weir_fence_close(struct weir_fence *fence);

/* True until it fires; false in its callback. */
static inline bool weir_fence_is_open(const struct weir_fence *fence)
{
	return fence->conn != NULL;
}

WEIR_DECLARE_END

#endif
