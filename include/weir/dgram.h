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
 *	static void echo(struct weir_dgram *d,
 *			 const struct weir_dgram_received *in)
 *	{
 *		if (in->n == in->true_size)
 *			weir_dgram_reply(d, in, in->data, in->n);
 *	}
 *
 *	static void stop(struct weir_dgram *d,
 *			 const struct weir_dgram_received *in)
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
 *		weir_address_resolve("udp:0.0.0.0:0", WEIR_ADDRESS_LISTEN,
 *				     &a, 1);
 *		weir_dgram_bind(&server, loop, &a, &echoing, NULL);
 *		a = *weir_dgram_address(&server); // has its port
 *		a.sa.in.sin_addr.s_addr = htonl(0x7f000002); // 127.0.0.2
 *		weir_dgram_connect(&client, loop, &a, &asking, NULL);
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
 * connected to us, as many as there is room for (measured: 275 small ones), and
 * the kernel tells the sum alone (SIOCOUTQ). So a dgram that is not connected
 * keeps an account of each receiver. While more than three eighths of sndbuf
 * are unread, a receiver that does not read is sent nothing more: its datagrams
 * wait, and are dropped beyond the queue's bounds, of which one receiver may
 * take no more than it leaves to the others. Now and then it is tried again,
 * after 1 ms at first and after a minute at last. Who has read is a guess: while
 * others do not read, a receiver may wait for some tenths of a second (measured:
 * 0.4 s beside 20 that never read 1000 bytes), and one that reads may be taken
 * for one that does not, and lose datagrams to the queue's bounds (measured: a
 * quarter of 7000 bytes each, sent in pairs to two that read, and then to one
 * that does not). Each may hold one datagram in any case. For receivers whose
 * datagrams must not be lost to others, the only remedies are a larger sndbuf,
 * or a socket for each peer.
 *
 * **When the kernel is short of memory** (ENOBUFS, ENOMEM) the same timer tries
 * again. After a shortage of more than 100 ms each refused datagram is dropped
 * and counted, until the kernel takes one: some datagrams never fit (measured:
 * one of 9063 bytes over an MTU of 1500 with the least SO_SNDBUF).
 *
 * **A socket on the wildcard address** hears at all of the machine's addresses,
 * and the kernel lets an answer leave from the one that its route suggests, so
 * that a client that has asked another, by a connected socket or through a
 * firewall, hears nothing. weir_dgram_reply answers from the address that was
 * asked (IP_PKTINFO in ip(7), IPV6_RECVPKTINFO in RFC 3542).
 *
 * **An error queue of your own** (IP_RECVERR in ip(7), SO_TIMESTAMPING, set on
 * weir_dgram_fd) keeps the socket ready until somebody has read it: you are
 * told by on_error_queue, and what you leave there is thrown away, up to 64
 * entries a turn.
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

/* One datagram that has come. To be answered later it may be copied; data is
 * good during the call alone. */
struct weir_dgram_received {
	/* a Unix sender without a name has a length of sizeof(sa_family_t),
	 * and cannot be answered */
	struct weir_address from;
	/* Ours that it was sent to: as bound, or, where that is the wildcard,
	 * the one of the machine's addresses. For a broadcast or an IPv4
	 * group it is the one to answer from (ip(7), ipi_spec_dst), for an
	 * IPv6 group the wildcard. Of a connected dgram it is none: its len
	 * is 0. */
	struct weir_address to;
	/* It was sent to a broadcast or a group, so that others may have it,
	 * too. False also where that is not known: the socket is bound to no
	 * wildcard. */
	bool is_for_many;
	const void *data;
	size_t n;	  /* bytes of data */
	size_t true_size; /* more than n only if the datagram was larger than
			   * the receive limit: the rest is gone (recv(2),
			   * MSG_TRUNC) */
};

struct weir_dgram_events {
	/* The dgram may be closed, and freed, inside: no further call comes
	 * then, and what else had been received in the batch is gone. */
	void (*on_datagram)(struct weir_dgram *d,
			    const struct weir_dgram_received *in);
	/* The socket's error queue has something, or had: read it by
	 * recvmsg(2) with MSG_ERRQUEUE, on weir_dgram_fd. Never on Unix
	 * sockets, which have none. The dgram may be closed, and freed,
	 * inside. NULL: not wanted. */
	void (*on_error_queue)(struct weir_dgram *d);
	/* Something was dropped for want of room or memory, and the queue is
	 * empty again. The dgram may be closed, and freed, inside. NULL: not
	 * wanted. */
	void (*on_drain)(struct weir_dgram *d);
};

enum weir_dgram_policy {
	WEIR_DGRAM_DROP_NEWEST, /* the one that does not fit */
	WEIR_DGRAM_DROP_OLDEST	/* the oldest of all, until it fits */
};

