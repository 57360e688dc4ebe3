/* The send queue: bytes that were accepted and that the kernel has not taken.
 *
 * A singly linked FIFO of segments, each either a chunk that owns a copy or a
 * node that shares a weir_buf. It does no I/O: peek fills an iovec for
 * sendmsg(2), consume takes away what the kernel took.
 *
 * Internal: a connection owns one; weir.h does not include it.
 */
#ifndef WEIR_SENDQ_H
#define WEIR_SENDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/buf.h>
#include <weir/pool.h>

enum {
	/* what a shared buffer counts at least, so that many tiny ones,
	 * whose nodes outweigh them, cannot slip under the marks */
	WEIR_SENDQ_MIN_WEIGHT = 64
};

/* 1. begin <= end <= size
 * 2. size is the room of bytes[], or buf's size when buf is set */
struct weir_sendq_segment {
	struct weir_sendq_segment *next;
	struct weir_buf *buf; /* NULL: the bytes are in bytes[] */
	uint64_t queued_ns;   /* when its oldest byte was accepted */
	uint32_t begin;
	uint32_t end;
	uint32_t size;
	unsigned char bytes[];
};

/* Zeroed but for the pool: empty.
 *
 * 1. tail is NULL if and only if head is; tail->next is NULL
 * 2. n_bytes is the sum of end - begin over all segments, none of them empty
 * 3. n_padding is what the shared buffers count beyond their bytes */
struct weir_sendq {
	struct weir_pool *pool;
	struct weir_sendq_segment *head;
	struct weir_sendq_segment *tail;
	struct weir_sendq_segment *reserve; /* chunks for append to use */
	size_t n_bytes;
	size_t n_padding;
};

/* What the marks count. */
static inline size_t weir_sendq_weight(const struct weir_sendq *q)
{
	return q->n_bytes + q->n_padding;
}

/* What can be appended without a new chunk. */
static inline size_t weir_sendq_tail_room(const struct weir_sendq *q)
{
	return q->tail && !q->tail->buf ? q->tail->size - q->tail->end : 0;
}

/* Make sure that appending up to n_bytes cannot fail, or fail with -ENOMEM
 * and change nothing. */
int weir_sendq_reserve(struct weir_sendq *q, size_t n_bytes);
/* Copy to the end; the room must have been reserved. */
void weir_sendq_append(struct weir_sendq *q, const void *data, size_t n_bytes,
		       uint64_t now_ns);
/* Free what was reserved and not used. */
void weir_sendq_release(struct weir_sendq *q);
/* Queue buf's bytes from begin on, taking a reference. -ENOMEM. */
int weir_sendq_append_buf(struct weir_sendq *q, struct weir_buf *buf,
			  size_t begin, uint64_t now_ns);
/* Queue a chunk that is filled already; it becomes the queue's. */
void weir_sendq_append_segment(struct weir_sendq *q,
			       struct weir_sendq_segment *segment);
/* A chunk with room for n_bytes, to be filled and appended; NULL: no memory. */
struct weir_sendq_segment *weir_sendq_segment_new(struct weir_pool *pool,
						  size_t n_bytes);
void weir_sendq_segment_free(struct weir_pool *pool,
			     struct weir_sendq_segment *segment);

/* Describe the oldest bytes: at most max_iov pieces and about max_bytes bytes
 * (the last piece is cut). Returns the pieces, and their bytes in *n_bytes. */
size_t weir_sendq_peek(const struct weir_sendq *q, struct iovec *iov,
		       size_t max_iov, size_t max_bytes, size_t *n_bytes);
/* The oldest n_bytes are gone; at most as many as there are. */
void weir_sendq_consume(struct weir_sendq *q, size_t n_bytes);
/* Free all. */
void weir_sendq_clear(struct weir_sendq *q);
/* When the oldest byte was accepted (its segment's first, so it may be a
 * little younger); 0 when there is none. */
uint64_t weir_sendq_oldest_ns(const struct weir_sendq *q);
/* Assert the invariants; walks the queue. */
void weir_sendq_check(const struct weir_sendq *q);

#endif
