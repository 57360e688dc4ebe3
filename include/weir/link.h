/* Pressure of one connection holds another's reading: while a sink owes more
 * than its high mark, its sources are not read from; at its low mark they are
 * again. Between the two nothing changes, which is the hysteresis.
 *
 * One sink may hold many sources (a publisher's subscribers' worth of links),
 * one source may be held by many sinks and reads again when the last of them
 * lets go. A connection's own throttle is the link with itself, and built in.
 *
 * When either connection ends the link goes by itself, before its on_close.
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
 *		int error = weir_conn_sendall(&side->other->conn, data, n);
 *
 *		return error ? 0 : n;
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

/* A link's place in the chain of one of its connections. */
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

/* Both connections are open, of one loop, and not the same: a connection's own
 * throttle is built in. If the sink is above high already, the source is held
 * from now on. Allocates nothing, cannot fail. */
void weir_link_open(struct weir_link *link, struct weir_conn *source,
		    struct weir_conn *sink);
/* Lets go of the source. Complete on return; a closed one stays so. */
void weir_link_close(struct weir_link *link);

/* Until its close, or the end of either connection. */
static inline bool weir_link_is_open(const struct weir_link *link)
{
	return link->source != NULL;
}

WEIR_DECLARE_END

#endif
