/* Datagrams that were accepted and that the kernel has not taken.
 *
 * Those for one destination form a chain, oldest first, and never overtake
 * each other. A chain is ready to be offered, or its receiver was found full;
 * chains take turns, so no receiver holds up another. Where our own socket's
 * buffer, not the receiver's, limits sending, there is a single chain.
 *
 * The queue does no I/O: peek describes datagrams for sendmmsg(2), consume
 * removes those that the kernel took.
 */
#ifndef WEIR_DGRAM_QUEUE_H
#define WEIR_DGRAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <weir/address.h>
#include <weir/list.h>
#include "pool.h"

struct mmsghdr;

enum {
	/* how many datagrams one peek describes, at most */
	WEIR_DGRAM_BATCH = 32
};

/* The head of a chain holds the chain's turn, its last message and its sums. */
struct weir_dgram_message {
	struct weir_list age;		 /* in the queue's all */
	struct weir_list turn;		 /* of a head: in ready or full */
	struct weir_dgram_message *next; /* in the chain, younger */
	struct weir_dgram_message *last; /* of a head */
	size_t n_chained;		 /* of a head: its chain's messages */
	size_t chained_bytes;		 /* of a head: their payload */
	size_t size;
	socklen_t to_len; /* 0: the peer that the socket is connected to */
	uint32_t control_len;
	unsigned char bytes[]; /* address, control messages, payload */
};

/* 1. all has every message once; n_messages and n_bytes count them
 * 2. a message is the head of a chain and on ready or full, or it is the next
 *    of exactly one other; a head's last ends its chain, and its sums are
 *    those of the chain
 * 3. a chain's messages go to one destination, two chains' to two; a single
 *    queue has no second chain
 * 4. next is younger: it comes later in all */
struct weir_dgram_queue {
	struct weir_pool *pool;
	bool is_single;
	struct weir_list all;	/* oldest first */
	struct weir_list ready; /* heads; the first is offered next */
	struct weir_list full;
	size_t n_messages;
	size_t n_bytes; /* of payload */
};

void weir_dgram_queue_init(struct weir_dgram_queue *q, struct weir_pool *pool,
			   bool is_single);

/* True if a datagram for to (NULL: the connected peer) would have to wait
 * behind others. */
bool weir_dgram_queue_is_before(const struct weir_dgram_queue *q,
				const struct weir_address *to);

/* True if there is room for the datagram that header describes, so that the
 * queue holds at most max_messages with max_bytes of payload. One of several
 * chains may take no more than it leaves to the others. */
bool weir_dgram_queue_has_room(const struct weir_dgram_queue *q,
			       const struct msghdr *header, size_t max_messages,
			       size_t max_bytes);

/* Queue a copy of the datagram that header describes for sendmsg(2), in one
 * iovec, behind those for the same destination. If there are none, its chain is
 * new: ready, or full when the kernel has just refused it. -ENOMEM. */
int weir_dgram_queue_add(struct weir_dgram_queue *q,
			 const struct msghdr *header, bool is_refused);

/* Drop the oldest of all; there must be one. */
void weir_dgram_queue_drop_oldest(struct weir_dgram_queue *q);

/* Drop all. */
void weir_dgram_queue_clear(struct weir_dgram_queue *q);

static inline bool weir_dgram_queue_is_ready(const struct weir_dgram_queue *q)
{
	return !weir_list_is_empty(&q->ready);
}

/* -- the chain that is offered next; there must be one -- */

/* Describe its oldest: at most WEIR_DGRAM_BATCH datagrams, up to and including
 * the one that exceeds 64 KiB. Returns how many. */
unsigned weir_dgram_queue_peek(const struct weir_dgram_queue *q,
			       struct mmsghdr *messages, struct iovec *iov);
/* Its oldest n are gone; the next chain has its turn. */
void weir_dgram_queue_consume(struct weir_dgram_queue *q, unsigned n);
/* Its receiver has no room. */
void weir_dgram_queue_set_full(struct weir_dgram_queue *q);

/* Make all full chains ready again, behind the others. */
void weir_dgram_queue_retry(struct weir_dgram_queue *q);

/* Assert the invariants; walks the queue. */
void weir_dgram_queue_check(const struct weir_dgram_queue *q);

#endif
