/* The send queue: bytes that were accepted and that the kernel has not taken.
 *
 * A singly linked FIFO of segments: a chunk that owns a copy, a node that
 * shares a weir_buf, or a node that shares a weir_file. It does no I/O:
 * peek fills an iovec for sendmsg(2), file_of tells what to sendfile(2),
 * consume takes away what the kernel took.
 *
 * Internal: a connection owns one; weir.h does not include it.
 */
#ifndef WEIR_LIB_SENDQ_H
#define WEIR_LIB_SENDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "buf.h"
#include "file.h"
#include "pool.h"

enum {
	/* the least weight of a shared buffer: the nodes of tiny ones are
	 * larger than their bytes, and must not evade the watermarks */
	WEIR_SENDQ_MIN_WEIGHT = 64
};

/* A range of a file, in the bytes[] of its segment. */
struct weir_sendq_file {
	struct weir_file *file;
	off_t offset;
	uint64_t n_bytes; /* left */
};

/* 1. begin <= end <= size
 * 2. size is the room of bytes[], or buf's size when buf is set, or 0 in a
 *    file's segment, which has a struct weir_sendq_file there
 * 3. the head has no gap */
struct weir_sendq_segment {
	struct weir_sendq_segment *next;
	struct weir_buf *buf; /* NULL: the bytes are in bytes[] */
	uint64_t queued_ns;   /* when its oldest byte was accepted */
	uint32_t begin;
	uint32_t end;
	uint32_t size;
	uint32_t gap; /* bytes dropped between the one before and this */
	unsigned char bytes[];
};

enum {
	/* the weight of a file, and what it holds of the heap: its node */
	WEIR_SENDQ_FILE_WEIGHT = sizeof(struct weir_sendq_segment) +
				 sizeof(struct weir_sendq_file)
};

static inline bool weir_sendq_segment_is_file(
	const struct weir_sendq_segment *s)
{
	return !s->buf && s->size == 0;
}

/* s is a file's. */
static inline struct weir_sendq_file *weir_sendq_segment_file(
	const struct weir_sendq_segment *s)
{
	return (void *)(uintptr_t)s->bytes;
}

/* The bytes that are left of it. */
static inline uint64_t weir_sendq_segment_length(
	const struct weir_sendq_segment *s)
{
	return weir_sendq_segment_is_file(s)
		       ? weir_sendq_segment_file(s)->n_bytes
		       : s->end - s->begin;
}

/* Zeroed except for the pool: empty.
 *
 * 1. tail is NULL if and only if head is; tail->next is NULL
 * 2. n_bytes is the sum of end - begin over all segments; no segment is empty,
 *    except those of files, whose bytes add up to n_file_bytes
 * 3. n_padding is the weight of the shared buffers beyond their bytes, and of
 *    the n_files files
 * 4. n_gap is the sum of gap over all segments, and tail_gap */
struct weir_sendq {
	struct weir_pool *pool;
	struct weir_sendq_segment *head;
	struct weir_sendq_segment *tail;
	struct weir_sendq_segment *reserve; /* chunks for append to use */
	size_t n_bytes;
	size_t n_padding;
	uint64_t n_file_bytes;
	size_t n_files;
	uint64_t n_gap;
	uint32_t tail_gap; /* bytes dropped behind the tail */
};

static inline bool weir_sendq_is_empty(const struct weir_sendq *q)
{
	return !q->head;
}

/* The bytes in memory. */
static inline size_t weir_sendq_n_bytes(const struct weir_sendq *q)
{
	return q->n_bytes;
}

/* All bytes, including those of files. */
static inline uint64_t weir_sendq_length(const struct weir_sendq *q)
{
	return q->n_bytes + q->n_file_bytes;
}

static inline size_t weir_sendq_n_files(const struct weir_sendq *q)
{
	return q->n_files;
}

/* The size as the watermarks count it: of files, which are not in memory, the
 * nodes. */
static inline size_t weir_sendq_weight(const struct weir_sendq *q)
{
	return q->n_bytes + q->n_padding;
}

/* How much can be appended without a new chunk. A gap lies between segments, so
 * nothing behind one. */
