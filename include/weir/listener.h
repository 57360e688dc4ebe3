/* Listening stream sockets.
 *
 * About the backlog (listen(2), and measured on Linux 6.18): it bounds the
 * connections that are established but not accepted yet. net.core.somaxconn
 * caps it silently, and Linux lets in one more than the bound. When it is
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
 *
 * A cap on connections, here of one; the others wait in the backlog:
 *
 * Example:
 *
 *	#include <unistd.h>
 *	#include <weir.h>
 *
 *	static struct weir_listener listener;
 *	static struct weir_timer timer;
 *	static int served; // the client of now
 *	static int n_served;
 *
 *	static void on_expire(struct weir_timer *t)
 *	{
 *		close(served);
 *		if (++n_served == 2)
 *			weir_listener_close(&listener);
 *		weir_listener_resume(&listener);
 *	}
 *
 *	static void on_accept(struct weir_listener *l, int fd,
 *			      const struct weir_address *peer)
 *	{
 *		struct weir_loop *loop = weir_listener_loop(l);
 *
 *		served = fd;
 *		weir_listener_pause(l);
 *		weir_timer_arm(&timer, loop, weir_loop_now(loop) + 1000000,
 *			       on_expire);
 *	}
 *
 *	int main(void)
 *	{
 *		struct weir_address a;
 *		struct weir_loop *loop;
 *		int client[2];
 *
 *		weir_loop_new(&loop);
 *		weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &a, 1);
 *		weir_listener_open(&listener, loop, &a, NULL, on_accept);
 *		a = *weir_listener_address(&listener);
 *		for (int i = 0; i < 2; i++) {
 *			client[i] = socket(AF_INET, SOCK_STREAM, 0);
 *			connect(client[i], &a.sa.any, a.len);
 *		}
 *		weir_loop_run(loop);
 *		close(client[0]);
 *		close(client[1]);
 *		return n_served != 2 || weir_loop_free(loop) < 0;
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

/* fd is connected, non-blocking, CLOEXEC, and yours to close. peer is valid
 * during the call. The listener may be closed, and freed, inside. */
typedef void weir_accept_fn(struct weir_listener *listener, int fd,
			    const struct weir_address *peer);

enum {
	WEIR_LISTENER_DEFAULT_BACKLOG = 511
};

/* Read during the call. Zeroes are the defaults; a negative number is
 * -EINVAL, and changes nothing. */
struct weir_listener_options {
	int backlog; /* 0: 511 */
	/* TCP_NOTSENT_LOWAT of the accepted sockets, in bytes: once so many
	 * bytes are not on the wire yet the kernel takes no more, so later
	 * bytes wait in our queue, where they can be trimmed. 0: leave it.
	 * Unix sockets ignore it. */
	int notsent_lowat;
	/* bytes for the accepted sockets; 0: the kernel tunes them. On TCP
	 * they are set before listen(2): accepted sockets inherit them, and
	 * they bound the window that is negotiated. Unix sockets do not
	 * inherit: sndbuf is set on each accepted one, rcvbuf is ignored. */
	int sndbuf;
	int rcvbuf;
	bool reuseport; /* share the port with others that set it too */
	/* For several loops, as a rule one per thread, that accept on this one
	 * socket. Each adopts a duplicate (dup(2)) of it with this set: a
	 * client wakes one of them, seldom more, and is accepted once
	 * (EPOLLEXCLUSIVE). Linux wakes the first sleeper in line, so with
	 * little to do one loop does most of it. Only the woken loop will
	 * accept that client: before you close one listener of several, empty
	 * the queue by weir_listener_take. */
	bool exclusive;
	/* Accepting has paused by itself, for the reason that error gives: no
	 * descriptor, no memory, 64 clients in a row that were gone, or 64
	 * events in a row without a client (-EAGAIN). It is tried again every
	 * 100 ms, and this is not called again before a connection was
	 * accepted. error is -EINVAL if the socket was shut down (shutdown(2)):
	 * it accepts nothing any more, is not tried again, and waits for your
	 * close. The listener may be paused, closed, and freed, inside. NULL:
	 * not wanted. */
	void (*on_pause)(struct weir_listener *listener, int error);
};

/* Why accept(2) gave no connection: the closed list that the counters of a
 * listener, metrics and logs share. */
enum weir_accept_failure {
	/* accepting pauses and is tried again every 100 ms */
	WEIR_ACCEPT_EMFILE,  /* the process has no descriptor left */
	WEIR_ACCEPT_ENFILE,  /* the system has no descriptor left */
	WEIR_ACCEPT_ENOBUFS, /* no memory for a socket */
	WEIR_ACCEPT_ENOMEM,
	WEIR_ACCEPT_OTHER, /* any other error; after a shutdown(2) of the
			    * socket, EINVAL, nothing is tried again */
	/* the next one is accepted, as if it had never connected */
	WEIR_ACCEPT_ABORTED,  /* gone before: ECONNABORTED, EPROTO */
	WEIR_ACCEPT_NETWORK,  /* ENETDOWN, EHOSTUNREACH and their kin */
	WEIR_ACCEPT_FIREWALL, /* EPERM */
	WEIR_N_ACCEPT_FAILURES
};

/* "emfile", "aborted", ...: the enumerator's name in lower case, a static
 * string that metrics and logs may use as a label. NULL for a number that is
 * no failure. */
const char *weir_accept_failure_name(enum weir_accept_failure failure);

