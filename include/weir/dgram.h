/* Datagram sockets: UDP over IPv4 and IPv6, and Unix datagrams.
 *
 * Datagrams come and go whole, in batches (recvmmsg(2), sendmmsg(2)): what is
 * sent from inside on_datagram leaves together when the batch has been told.
 * What the kernel does not take waits in a queue that is bounded in bytes and
 * messages; what does not fit there is dropped by a stated policy and counted.
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
 * **When the kernel is full.** An UDP socket, or a connected one, waits for
 * EPOLLOUT, which is armed for as long. A Unix socket that is not connected
 * cannot: a receiver whose queue is full refuses (EAGAIN), and epoll reports
 * the sender writable all the same (measured on Linux 6.18). Such receivers
 * are tried again by a timer, after 1 ms and then ever less often, down to
 * every 64 ms while nothing moves. Each waits for itself: datagrams for
 * one receiver keep their order, and do not wait for another's.
 *
 * But what a Unix receiver has not read lies in *our* send buffer. It is let
 * have net.unix.max_dgram_qlen + 1 datagrams, or, when it is connected to us,
 * as many as there is room for (measured: 275 small ones): such a one alone
 * can fill the buffer, and then nobody gets anything until it reads or is
 * gone. The kernel knows no remedy but a larger sndbuf, or a socket for each
 * peer; the queue's bounds hold all the same.
 *
 * **When it is short of memory** (ENOBUFS, ENOMEM) the same timer tries again.
 * A shortage of more than 100 ms drops what it meets, counted, until the
 * kernel takes one: some datagrams never fit (measured: one of 9063 bytes over
 * an MTU of 1500 with the least SO_SNDBUF).
 *
 * **What is sent is not received.** UDP drops what its receiver has no room
 * for, and nobody is told; n_sent counts what the kernel took.
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
	/* One datagram has come, of true_size bytes, of which the first n are
	 * at data: fewer only if it was larger than the receive limit, and
	 * then the rest is gone (recv(2), MSG_TRUNC). from is good during the
	 * call; a Unix sender without a name has a length of
	 * sizeof(sa_family_t), and cannot be answered. The dgram may be
	 * closed, and freed, inside: no further call comes then, and what else
	 * had been received in the batch is gone. */
	void (*on_datagram)(struct weir_dgram *d,
			    const struct weir_address *from, const void *data,
			    size_t n, size_t true_size);
	/* Something was dropped for want of room or memory, and the queue is
	 * empty again. The dgram may be closed, and freed, inside. NULL: not
	 * wanted. */
	void (*on_drain)(struct weir_dgram *d);
};

enum weir_dgram_policy {
	WEIR_DGRAM_DROP_NEWEST, /* the one that does not fit */
	WEIR_DGRAM_DROP_OLDEST	/* the oldest of all, until it fits */
};

/* Zeroes are the defaults. */
struct weir_dgram_options {
	/* bytes of one datagram (WEIR_DGRAM_MAX; Unix datagrams may be larger
	 * still). Sixteen times as much memory is taken, of which that is
	 * resident which datagrams have touched. */
	size_t receive_max;
	size_t queue_bytes;    /* of payload (256 KiB); counts in the loop's
				* budget, which drops none of it */
	size_t queue_messages; /* each costs 64 bytes and its address (1024) */
	enum weir_dgram_policy policy;
	int sndbuf; /* SO_SNDBUF; 0: the kernel's default */
	int rcvbuf; /* SO_RCVBUF; 0: the kernel's default */
};

/* Counters in datagrams, from the opening on:
 *
 *	n_accepted = n_sent + n_queued + n_dropped
 *
 * holds always, of a closed one too. */
struct weir_dgram_stats {
	uint64_t n_received;
	uint64_t n_truncated; /* of them */
	uint64_t n_accepted;
	uint64_t n_sent;
	uint64_t n_queued;  /* now */
	uint64_t n_dropped; /* by policy, by an error, by the close */
	uint64_t n_errors;  /* those that dropped one, and those of earlier
			     * datagrams (ICMP) and of receiving, which drop
			     * nothing */
	int last_error;	    /* of them, negative */
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
	bool is_short;	     /* of the kernel's memory: send nothing for now */
	bool is_deaf;	     /* out of epoll until the timer */
	bool owes_drain;     /* on_drain, when the queue is empty */
	unsigned n_failures; /* of receiving, one after another */
	uint64_t retry_ns;   /* what the timer is armed to next */
	uint64_t short_since_ns; /* nothing was taken since; 0: it was */
	struct weir_dgram_stats stats;
};

/* Open a socket of address's family and bind it, to hear everybody and send to
 * anybody. IPv6 stays IPv6 only. A Unix path is taken over and removed as
 * weir_listener_open does it.
 *
 * -EINVAL: address is a stream's. Else as weir_listener_open; on failure
 * nothing is left behind. */
int weir_dgram_bind(struct weir_dgram *d, struct weir_loop *loop,
		    const struct weir_address *address,
		    const struct weir_dgram_events *events,
		    const struct weir_dgram_options *options);

/* Open one that sends to address and hears nobody else. Its own name is the
 * kernel's choice, on Unix too, so that it can be answered. A UDP peer that is
 * not there is found out by a send (ICMP), and may come back; a Unix peer must
 * be there (-ENOENT, -ECONNREFUSED), and once it is gone every send fails
 * (-ECONNREFUSED, then -ENOTCONN): close it, and connect again. */
int weir_dgram_connect(struct weir_dgram *d, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_dgram_events *events,
		       const struct weir_dgram_options *options);

/* Accept one datagram, to be sent whole or not at all. to is NULL if and only
 * if d is connected. 0: it was sent or queued, with drop-oldest at the cost of
 * older ones. Two errors change nothing and are not counted, since no such
 * datagram can be sent:
 *
 *	-EINVAL		no address where one is needed, one of another family,
 *			UDP port 0, a Unix sender without a name
 *	-EMSGSIZE	too large for the protocol, the send buffer or the
 *			queue
 *
 * With any other it counts as accepted and dropped:
 *
 *	-ENOBUFS	the queue is full and the policy drops the newest
 *	-ENOMEM		it has to be queued and there is no memory
 *	others		the kernel's word on this destination (-ECONNREFUSED,
 *			-ENOENT, -EHOSTUNREACH, -EPERM): only when it was
 *			offered at once; of one that was queued they are
 *			counted, and told by nobody
 *
 * Inside on_drain it may be called again; inside on_datagram it queues. */
int weir_dgram_send(struct weir_dgram *d, const struct weir_address *to,
		    const void *data, size_t n);

void weir_dgram_stats(const struct weir_dgram *d,
		      struct weir_dgram_stats *stats);

static inline bool weir_dgram_is_open(const struct weir_dgram *d)
{
	return weir_watch_is_open(&d->watch);
}

/* The loop of an open one; NULL: it is closed. */
static inline struct weir_loop *weir_dgram_loop(const struct weir_dgram *d)
{
	return weir_watch_loop(&d->watch);
}

/* As bound (a port 0 has its number), or the peer that it is connected to.
 * Good until d is opened again, or gone. */
static inline const struct weir_address *weir_dgram_address(
	const struct weir_dgram *d)
{
	return &d->address;
}

/* Drops what is queued. Complete on return; a closed one stays so. */
void weir_dgram_close(struct weir_dgram *d);

WEIR_DECLARE_END

#endif
