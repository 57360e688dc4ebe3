/* What a stream's owner gave to be sent and the kernel has not taken: gathered
 * while a callback runs, else in a queue; with the counts of all of it.
 *
 * It knows no connection and calls nobody. Each function says what it found
 * (taken, full, no memory, broken), and the connection draws the consequences.
 * What the outboxes of a loop share (the gather buffer, the pool of memory, the
 * budget) is the loop's.
 */
#ifndef WEIR_LIB_OUTBOX_H
#define WEIR_LIB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/conn.h>
#include <weir/fence.h>

#include "loop.h"
#include "pace.h"
#include "sendq.h"

/* What an outbox has from the first time that it owes until its end.
 *
 * 1. the debtor is in the loop's budget by the queue's weight
 * 2. fences are sorted by position, and none is before the oldest byte */
struct weir_backlog {
	struct weir_sendq queue;
	struct weir_debtor debtor;
	struct weir_outbox *outbox;
	struct weir_list fences;
	struct weir_pace pace;
	uint64_t dropped;
	uint64_t dropped_unfenced; /* of them, behind the last fence so far */
	uint64_t stalled_ns;	   /* in sum, before full_since_ns */
	uint64_t full_since_ns;	   /* 0: the kernel is not known to be full */
	uint64_t queue_peak;
	uint32_t n_arms;
};

/* What the kernel made of an offer. */
struct weir_offer {
	size_t offered;
	ssize_t taken; /* or a negative errno: the stream is broken */
	bool is_full;  /* it takes no more for now */
};

static inline bool weir_outbox_is_owing(const struct weir_outbox *o)
{
	return o->backlog && !weir_sendq_is_empty(&o->backlog->queue);
}

/* The bytes in the queue. */
static inline uint64_t weir_outbox_n_queued(const struct weir_outbox *o)
{
	return o->backlog ? weir_sendq_length(&o->backlog->queue) : 0;
}

/* What the watermarks count of them. */
static inline size_t weir_outbox_weight(const struct weir_outbox *o)
{
	return o->backlog ? weir_sendq_weight(&o->backlog->queue) : 0;
}

/* -- outbox.c -- */

/* The backlog, made if need be; NULL: no memory. */
struct weir_backlog *weir_outbox_backlog(struct weir_outbox *o,
					 struct weir_loop *loop);
/* Let backlog, whatever it holds, be that of o, which has none. */
void weir_outbox_init_backlog(struct weir_outbox *o, struct weir_loop *loop,
			      struct weir_backlog *backlog);
/* Free all that it has. */
void weir_outbox_deinit(struct weir_outbox *o);

/* The queue has changed. */
void weir_outbox_update(struct weir_outbox *o, struct weir_loop *loop);
/* The kernel was offered bytes for the first time, and answered taken (< 0: an
 * errno; a shortage of memory counts as full). */
struct weir_offer weir_outbox_count_offer(struct weir_outbox *o,
					  struct weir_loop *loop,
					  size_t offered, ssize_t taken);
/* Offer data, in front of which nothing waits, to the socket fd, once. */
struct weir_offer weir_outbox_send(struct weir_outbox *o,
				   struct weir_loop *loop, int fd,
				   const void *data, size_t n);
/* Offer the queue, and behind it data, in one call; the queue has room for n
 * more bytes reserved, and what was not taken of them is put there. */
struct weir_offer weir_outbox_send_behind(struct weir_outbox *o,
					  struct weir_loop *loop, int fd,
					  const void *data, size_t n);
/* Offer the queue once. A shortage of memory may be passing at a first offer;
 * under an EPOLLOUT it is an error, else it would spin. */
struct weir_offer weir_outbox_flush(struct weir_outbox *o,
				    struct weir_loop *loop, int fd,
				    bool is_first_offer);

/* The kernel is full from now on, or no longer. */
void weir_outbox_begin_stall(struct weir_outbox *o, struct weir_loop *loop);
void weir_outbox_end_stall(struct weir_outbox *o, struct weir_loop *loop);

/* Drop the oldest shared buffers as weir_sendq_trim does; how many. */
size_t weir_outbox_trim(struct weir_outbox *o, struct weir_loop *loop,
			size_t target);
/* Drop all that is gathered or queued. */
void weir_outbox_drop(struct weir_outbox *o, struct weir_loop *loop);

/* The bytes that have left the queue, one way or the other: all in front of
 * what is the oldest now. */
uint64_t weir_outbox_n_left(const struct weir_outbox *o);
/* Fill in all that it counts. */
void weir_outbox_progress(const struct weir_outbox *o, struct weir_loop *loop,
			  struct weir_progress *progress);
/* Assert what is said of its parts; walks the queue. */
void weir_outbox_check(const struct weir_outbox *o);

/* -- outbox_budget.c -- */

/* Whether the loop's outboxes would pass their budget with n_heap more. */
bool weir_outbox_is_over_budget(const struct weir_loop *loop, size_t n_heap);
/* Let o, which has a backlog, count as owing n_bytes more than it does. */
void weir_outbox_claim(struct weir_outbox *o, struct weir_loop *loop,
		       size_t n_bytes);
/* One of those that owe most, while the budget's low mark is passed with n_heap
 * more; NULL: it is not, or nobody owes anything. */
struct weir_outbox *weir_outbox_victim(const struct weir_loop *loop,
				       size_t n_heap);

/* -- outbox_gather.c: what one callback sends, to leave in one call -- */

/* o is the one that gathers, if it may, until _end. */
void weir_outbox_gather(struct weir_outbox *o, struct weir_loop *loop,
			bool may_gather);
/* Nothing more may be gathered. */
void weir_outbox_stop_gathering(struct weir_outbox *o, struct weir_loop *loop);
/* Have a gather buffer, if there is memory for one. */
void weir_outbox_refill_gather(struct weir_loop *loop);
size_t weir_outbox_n_gathered(const struct weir_outbox *o,
			      const struct weir_loop *loop);
/* Offer what is gathered, which is not nothing; what is left is queued. */
struct weir_offer weir_outbox_send_gathered(struct weir_outbox *o,
					    struct weir_loop *loop, int fd);
/* It was offered, and the kernel answered taken. */
struct weir_offer weir_outbox_take_gathered(struct weir_outbox *o,
					    struct weir_loop *loop,
					    ssize_t taken);
/* Move what is gathered to the queue, which is empty; weir_outbox_update is
 * left to the caller. Cannot fail. */
void weir_outbox_queue_gathered(struct weir_outbox *o, struct weir_loop *loop);
/* Forget what is gathered; how many bytes. If any, o has a backlog then. */
size_t weir_outbox_forget_gathered(struct weir_outbox *o,
				   struct weir_loop *loop);

/* -- outbox_fence.c: places in the stream -- */

/* Put fence behind all that was accepted; there is a backlog. */
void weir_outbox_put_fence(struct weir_outbox *o, struct weir_loop *loop,
			   struct weir_fence *fence);
/* The next one tells what fence would have told. */
void weir_outbox_remove_fence(struct weir_outbox *o, struct weir_fence *fence);
/* The first, if all in front of it has left; else NULL. */
struct weir_fence *weir_outbox_due_fence(const struct weir_outbox *o);
/* n bytes were dropped that had at bytes of the queue before them. */
void weir_outbox_tell_fences(struct weir_outbox *o, uint64_t at, uint64_t n);

static inline bool weir_outbox_has_fences(const struct weir_outbox *o)
{
	return o->backlog && !weir_list_is_empty(&o->backlog->fences);
}

#endif