/* Counters since open or adopt. */
struct weir_listener_stats {
	uint64_t n_accepted;
	uint64_t n_failures[WEIR_N_ACCEPT_FAILURES]; /* calls of accept(2) */
	/* how often accepting paused: for lack of descriptors or memory, or
	 * after a run of clients that were gone */
	uint64_t n_pauses;
};

/* Embedded by its owner; zeroed is closed. The fields are the library's. */
struct weir_listener {
	struct weir_watch watch;
	struct weir_timer retry; /* armed while accepting is paused */
	weir_accept_fn *on_accept;
	void (*on_pause)(struct weir_listener *listener, int error);
	bool *closed_inside;	      /* set by a close inside on_accept */
	struct weir_socket_file file; /* the one that we bound, if any */
	int unix_sndbuf; /* for each accepted Unix socket; 0: leave it */
	struct weir_address address;
	struct weir_listener_stats stats;
	uint32_t interest;	/* EPOLLIN, with EPOLLEXCLUSIVE if asked for */
	uint32_t ready_in_turn; /* the loop's turn of the last event */
	uint8_t n_at_once;	/* how many to accept at the next event */
	uint8_t n_empty;	/* events in a row with nothing to accept */
	bool has_made_socket;	/* opened: its socket has our options */
	bool is_pause_told;	/* and nothing was accepted since */
};

/* Bind, listen and accept. TCP gets SO_REUSEADDR, and TCP_NODELAY, which
 * accepted sockets inherit; IPv6 stays IPv6 only.
 *
 * A Unix path that exists is taken over if it is a socket file whose socket is
 * gone. -EADDRINUSE if a socket is bound to it, even one that does not listen
 * yet, or if it is another kind of file. Of several that find it stale at once
 * a single one succeeds, by a lock (flock(2)) on the file PATH.weir-lock, which
 * is removed when that is done; -EADDRINUSE for the others. -EACCES or -EPERM
 * if the file or its folder belongs to another user, who alone could tell that
 * it is stale, or remove it. Only the socket file that this call made is
 * removed at close.
 *
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EPERM, -EAFNOSUPPORT, -ENOENT (no
 * such folder), -EMFILE, -ENFILE, -ENOMEM; on failure nothing is left behind. */
int weir_listener_open(struct weir_listener *listener, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_listener_options *options,
		       weir_accept_fn *on_accept);

/* Accept on a socket that listens already, inherited from a supervisor or
 * shared with other loops. The listener closes it in the end, but removes no
 * file. It is set non-blocking, which is visible to every process that shares
 * the open file description: accept(2) has no flag for one call.
 *
 * Three options (NULL: all defaults) apply: exclusive, notsent_lowat, which is
 * set on the socket itself, and on a Unix socket sndbuf. The others were up to
 * the process that made the socket. On failure fd stays the caller's. -EINVAL:
 * it does not listen. */
int weir_listener_adopt(struct weir_listener *listener, struct weir_loop *loop,
			int fd, const struct weir_listener_options *options,
			weir_accept_fn *on_accept);

/* Accept one connection now, without a callback, and return its descriptor;
 * -EAGAIN when no client waits, or the error of accept(2). It empties the queue
 * before a close, so that no client in it is reset. */
int weir_listener_take(struct weir_listener *listener,
		       struct weir_address *peer);

/* Accept nothing until weir_listener_resume: clients wait in the backlog (see
 * above). For a cap on connections. From inside on_accept it ends the run of
 * accepts; weir_listener_take goes on working. Neither call counts, and both
 * do nothing to a closed listener. Resume also ends a pause of the listener's
 * own at once; where the kernel has no memory for it, it follows within
 * 100 ms.
 *
 * With exclusive: clients that wait are accepted by another loop when the next
 * one connects, and not before. */
void weir_listener_pause(struct weir_listener *listener);
void weir_listener_resume(struct weir_listener *listener);

/* Whether the close removes the file of a Unix path: true where the listener has
 * bound it, false where it has adopted the socket. Another process that adopts
 * the socket, to serve it from now on, owns the file then, and this one does
 * not. Without a file, as on IP, nothing changes and it returns 0. -ENOTSOCK:
 * there is something else at the path now; -ENOENT and lstat(2)'s other
 * errors: the file stays nobody's. */
int weir_listener_own_file(struct weir_listener *listener, bool is_owner);

/* Complete on return; a closed one stays so. */
void weir_listener_close(struct weir_listener *listener);

/* Costs no system call. A close keeps the counters. */
void weir_listener_stats(const struct weir_listener *listener,
			 struct weir_listener_stats *stats);

/* True from a successful open or adopt until the close. */
static inline bool weir_listener_is_open(const struct weir_listener *listener)
{
	return weir_watch_is_open(&listener->watch);
}

/* The loop of an open listener; NULL: it is closed. */
static inline struct weir_loop *weir_listener_loop(
	const struct weir_listener *listener)
{
	return weir_watch_loop(&listener->watch);
}

/* The listening socket, to set options or to duplicate it for another loop. The
 * listener keeps it. */
static inline int weir_listener_fd(const struct weir_listener *listener)
{
	return weir_watch_fd(&listener->watch);
}

/* The bound address: a port 0 has its number. Valid until the listener is
 * opened again, or freed. */
static inline const struct weir_address *weir_listener_address(
	const struct weir_listener *listener)
{
	return &listener->address;
}

WEIR_DECLARE_END

#endif