static inline size_t weir_sendq_tail_room(const struct weir_sendq *q)
{
	if (!q->tail || q->tail->buf || q->tail_gap > 0)
		return 0;
	return q->tail->size - q->tail->end;
}

/* Make sure that appending up to n_bytes cannot fail. -ENOMEM: nothing is
 * changed. */
int weir_sendq_reserve(struct weir_sendq *q, size_t n_bytes);
/* Copy to the end; the room must have been reserved. */
void weir_sendq_append(struct weir_sendq *q, const void *data, size_t n_bytes,
		       uint64_t now_ns);
/* Free the unused reserve. */
void weir_sendq_release(struct weir_sendq *q);
/* Queue buf's bytes from begin on, taking a reference. -ENOMEM. */
int weir_sendq_append_buf(struct weir_sendq *q, struct weir_buf *buf,
			  size_t begin, uint64_t now_ns);
/* Queue n of buf's bytes from begin on, taking a reference. -ENOMEM. If begin
 * is not 0 it is never trimmed. */
int weir_sendq_append_part(struct weir_sendq *q, struct weir_buf *buf,
			   size_t begin, size_t n, uint64_t now_ns);
/* Queue a filled chunk; the queue owns it from now on. */
void weir_sendq_append_segment(struct weir_sendq *q,
			       struct weir_sendq_segment *segment);
/* A chunk with room for n_bytes, to be filled and appended; NULL: no memory. */
struct weir_sendq_segment *weir_sendq_segment_new(struct weir_pool *pool,
						  size_t n_bytes);
void weir_sendq_segment_free(struct weir_pool *pool,
			     struct weir_sendq_segment *segment);
/* What it weighs beyond the bytes in memory. */
size_t weir_sendq_segment_padding(const struct weir_sendq_segment *s);

/* How much queueing buf would add to the pool's account. */
size_t weir_sendq_cost_of_buf(const struct weir_buf *buf);
/* Queue n_bytes (> 0) of file from offset on, taking a reference. -ENOMEM. */
int weir_sendq_append_file(struct weir_sendq *q, struct weir_file *file,
			   off_t offset, uint64_t n_bytes, uint64_t now_ns);

/* Describe the oldest bytes, up to the first file: at most max_iov pieces and
 * about max_bytes bytes (the last piece is cut). Returns the pieces, and their
 * bytes in *n_bytes. */
size_t weir_sendq_peek(const struct weir_sendq *q, struct iovec *iov,
		       size_t max_iov, size_t max_bytes, size_t *n_bytes);
/* The same from *at on, adding to *n_bytes while that is below max_bytes. *at
 * becomes the first segment that is not described to its end; NULL: all are. */
size_t weir_sendq_peek_from(const struct weir_sendq_segment **at,
			    struct iovec *iov, size_t max_iov, size_t max_bytes,
			    size_t *n_bytes);
/* The file of a segment; NULL: it has none, or there is no segment. */
struct weir_sendq_file *weir_sendq_file_of(const struct weir_sendq_segment *s);
/* Remove the oldest n_bytes; there must be so many. */
void weir_sendq_consume(struct weir_sendq *q, size_t n_bytes);
/* Called for every byte that is dropped: n of them, which had at bytes of the
 * queue (dropped ones included) before them. */
typedef void weir_sendq_drop_fn(void *user, uint64_t at, uint64_t n);

/* Drop the oldest whole shared buffers that have not begun to leave, until the
 * weight is at most target or no such buffer is left. Returns how many were
 * dropped. */
size_t weir_sendq_trim(struct weir_sendq *q, size_t target,
		       weir_sendq_drop_fn *on_drop, void *user);
/* Call on_drop for all bytes, oldest first, without freeing them. */
void weir_sendq_tell(const struct weir_sendq *q, weir_sendq_drop_fn *on_drop,
		     void *user);
/* Free all. */
void weir_sendq_clear(struct weir_sendq *q);
/* When the oldest byte was accepted; 0: the queue is empty. It is the time of
 * its segment's first byte, so the byte may be a little younger. */
uint64_t weir_sendq_oldest_ns(const struct weir_sendq *q);
/* Assert the invariants; walks the queue. */
void weir_sendq_check(const struct weir_sendq *q);

#endif