enum {
	WEIR_DGRAM_DEFAULT_QUEUE_BYTES = 262144,
	WEIR_DGRAM_DEFAULT_QUEUE_MESSAGES = 1024
};

/* Read during the call. Zeroes are the defaults, in parentheses; -EINVAL, and
 * nothing changed: a negative number, or one above its range. */
struct weir_dgram_options {
	/* bytes of one datagram, at most 64 MiB (WEIR_DGRAM_MAX; Unix
	 * datagrams may be larger still). Sixteen times as much memory is
	 * taken; only pages actually used become resident. */
	size_t receive_max;
	size_t queue_bytes;    /* of payload (256 KiB); counts in the loop's
				* budget, which never drops datagrams */
	size_t queue_messages; /* each costs 80 bytes and its address (1024) */
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
	bool is_wildcard;    /* bound to all of the machine's addresses */
	bool is_short;	     /* of the kernel's memory: send nothing for now */
	bool is_deaf;	     /* out of epoll until the timer */
	bool owes_drain;     /* on_drain, when the queue is empty */
	unsigned n_failures; /* of receiving, one after another */
	uint64_t retry_ns;   /* what the timer is armed to next */
	uint64_t short_since_ns; /* nothing was taken since; 0: it was */
	struct weir_dgram_stats stats;
};

/* Open a socket of address's family and bind it. It receives from any peer and
 * sends to any peer. IPv6 stays IPv6 only. A Unix path is taken over and
 * removed as by weir_listener_open.
 *
 * -EINVAL: address is a stream's, or an option out of its range. Else as
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

/* Take over a socket that is bound or connected already: inherited from a
 * supervisor, or one of socketpair(2). It serves as one of weir_dgram_bind's or
 * weir_dgram_connect's. An IPv6 one may take IPv4 too; such peers have mapped
 * addresses (::ffff:192.0.2.1).
 *
 * The dgram closes fd in the end, but removes no file. sndbuf and rcvbuf are up
 * to whoever made the socket and are not applied. One option is set on it, if
 * it is bound to the wildcard address: the kernel is to tell where a datagram
 * was sent to. Blocking or not is the same, and stays.
 *
 * -EINVAL: not a datagram socket of IPv4, IPv6 or Unix, neither bound nor
 * connected, or an option out of its range. On failure fd stays the caller's
 * and d is unchanged. */
int weir_dgram_adopt(struct weir_dgram *d, struct weir_loop *loop, int fd,
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
 *	-ENOBUFS	the queue is full, or as much of it as this receiver may
 *			take, and the policy drops the newest
 *	-ENOMEM		it has to be queued and there is no memory
 *	others		the kernel's error for this destination (-ECONNREFUSED,
 *			-ENOENT, -EHOSTUNREACH, -EPERM), if the kernel was
 *			offered the datagram at once; such an error of a queued
 *			datagram is only counted
 *
 * It may be called inside on_drain; inside on_datagram it queues. */
int weir_dgram_send(struct weir_dgram *d, const struct weir_address *to,
		    const void *data, size_t n);

/* weir_dgram_send to in->from, from the address in->to, or to the peer if d is
 * connected. Only a dgram that is bound to the wildcard address has a choice
 * of where to send from: any other takes no notice of in->to, nor this one if
 * it is the wildcard, or of another family. If in->to is no address of the
 * machine any more the kernel says -ENETUNREACH for IPv4 and -EINVAL for IPv6
 * (measured on Linux 6.18). */
int weir_dgram_reply(struct weir_dgram *d, const struct weir_dgram_received *in,
		     const void *data, size_t n);

/* Costs no system call. A close keeps the counters. */
void weir_dgram_stats(const struct weir_dgram *d,
		      struct weir_dgram_stats *stats);

/* True from a successful bind, connect or adopt until the close. */
static inline bool weir_dgram_is_open(const struct weir_dgram *d)
{
	return weir_watch_is_open(&d->watch);
}

/* The loop of an open dgram; NULL: it is closed. */
static inline struct weir_loop *weir_dgram_loop(const struct weir_dgram *d)
{
	return weir_watch_loop(&d->watch);
}

/* The socket: for options. It stays the dgram's. */
static inline int weir_dgram_fd(const struct weir_dgram *d)
{
	return weir_watch_fd(&d->watch);
}

/* As bound (a port 0 has its number), or the peer that it is connected to.
 * Good until d is opened again, or gone. */
static inline const struct weir_address *weir_dgram_address(
	const struct weir_dgram *d)
{
	return &d->address;
}

/* As weir_listener_own_file. */
int weir_dgram_own_file(struct weir_dgram *d, bool is_owner);

/* Drops what is queued. Synchronous. Closing a closed dgram does nothing. */
void weir_dgram_close(struct weir_dgram *d);

WEIR_DECLARE_END

#endif
