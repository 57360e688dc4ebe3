/* Listening stream sockets.
 *
 * About the backlog (listen(2), and measured on Linux 6.18): it bounds the
 * connections that are established but not accepted yet, silently capped by
 * net.core.somaxconn, and Linux lets in one more than it says. When it is
 * full, TCP drops the handshake's last packet and new SYNs: the client
 * retries them by itself and sees a slow connect, not a refusal. On a Unix
 * socket a blocking connect waits and a non-blocking one gets EAGAIN.
 *
 * Example:
 *
 *	#include <unistd.h>
 *	#include <weir.h>
 *
 *	static void on_accept(struct weir_listener *listener, int fd,
 *			      const struct weir_address *peer)
 *	{
 *		close(fd);
 *		weir_listener_close(listener);
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_listener_options options = {.backlog = 64};
 *		struct weir_listener listener = {0};
 *		struct weir_address a;
 *		struct weir_loop *loop;
 *		int client = socket(AF_INET, SOCK_STREAM, 0);
 *
 *		weir_loop_new(&loop);
 *		weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &a, 1);
 *		if (weir_listener_open(&listener, loop, &a, &options,
 *				       on_accept) < 0)
 *			return 1;
 *		a = *weir_listener_address(&listener); // has its port
 *		connect(client, &a.sa.any, a.len);
 *		weir_loop_run(loop);
 *		close(client);
 *		return weir_loop_free(loop);
 *	}
 */
#ifndef WEIR_LISTENER_H
#define WEIR_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/declare.h>
#include <weir/loop.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_listener;

/* fd is connected, non-blocking, CLOEXEC, and yours to close. peer is good
 * during the call. The listener may be closed, and freed, inside. */
typedef void weir_accept_fn(struct weir_listener *listener, int fd,
			    const struct weir_address *peer);

struct weir_listener_options {
	int backlog; /* 0: 511 */
	/* TCP_NOTSENT_LOWAT of the accepted sockets, in bytes: the kernel
	 * takes no more once so many are not on the wire yet, so they wait in
	 * our queue, where they can be trimmed. 0: leave it. Unix sockets have
	 * no such thing; there it means nothing. */
	int notsent_lowat;
	/* bytes for the accepted sockets; 0: the kernel tunes them. On TCP
	 * they are set before listen(2), so that the window is negotiated by
	 * them, and inherited. On Unix sockets, which do not inherit, sndbuf
	 * is set on each accepted one; rcvbuf means nothing there. */
	int sndbuf;
	int rcvbuf;
	bool reuseport; /* share the port with others who set it too */
	/* Several loops, as a rule in threads of their own, accept on this
	 * one socket, each by a duplicate (dup(2)) that it has adopted, all
	 * with this set: a client wakes one of them, seldom more, and is
	 * accepted once (EPOLLEXCLUSIVE). Linux wakes the first in line of
	 * those who sleep, so while there is little to do one loop does most
	 * of it. The one that was woken owes the rest that accept: before you
	 * close one listener of several, empty the queue by
	 * weir_listener_take. */
	bool exclusive;
};

/* Why accept(2) gave no connection: the closed list that the counters of a
 * listener, metrics and logs share. */
enum weir_accept_failure {
	/* accepting pauses and is tried again every 100 ms */
	WEIR_ACCEPT_EMFILE,  /* the process has no descriptor left */
	WEIR_ACCEPT_ENFILE,  /* the system has none */
	WEIR_ACCEPT_ENOBUFS, /* no memory for a socket */
	WEIR_ACCEPT_ENOMEM,
	WEIR_ACCEPT_OTHER, /* any other error */
	/* the next one is accepted, as if he had never come */
	WEIR_ACCEPT_ABORTED,  /* gone before: ECONNABORTED, EPROTO */
	WEIR_ACCEPT_NETWORK,  /* ENETDOWN, EHOSTUNREACH and their kin */
	WEIR_ACCEPT_FIREWALL, /* EPERM */
	WEIR_N_ACCEPT_FAILURES
};

/* "emfile", "aborted", ...: the enumerator's name in lower case, a static
 * string that metrics and logs may use as a label. NULL for a number that is
 * none. */
const char *weir_accept_failure_name(enum weir_accept_failure failure);

/* Counters, from open or adopt on. */
struct weir_listener_stats {
	uint64_t n_accepted;
	uint64_t n_failures[WEIR_N_ACCEPT_FAILURES]; /* calls of accept(2) */
	/* how often accepting paused: for want of descriptors or memory, or
	 * after a run of clients that were gone */
	uint64_t n_pauses;
};

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_listener {
	struct weir_watch watch;
	struct weir_timer retry; /* armed while accepting is paused */
	weir_accept_fn *on_accept;
	bool *closed_inside;	      /* set by a close inside on_accept */
	struct weir_socket_file file; /* what we bound, if it is one */
	int unix_sndbuf; /* for each accepted Unix socket; 0: leave it */
	struct weir_address address;
	struct weir_listener_stats stats;
	uint32_t interest; /* EPOLLIN, with EPOLLEXCLUSIVE if asked for */
};

/* Bind, listen and accept. TCP gets SO_REUSEADDR, IPv6 stays IPv6 only.
 *
 * A Unix path that exists is taken over if it is a socket on which nobody
 * listens; -EADDRINUSE if somebody does or it is no socket. Only the socket
 * file that this call made is removed at close.
 *
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EAFNOSUPPORT, -ENOENT (no such
 * folder), -EMFILE, -ENFILE, -ENOMEM; on failure nothing is left behind. */
int weir_listener_open(struct weir_listener *listener, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_listener_options *options,
		       weir_accept_fn *on_accept);

/* Accept on a socket that listens already, inherited from a supervisor or
 * shared with other loops. The listener closes it in the end, but removes no
 * file. It is set non-blocking, which all who share the open file description
 * see: accept(2) has no flag to ask for that alone.
 *
 * Of options (NULL: none) exclusive and, on a Unix socket, sndbuf count, and
 * notsent_lowat, which is set on the socket itself; the others belong to who
 * made it. On failure fd stays the caller's. -EINVAL: it does not listen. */
int weir_listener_adopt(struct weir_listener *listener, struct weir_loop *loop,
			int fd, const struct weir_listener_options *options,
			weir_accept_fn *on_accept);

/* Accept one connection now, without a callback: the descriptor, -EAGAIN when
 * none waits, or why it cannot be had. For emptying the queue before a close,
 * so that no client who was let in is reset. */
int weir_listener_take(struct weir_listener *listener,
		       struct weir_address *peer);

/* Complete on return; a closed one stays so. */
void weir_listener_close(struct weir_listener *listener);

/* No system call. Those of a closed one stay as they were. */
void weir_listener_stats(const struct weir_listener *listener,
			 struct weir_listener_stats *stats);

static inline bool weir_listener_is_open(const struct weir_listener *listener)
{
	return weir_watch_is_open(&listener->watch);
}

/* The loop of an open one; NULL: it is closed. */
static inline struct weir_loop *weir_listener_loop(
	const struct weir_listener *listener)
{
	return weir_watch_loop(&listener->watch);
}

/* The listening socket: for options, and to duplicate it for another loop. It
 * stays the listener's. */
static inline int weir_listener_fd(const struct weir_listener *listener)
{
	return weir_watch_fd(&listener->watch);
}

/* As bound: a port 0 has its number. Good until the listener is opened again,
 * or gone. */
static inline const struct weir_address *weir_listener_address(
	const struct weir_listener *listener)
{
	return &listener->address;
}

WEIR_DECLARE_END

#endif
