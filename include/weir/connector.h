/* Connecting a stream socket without waiting.
 *
 * The connector tries the addresses one after another until one connects, in
 * the order given (getaddrinfo(3) sorts its answer by RFC 6724). connect(2)
 * returns EAGAIN for a Unix socket whose backlog is full, and no event tells
 * when there is room: the connector tries it again every 10 ms.
 *
 * Example:
 *
 *	#include <unistd.h>
 *	#include <weir.h>
 *
 *	static int outcome = -1;
 *
 *	static void on_accept(struct weir_listener *listener, int fd,
 *			      const struct weir_address *peer)
 *	{
 *		close(fd);
 *		weir_listener_close(listener);
 *	}
 *
 *	static void on_connect(struct weir_connector *connector, int fd)
 *	{
 *		outcome = fd;
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_connector connector = {0};
 *		struct weir_listener listener = {0};
 *		struct weir_address a;
 *		struct weir_loop *loop;
 *
 *		weir_loop_new(&loop);
 *		weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &a, 1);
 *		weir_listener_open(&listener, loop, &a, NULL, on_accept);
 *		weir_connector_open(&connector, loop,
 *				    weir_listener_address(&listener), 1,
 *				    weir_loop_now(loop) + 5000000000,
 *				    on_connect);
 *		weir_loop_run(loop);
 *		return outcome < 0 || close(outcome) < 0 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_CONNECTOR_H
#define WEIR_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/declare.h>
#include <weir/loop.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_connector;

/* Called once, from the loop, unless cancelled. fd >= 0: connected,
 * non-blocking, CLOEXEC, and yours to close; < 0: the error of the last address
 * tried, or -ETIMEDOUT when the deadline came first. The connector is closed by
 * then: it may be opened again or freed inside. */
typedef void weir_connect_fn(struct weir_connector *connector, int fd);

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_connector {
	struct weir_watch watch; /* of the current attempt */
	struct weir_timer timer; /* the deadline, a retry, or the outcome */
	weir_connect_fn *on_connect;
	const struct weir_address *addresses;
	size_t n_addresses;
	size_t i_address; /* the current one */
	uint64_t deadline_ns;
	int error; /* of the last failed attempt */
};

/* Start. addresses (n > 0, all of SOCK_STREAM) stay the caller's and must stay
 * valid until the outcome or the close. deadline_ns is absolute; with
 * WEIR_NEVER the kernel decides (tcp(7), tcp_syn_retries: about two minutes).
 * on_connect reports every outcome, also an immediate failure. -EINVAL: n is 0,
 * or an address is not of a stream. */
int weir_connector_open(struct weir_connector *connector,
			struct weir_loop *loop,
			const struct weir_address *addresses, size_t n,
			uint64_t deadline_ns, weir_connect_fn *on_connect);

/* Cancel: the callback does not come. Synchronous. Closing a closed connector
 * does nothing. */
void weir_connector_close(struct weir_connector *connector);

/* The address that is being tried; in the callback, the one that connected or
 * was being tried at the deadline. It points into those given to open. NULL:
 * all of them have failed. */
const struct weir_address *weir_connector_address(
	const struct weir_connector *connector);

/* False in the callback, and from then on. */
static inline bool weir_connector_is_open(
	const struct weir_connector *connector)
{
	return weir_watch_is_open(&connector->watch);
}

/* The loop of an open connector; NULL: it is closed. */
static inline struct weir_loop *weir_connector_loop(
	const struct weir_connector *connector)
{
	return weir_watch_loop(&connector->watch);
}

WEIR_DECLARE_END

#endif
