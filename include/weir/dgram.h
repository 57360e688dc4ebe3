/* Datagram sockets: UDP over IPv4 and IPv6, and Unix datagrams.
 *
 * Datagrams come and go whole, in batches (recvmmsg(2), sendmmsg(2)): those
 * sent from inside on_datagram leave together after the batch has been
 * delivered. Datagrams that the kernel does not take wait in a queue that is
 * bounded in bytes and messages; those that do not fit are dropped by the
 * policy in the options, and counted.
 *
 * Example:
 *
 *	#include <string.h>
 *	#include <weir.h>
 *
 *	static void echo(struct weir_dgram *d, const struct weir_address *from,
 *			 const void *data, size_t n, size_t true_size)
 *	{
 *		if (n == true_size)
 *			weir_dgram_send(d, from, data, n);
 *	}
 *
 *	static void stop(struct weir_dgram *d, const struct weir_address *from,
 *			 const void *data, size_t n, size_t true_size)
 *	{
 *		weir_loop_stop(weir_dgram_loop(d));
 *	}
 *
 *	static const struct weir_dgram_events echoing = {.on_datagram = echo};
 *	static const struct weir_dgram_events asking = {.on_datagram = stop};
 *
 *	int main(void)
 *	{
 *		struct weir_dgram server = {0};
 *		struct weir_dgram client = {0};
 *		struct weir_address a;
 *		struct weir_loop *loop;
 *
 *		weir_loop_new(&loop);
 *		weir_address_resolve("udp:127.0.0.1:0", WEIR_ADDRESS_LISTEN,
 *				     &a, 1);
 *		weir_dgram_bind(&server, loop, &a, &echoing, NULL);
 *		weir_dgram_connect(&client, loop, weir_dgram_address(&server),
 *				   &asking, NULL);
 *		weir_dgram_send(&client, NULL, "Hey~~~", 6);
 *		weir_loop_run(loop);
 *		weir_dgram_close(&client);
 *		weir_dgram_close(&server);
 *		return weir_loop_free(loop);
 *	}
 *
 * **When the kernel is full.** A UDP socket, or a connected one, waits for
 * EPOLLOUT. A Unix socket that is not connected cannot: sending to a receiver
 * whose queue is full fails with EAGAIN, and epoll reports the sender writable
 * all the same (measured on Linux 6.18). A timer tries such receivers again,
 * after 1 ms and then backing off to at most every 64 ms while nothing moves.
 * Datagrams for one receiver keep their order and do not wait for another's.
 *
 * But what a Unix receiver has not read lies in *our* send buffer. It may hold
 * up to net.unix.max_dgram_qlen + 1 datagrams, or, when the receiver is
 * connected to us, as many as there is room for (measured: 275 small ones). One
 * such receiver can fill the buffer, and then no receiver gets anything until
 * it reads or is gone. The only remedies are a larger sndbuf, or a socket for
 * each peer. The queue's bounds hold in any case.
 *
 * **When the kernel is short of memory** (ENOBUFS, ENOMEM) the same timer tries
 * again. After a shortage of more than 100 ms each refused datagram is dropped
 * and counted, until the kernel takes one: some datagrams never fit (measured:
 * one of 9063 bytes over an MTU of 1500 with the least SO_SNDBUF).
 *
 * **Sent does not mean received.** UDP silently drops datagrams for which the
 * receiver has no room; n_sent counts those that the kernel took.
 */
#ifndef WEIR_DGRAM_H
#define WEIR_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>
#include <weir/declare.h>
#include <weir/loop.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_dgram;
struct weir_dgram_buffers;

enum {
	/* The largest payload of UDP: over IPv6 without jumbograms, RFC 8200;
	 * over IPv4 it is 65507 (RFC 768). */
	WEIR_DGRAM_MAX = 65527
};

struct weir_dgram_events {
	/* A datagram of true_size bytes arrived; its first n bytes are at data.
	 * n is less than true_size only if the datagram was larger than
	 * receive_max, and then the rest is lost (recv(2), MSG_TRUNC). data and
	 * from are valid during the call; a Unix sender without a name has a
	 * length of sizeof(sa_family_t), and cannot be answered. The dgram may
	 * be closed, and freed, inside: no further call comes then, and the
	 * rest of the batch is lost. */
	void (*on_datagram)(struct weir_dgram *d,
			    const struct weir_address *from, const void *data,
			    size_t n, size_t true_size);
	/* Datagrams were dropped for lack of room or memory, and the queue is
	 * empty again. The dgram may be closed, and freed, inside. May be
	 * NULL. */
	void (*on_drain)(struct weir_dgram *d);
};

enum weir_dgram_policy {
	WEIR_DGRAM_DROP_NEWEST, /* the one that does not fit */
	WEIR_DGRAM_DROP_OLDEST	/* the oldest of all, until it fits */
};

