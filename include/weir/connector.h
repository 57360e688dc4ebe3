/* Connecting a stream socket without waiting.
 *
 * The addresses are tried in the order given, which is RFC 6724's where they
 * are getaddrinfo's answer. The next attempt begins when one has failed, or
 * 250 ms after the one before (RFC 8305, section 5), without giving that one
 * up: the first to connect wins, and the others are closed. So an address that
 * answers nothing costs 250 ms, and not the deadline.
 *
 * A Unix socket whose backlog is full says EAGAIN, and nothing tells when there
 * is room (connect(2)): it is tried again every 10 ms.
 *
 * A TCP connect to a local port in the ephemeral range, on which nobody
 * listens, can meet itself: the kernel chooses that very port as its own, and
 * the SYN is answered by the socket that sent it (RFC 9293, 3.5, simultaneous
 * open). That counts as a refusal, -ECONNREFUSED.
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
 *		struct weir_connector_options options = {0};
 *		struct weir_connector connector = {0};
 *		struct weir_listener listener = {0};
 *		struct weir_address a;
 *		struct weir_loop *loop;
 *
 *		weir_loop_new(&loop);
 *		options.deadline_ns = weir_loop_now(loop) + 5000000000;
 *		weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &a, 1);
 *		weir_listener_open(&listener, loop, &a, NULL, on_accept);
 *		weir_connector_open(&connector, loop,
 *				    weir_listener_address(&listener), 1,
 *				    &options, on_connect);
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
#include <weir/list.h>
#include <weir/loop.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_connector;

/* Called once, from the loop, unless cancelled. fd >= 0: connected,
 * non-blocking, CLOEXEC, and yours to close; < 0: the error of the attempt
 * that failed last, or -ETIMEDOUT when the deadline came first; an attempt that
 * connected while the loop was away counts. The connector is closed by then: it
 * may be opened again or freed inside. */
typedef void weir_connect_fn(struct weir_connector *connector, int fd);

/* Read during the call of weir_connector_open. Zeroes are the defaults. */
struct weir_connector_options {
	/* absolute, for all addresses together; 0 or WEIR_NEVER leaves it to
	 * the kernel (tcp(7), tcp_syn_retries: about two minutes) */
	uint64_t deadline_ns;
	/* the address, of SOCK_STREAM, to connect from over TCP; its port may
	 * be 0. Addresses of another family fail with -EAFNOSUPPORT, Unix ones
	 * take no notice. NULL: the kernel's choice */
	const struct weir_address *local;
	/* bytes of SO_SNDBUF and SO_RCVBUF, set before connect(2), since the
	 * window scale is offered with the SYN (RFC 7323, 2.2); 0: the kernel
	 * tunes them */
	int sndbuf;
	int rcvbuf;
};

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_connector {
	struct weir_watch watch; /* open, but of no descriptor */
	struct weir_timer timer; /* the next attempt, or the deadline */
	weir_connect_fn *on_connect;
	const struct weir_address *addresses;
	size_t n_addresses;
	size_t i_next;			    /* the next to be tried */
	const struct weir_address *address; /* the one begun last */
	struct weir_list attempts;	    /* under way */
	uint64_t deadline_ns;
	struct weir_address local;
	int sndbuf;
	int rcvbuf;
	int error; /* of the last failed attempt */
};

/* Start. addresses (n > 0, all of SOCK_STREAM) stay the caller's and must be
 * good until the outcome or the close. options may be NULL. Nothing is
 * reported from here: even an immediate failure comes by callback. An attempt
 * takes a descriptor and some memory while it is under way.
 *
 * -EINVAL: no address, or one that is no stream; a local one that is neither
 * IPv4 nor IPv6, or no stream; a negative size. */
int weir_connector_open(struct weir_connector *connector,
			struct weir_loop *loop,
			const struct weir_address *addresses, size_t n,
			const struct weir_connector_options *options,
			weir_connect_fn *on_connect);

/* Cancel: the callback does not come. Complete on return; a closed one stays
 * so. */
void weir_connector_close(struct weir_connector *connector);

/* The address, of those given to open, whose attempt began last; in the
 * callback the one that connected, or at the deadline the one begun last.
 * NULL: no attempt has begun, or all have failed. */
const struct weir_address *weir_connector_address(
	const struct weir_connector *connector);

/* False in the callback, and from then on. */
static inline bool weir_connector_is_open(
	const struct weir_connector *connector)
{
	return weir_watch_is_open(&connector->watch);
}

WEIR_DECLARE_END

#endif
