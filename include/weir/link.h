/* A link lets one connection's pressure hold another's reading: when a sink's
 * queue reaches high, its sources are no longer read from; when it is back at
 * low, they are read from again. Between the two nothing changes: that is the
 * hysteresis.
 *
 * One sink may hold many sources. One source may be held by many sinks (a
 * publisher: one link per subscriber), and is read from again when the last of
 * them lets go. A connection's own output holds its own reading without a link;
 * for the two of a relay turn that off (WEIR_CONN_NO_THROTTLE), or a peer that
 * answers all it gets waits for the relay to read, and the relay for the peer.
 *
 * When either connection ends, the link closes by itself, before the on_close.
 *
 * Example:
 *
 *	#include <sys/socket.h>
 *	#include <unistd.h>
 *	#include <weir.h>
 *
 *	struct side {
 *		struct weir_conn conn;
 *		struct weir_link link; // while the other's output is above high
 *		struct side *other;
 *	};
 *
 *	static size_t on_data(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		struct side *side = weir_container_of(c, struct side, conn);
 *
 *		return weir_link_pass(&side->link, data, n);
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *		struct side *side = weir_container_of(c, struct side, conn);
 *
 *		if (weir_conn_is_open(&side->other->conn))
 *			weir_conn_finish(&side->other->conn);
 *	}
 *
 *	static const struct weir_conn_events relay = {.on_data = on_data,
 *						      .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct side a = {0};
 *		struct side b = {.other = &a};
 *		struct weir_loop *loop;
 *		int from[2], to[2];
 *		char text[6];
 *
 *		a.other = &b;
 *		weir_loop_new(&loop);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, from);
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, to);
 *		weir_conn_open(&a.conn, loop, from[1], &relay, NULL);
 *		weir_conn_open(&b.conn, loop, to[0], &relay, NULL);
 *		weir_link_open(&a.link, &a.conn, &b.conn);
 *		weir_link_open(&b.link, &b.conn, &a.conn);
 *		send(from[0], "Hey~~~", 6, 0);
 *		weir_loop_turn(loop, -1);
 *		if (recv(to[1], text, 6, 0) != 6)
 *			return 1;
 *		close(from[0]);
 *		close(to[1]);
 *		weir_loop_run(loop);
 *		return weir_loop_free(loop);
 *	}
 */
#ifndef WEIR_LINK_H
#define WEIR_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

struct weir_conn;
struct weir_link;

/* A link's place in the chain of one of its connections. The fields are the
 * library's. */
struct weir_link_end {
	struct weir_link *next;
	struct weir_link *prev;
};

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_link {
	struct weir_conn *source; /* NULL: closed */
	struct weir_conn *sink;
	struct weir_link_end of_source;
	struct weir_link_end of_sink;
	bool holds;
};

/* source and sink must be open, of one loop, and different. If the sink is
 * above high already, or has just refused, the source is held from now on. It
 * allocates nothing and cannot fail. */
void weir_link_open(struct weir_link *link, struct weir_conn *source,
		    struct weir_conn *sink);
/* Lets go of the source. Synchronous. Closing a closed link does nothing. */
void weir_link_close(struct weir_link *link);

/* For the source's on_data, which returns what this returns: send data to the
 * sink, at once rather than gathered with what follows. As weir_conn_sendall it
 * queues what the kernel does not take, but where there is no room or no memory
 * for that it has taken what the kernel took, and of more than the sink's max
 * as much as fits. If the sink can send nothing more the source is not read
 * from until the link closes.
 *
 * After a full read (WEIR_READ_SIZE) more is waiting, as a rule. If the end of
 * data is all that was offered, up to 1 MiB of it then moves from socket to
 * socket within the kernel (splice(2)), and on_data is not called for that; it
 * counts as received, and as sent. Where the sink has no room, or either socket
 * is a blocking one, it is left to the next on_data. The loop has a pipe for
 * this, from when it is first needed until its last link is closed. If memory
 * runs out or the sink breaks just then, the sink ends, and the bytes count as
 * the source's unread. */
size_t weir_link_pass(struct weir_link *link, const void *data, size_t n);

/* True until it is closed or either connection ends. */
static inline bool weir_link_is_open(const struct weir_link *link)
{
	return link->source != NULL;
}

WEIR_DECLARE_END

#endif