/* 0 is the default in parentheses. */
struct weir_dgram_options {
	/* bytes of one datagram (WEIR_DGRAM_MAX; Unix datagrams may be larger
	 * still). A dgram reserves 16 times as much memory; only pages
	 * actually used become resident. */
	size_t receive_max;
	size_t queue_bytes;    /* of payload (256 KiB); counts in the loop's
				* budget, which never drops datagrams */
	size_t queue_messages; /* each costs 64 bytes and its address (1024) */
	enum weir_dgram_policy policy;
	int sndbuf; /* SO_SNDBUF; 0: the kernel's default */
	int rcvbuf; /* SO_RCVBUF; 0: the kernel's default */
};

/* Counters in datagrams since the dgram was opened:
 *
 *	n_accepted = n_sent + n_queued + n_dropped
 *
 * always holds, also after the close. */
struct weir_dgram_stats {
	uint64_t n_received;
	uint64_t n_truncated; /* part of n_received */
	uint64_t n_accepted;
	uint64_t n_sent;
	uint64_t n_queued;  /* now */
	uint64_t n_dropped; /* by policy, by an error, by the close */
	uint64_t n_errors;  /* errors that dropped a datagram, and those of
			     * earlier datagrams (ICMP) and of receiving, which
			     * drop nothing */
	int last_error;	    /* the last of n_errors, negative */
};

/* Embedded by its owner; zeroed is closed. While it is open it keeps
 * weir_loop_run from returning. The fields are the library's. */
struct weir_dgram {
	struct weir_watch watch;
	struct weir_timer retry; /* armed while the clock is waited for */
	const struct weir_dgram_events *events;
	struct weir_dgram_buffers *buffers; /* NULL: closed */
	bool *closed_inside; /* set by a close inside on_datagram */
	struct weir_socket_file file;
	struct weir_address address;
	struct weir_dgram_options options; /* with the defaults filled in */
	bool is_connected;
	bool is_short;	     /* the kernel lacks memory: send nothing for now */
	bool is_deaf;	     /* out of epoll until the timer fires */
	bool owes_drain;     /* call on_drain when the queue is empty */
	unsigned n_failures; /* of receiving, in a row */
	uint64_t retry_ns;   /* the timer's next period */
	uint64_t short_since_ns; /* start of the shortage; 0: no shortage */
	struct weir_dgram_stats stats;
};

/* Open a socket of address's family and bind it. It receives from any peer and
 * sends to any peer. IPv6 stays IPv6 only. A Unix path is taken over and
 * removed as by weir_listener_open.
 *
 * -EINVAL: address is of a stream. Other errors are those of
 * weir_listener_open; on failure nothing is left behind. */
int weir_dgram_bind(struct weir_dgram *d, struct weir_loop *loop,
		    const struct weir_address *address,
		    const struct weir_dgram_events *events,
		    const struct weir_dgram_options *options);

/* Open a socket that sends to address and receives from it alone. The kernel
 * chooses its own name, on Unix too, so that the peer can answer. A missing UDP
 * peer is noticed by a send (ICMP), and may come back. A Unix peer must exist
 * (-ENOENT, -ECONNREFUSED), and once it is gone every send fails
 * (-ECONNREFUSED, then -ENOTCONN): close the dgram, and connect again. */
int weir_dgram_connect(struct weir_dgram *d, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_dgram_events *events,
		       const struct weir_dgram_options *options);

/* Accept one datagram, to be sent whole or not at all. to is NULL if and only
 * if d is connected. 0: it was sent or queued (drop-oldest may have dropped
 * older ones for it). Two errors change nothing and are not counted, since no
 * such datagram can be sent:
 *
 *	-EINVAL		an address is missing or is of another family, UDP port
 *			0, a Unix sender without a name
 *	-EMSGSIZE	too large for the protocol, the send buffer or the
 *			queue
 *
 * After any other error the datagram counts as accepted and dropped:
 *
 *	-ENOBUFS	the queue is full and the policy drops the newest
 *	-ENOMEM		it has to be queued and there is no memory
 *	others		the kernel's error for this destination (-ECONNREFUSED,
 *			-ENOENT, -EHOSTUNREACH, -EPERM), if the kernel was
 *			offered the datagram at once; such an error of a queued
 *			datagram is only counted
 *
 * It may be called inside on_drain; inside on_datagram it queues. */
int weir_dgram_send(struct weir_dgram *d, const struct weir_address *to,
		    const void *data, size_t n);

void weir_dgram_stats(const struct weir_dgram *d,
		      struct weir_dgram_stats *stats);

static inline bool weir_dgram_is_open(const struct weir_dgram *d)
{
	return weir_watch_is_open(&d->watch);
}

/* The loop of an open dgram; NULL: it is closed. */
static inline struct weir_loop *weir_dgram_loop(const struct weir_dgram *d)
{
	return weir_watch_loop(&d->watch);
}

/* The bound address (a port 0 has its number), or that of the connected peer.
 * Valid until d is opened again, or freed. */
static inline const struct weir_address *weir_dgram_address(
	const struct weir_dgram *d)
{
	return &d->address;
}

/* Drops what is queued. Synchronous. Closing a closed dgram does nothing. */
void weir_dgram_close(struct weir_dgram *d);

WEIR_DECLARE_END

#endif
