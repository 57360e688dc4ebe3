/* The bytes that a stream has accepted and the kernel has not taken: gathered
 * while a callback runs, else in a queue; and the counters of all of them.
 *
 * An outbox knows no connection and calls no callback. Each function returns
 * what it found (taken, full, no memory, broken), and the connection draws the
 * consequences. The loop owns what its outboxes share: the gather buffer, the
 * pool of memory, the budget.
 */
#ifndef WEIR_LIB_OUTBOX_H
#define WEIR_LIB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/conn.h>
#include <weir/fence.h>

#include "follower.h"
#include "loop.h"
#include "pace.h"
#include "sendq.h"

enum {
	/* how much one flush offers: a fast reader must not starve the
	 * others */
	WEIR_BYTES_PER_TURN = 2097152
};

/* An outbox gets this when it first owes bytes, and keeps it to its end.
 *
 * 1. the debtor is in the loop's budget by the queue's weight and n_input
 * 2. fences are sorted by position */
struct weir_backlog {
	struct weir_sendq queue;
	struct weir_follower *follower; /* of a feed; NULL: it never was */
	struct weir_debtor debtor;
	struct weir_list fences;
	struct weir_pace pace;
	size_t n_input; /* the heap of its connection's kept input */
	uint64_t dropped;
	uint64_t dropped_unfenced; /* part of it, behind the last fence */
	uint64_t stalled_ns;	   /* in total, before full_since_ns */
	uint64_t full_since_ns;	   /* 0: the kernel is not known to be full */
	uint64_t queue_peak;
	uint32_t n_arms;
	bool is_corked; /* by the last flush (see struct weir_offer) */
};

/* The kernel's answer to an offer. */
struct weir_offer {
	size_t offered;
	ssize_t taken;	/* or a negative errno: the stream is broken */
	bool is_full;	/* the kernel takes no more for now */
	bool goes_on;	/* it took all, up to where a file begins or ends */
	bool is_corked; /* its last bytes wait in the kernel for the next */
};

/* The bytes in the queue, and those that a log owes it. */
static inline uint64_t weir_outbox_n_queued(const struct weir_outbox *o)
{
	const struct weir_backlog *backlog = o->backlog;

	if (!backlog)
		return 0;
	if (!backlog->follower)
		return weir_sendq_length(&backlog->queue);
	return weir_sendq_length(&backlog->queue) +
	       weir_follower_n_queued(backlog->follower);
}

static inline bool weir_outbox_is_owing(const struct weir_outbox *o)
{
	return weir_outbox_n_queued(o) > 0;
}

/* The same size as the watermarks count it. */
static inline size_t weir_outbox_weight(const struct weir_outbox *o)
{
	const struct weir_backlog *backlog = o->backlog;

	if (!backlog)
		return 0;
	if (!backlog->follower)
		return weir_sendq_weight(&backlog->queue);
	return weir_sendq_weight(&backlog->queue) +
	       weir_follower_weight(backlog->follower);
}

static inline size_t weir_outbox_n_files(const struct weir_outbox *o)
{
	return o->backlog ? weir_sendq_n_files(&o->backlog->queue) : 0;
}

/* -- outbox.c -- */

/* The backlog, made if there was none; NULL: no memory. */
struct weir_backlog *weir_outbox_backlog(struct weir_outbox *o,
					 struct weir_loop *loop);
/* Initialise backlog, uninitialised memory, as that of o, which had none. */
void weir_outbox_init_backlog(struct weir_outbox *o, struct weir_loop *loop,
			      struct weir_backlog *backlog);
/* Free its backlog. */
void weir_outbox_deinit(struct weir_outbox *o);

/* The queue has changed. */
void weir_outbox_update(struct weir_outbox *o, struct weir_loop *loop);
/* Count that the kernel was offered new bytes and answered taken (< 0: an
 * errno; a shortage of memory counts as full). */
struct weir_offer weir_outbox_count_offer(struct weir_outbox *o,
					  struct weir_loop *loop,
					  size_t offered, ssize_t taken);
/* Offer data to the socket fd, once; nothing waits in front of it. */
struct weir_offer weir_outbox_send(struct weir_outbox *o,
				   struct weir_loop *loop, int fd,
				   const void *data, size_t n);
/* Offer the queue, and behind it data, in one call. The queue has room for n
 * more bytes reserved; those of data that were not taken go there. */
struct weir_offer weir_outbox_send_behind(struct weir_outbox *o,
					  struct weir_loop *loop, int fd,
					  const void *data, size_t n);

/* The kernel is full, or out of memory, which counts as full inside a user's
 * call. */
bool weir_outbox_is_passing(ssize_t error);
/* The kernel answered the offer. */
void weir_outbox_count_taken(struct weir_outbox *o, struct weir_loop *loop,
			     const struct weir_offer *offer);

/* The kernel is full from now on, or no longer. */
void weir_outbox_begin_stall(struct weir_outbox *o, struct weir_loop *loop);
void weir_outbox_end_stall(struct weir_outbox *o, struct weir_loop *loop);

/* Drop the oldest shared buffers as weir_sendq_trim does; returns how many. */
size_t weir_outbox_trim(struct weir_outbox *o, struct weir_loop *loop,
			size_t target);
/* Drop all that is gathered or queued; how many bytes. */
uint64_t weir_outbox_drop(struct weir_outbox *o, struct weir_loop *loop);

/* How many bytes have left the queue, sent or dropped: all those in front of
 * the oldest queued byte. Those that a log dropped are never counted. */
uint64_t weir_outbox_n_left(const struct weir_outbox *o);
/* Fill in the outbox's counters. */
void weir_outbox_progress(const struct weir_outbox *o, struct weir_loop *loop,
			  struct weir_progress *progress);
/* Assert the invariants; walks the queue. */
void weir_outbox_check(const struct weir_outbox *o);

/* -- outbox_flush.c -- */

/* Offer the queue once, at most max_bytes of it. If it goes on, and that is not
 * used up, the rest must be offered at once. A shortage of memory counts as
 * full at a first offer; under EPOLLOUT it is an error, since the loop would
 * spin. */
struct weir_offer weir_outbox_flush(struct weir_outbox *o,
				    struct weir_loop *loop, int fd,
				    size_t max_bytes, bool is_first_offer);

/* -- outbox_budget.c -- */

/* True if n_heap bytes more would put the loop's outboxes over budget. */
bool weir_outbox_is_over_budget(const struct weir_loop *loop, size_t n_heap);
/* Let o count as owing n_bytes more than it holds, if it has a backlog. */
void weir_outbox_claim(struct weir_outbox *o, struct weir_loop *loop,
		       size_t n_bytes);
/* Let o count as holding n_bytes of kept input as well; debtor, the input's own,
 * stands for it while o has no backlog. */
void weir_outbox_hold_input(struct weir_outbox *o, struct weir_loop *loop,
			    struct weir_debtor *debtor, size_t n_bytes);
/* One of the outboxes that owe most, if the loop's outboxes with n_heap bytes
 * more would be above the budget's low; NULL: they are not, or owe nothing. */
struct weir_outbox *weir_outbox_victim(const struct weir_loop *loop,
				       size_t n_heap);

/* -- outbox_gather.c: the bytes of one callback leave in one call -- */

/* A callback of o's owner begins: let o gather, if it may. */
void weir_outbox_gather(struct weir_outbox *o, struct weir_loop *loop,
			bool may_gather);
/* Let nothing more be gathered. */
void weir_outbox_stop_gathering(struct weir_outbox *o, struct weir_loop *loop);
/* Make a gather buffer if there is none and memory allows. */
void weir_outbox_refill_gather(struct weir_loop *loop);
size_t weir_outbox_n_gathered(const struct weir_outbox *o,
			      const struct weir_loop *loop);
/* Offer the gathered bytes (at least one); those not taken are queued. */
struct weir_offer weir_outbox_send_gathered(struct weir_outbox *o,
					    struct weir_loop *loop, int fd);
/* The same when they were offered already, and the kernel answered taken. */
struct weir_offer weir_outbox_take_gathered(struct weir_outbox *o,
					    struct weir_loop *loop,
					    ssize_t taken);
/* Move the gathered bytes to the queue, which is empty. The caller must call
 * weir_outbox_update. It cannot fail. */
void weir_outbox_queue_gathered(struct weir_outbox *o, struct weir_loop *loop);
/* Forget the gathered bytes; returns how many. If there were any, o has a
 * backlog then. */
size_t weir_outbox_forget_gathered(struct weir_outbox *o,
				   struct weir_loop *loop);

/* -- outbox_fence.c: places in the stream -- */

/* Put fence behind all accepted bytes; o has a backlog. */
void weir_outbox_put_fence(struct weir_outbox *o, struct weir_loop *loop,
			   struct weir_fence *fence);
/* Remove fence. The next fence then counts the dropped bytes before it, too. */
void weir_outbox_remove_fence(struct weir_outbox *o, struct weir_fence *fence);
/* The first fence, if every byte in front of it has left; else NULL. */
struct weir_fence *weir_outbox_due_fence(const struct weir_outbox *o);
/* Count n dropped bytes, which had at bytes of the queue before them. */
void weir_outbox_tell_fences(struct weir_outbox *o, uint64_t at, uint64_t n);
/* Behind the place that has at bytes of the queue before it, n bytes came in
 * between (< 0: went); a fence among those that went is at the place then. */
void weir_outbox_shift_fences(struct weir_outbox *o, uint64_t at, int64_t n);
void weir_outbox_check_fences(const struct weir_outbox *o);

static inline bool weir_outbox_has_fences(const struct weir_outbox *o)
{
	return o->backlog && !weir_list_is_empty(&o->backlog->fences);
}

#endif
