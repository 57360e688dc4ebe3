/* The send queue: a FIFO of segments, copied at the tail, consumed at the
 * head.
 *
 * Small appends share a chunk; chunks double in size up to WEIR_CHUNK_SIZE,
 * so a connection that owes 26 bytes holds no 16 KiB, and one that owes a
 * megabyte is not made of scraps. */
#include "sendq.h"
#include "size.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	CHUNK_ROOM = WEIR_CHUNK_SIZE - sizeof(struct weir_sendq_segment),
	SMALLEST_ROOM = 256 - sizeof(struct weir_sendq_segment)
};

static const unsigned char *bytes_of(const struct weir_sendq_segment *s)
{
	return s->buf ? weir_buf_data(s->buf) : s->bytes;
}

size_t weir_sendq_segment_padding(const struct weir_sendq_segment *s)
{
	if (weir_sendq_segment_is_file(s))
		return WEIR_SENDQ_FILE_WEIGHT;
	if (!s->buf || s->size >= WEIR_SENDQ_MIN_WEIGHT)
		return 0;
	return WEIR_SENDQ_MIN_WEIGHT - s->size;
}

static size_t heap_size_of(const struct weir_sendq_segment *s)
{
	if (weir_sendq_segment_is_file(s))
		return WEIR_SENDQ_FILE_WEIGHT;
	return sizeof *s + (s->buf ? 0 : s->size);
}

struct weir_sendq_segment *weir_sendq_segment_new(struct weir_pool *pool,
						  size_t n_bytes)
{
	struct weir_sendq_segment *s;

	s = weir_pool_alloc(pool, sizeof *s + n_bytes);
	if (!s)
		return NULL;
	*s = (struct weir_sendq_segment){.size = (uint32_t)n_bytes};
	return s;
}

/* The pool counts a shared payload while any queue holds it. */
static void share(struct weir_pool *pool, struct weir_buf *buf)
{
	weir_buf_ref(buf);
	if (weir_buf_queue(buf))
		weir_pool_count(pool, weir_buf_size(buf));
}

static void unshare(struct weir_pool *pool, struct weir_buf *buf)
{
	if (weir_buf_unqueue(buf))
		weir_pool_discount(pool, weir_buf_size(buf));
	weir_buf_unref(buf);
}

void weir_sendq_segment_free(struct weir_pool *pool,
			     struct weir_sendq_segment *segment)
{
	if (segment->buf)
		unshare(pool, segment->buf);
	else if (weir_sendq_segment_is_file(segment))
		weir_file_unref(weir_sendq_segment_file(segment)->file);
	weir_pool_free(pool, segment, heap_size_of(segment));
}

/* The room of the next chunk: as asked, but at least twice the one before, so
 * that many small appends cost few allocations. */
static size_t next_room(const struct weir_sendq *q, size_t n_bytes)
{
	size_t room = SMALLEST_ROOM;

	if (q->tail && !q->tail->buf && !weir_sendq_segment_is_file(q->tail))
		room = 2 * (size_t)q->tail->size;
	if (room < n_bytes)
		room = n_bytes;
	/* Near WEIR_CHUNK_SIZE, take that: the pool keeps those, which saves
	 * mallocs. */
	return room > CHUNK_ROOM / 2 ? CHUNK_ROOM : room;
}

/* New chunks are put in front of the reserve, so the older reserve is behind
 * them. */
static void release_until(struct weir_sendq *q,
			  const struct weir_sendq_segment *before)
{
	while (q->reserve != before) {
		struct weir_sendq_segment *s = q->reserve;

		q->reserve = s->next;
		weir_sendq_segment_free(q->pool, s);
	}
}

int weir_sendq_reserve(struct weir_sendq *q, size_t n_bytes)
{
	size_t room = weir_sendq_tail_room(q);
	struct weir_sendq_segment *before = q->reserve;
	struct weir_sendq_segment *s;

	for (s = q->reserve; s; s = s->next)
		room += s->size;
	while (room < n_bytes) {
		size_t missing = n_bytes - room;

		s = weir_sendq_segment_new(q->pool, next_room(q, missing));
		if (!s) {
			release_until(q, before);
			return -ENOMEM;
		}
		s->next = q->reserve;
		q->reserve = s;
		room += s->size;
	}
	return 0;
}

void weir_sendq_release(struct weir_sendq *q)
{
	release_until(q, NULL);
}

void weir_sendq_append_segment(struct weir_sendq *q,
			       struct weir_sendq_segment *segment)
{
	segment->next = NULL;
	segment->gap = q->tail_gap;
	q->tail_gap = 0;
	if (q->tail)
		q->tail->next = segment;
	else
		q->head = segment;
	q->tail = segment;
	q->n_bytes += segment->end - segment->begin;
	q->n_padding += weir_sendq_segment_padding(segment);
}

void weir_sendq_append(struct weir_sendq *q, const void *data, size_t n_bytes,
		       uint64_t now_ns)
{
	const unsigned char *from = data;

	while (n_bytes > 0) {
		struct weir_sendq_segment *s = q->tail;
		size_t n;

		if (weir_sendq_tail_room(q) == 0) {
			s = q->reserve;
			assert(s);
			q->reserve = s->next;
			s->queued_ns = now_ns;
			weir_sendq_append_segment(q, s);
		}
		n = weir_smaller(n_bytes, s->size - s->end);
		memcpy(s->bytes + s->end, from, n);
		s->end += (uint32_t)n;
		q->n_bytes += n;
		from += n;
		n_bytes -= n;
	}
}

int weir_sendq_append_part(struct weir_sendq *q, struct weir_buf *buf,
			   size_t begin, size_t n, uint64_t now_ns)
{
	struct weir_sendq_segment *s = weir_sendq_segment_new(q->pool, 0);

	if (!s)
		return -ENOMEM;
	share(q->pool, buf);
	s->buf = buf;
	s->size = (uint32_t)weir_buf_size(buf);
	s->begin = (uint32_t)begin;
	s->end = (uint32_t)(begin + n);
	s->queued_ns = now_ns;
	weir_sendq_append_segment(q, s);
	return 0;
}

int weir_sendq_append_buf(struct weir_sendq *q, struct weir_buf *buf,
			  size_t begin, uint64_t now_ns)
{
	return weir_sendq_append_part(q, buf, begin, weir_buf_size(buf) - begin,
				      now_ns);
}

size_t weir_sendq_cost_of_buf(const struct weir_buf *buf)
{
	return sizeof(struct weir_sendq_segment) +
	       (weir_buf_is_queued(buf) ? 0 : weir_buf_size(buf));
}

int weir_sendq_append_file(struct weir_sendq *q, struct weir_file *file,
			   off_t offset, uint64_t n_bytes, uint64_t now_ns)
{
	struct weir_sendq_segment *s;

	s = weir_pool_alloc(q->pool, WEIR_SENDQ_FILE_WEIGHT);
	if (!s)
		return -ENOMEM;
	*s = (struct weir_sendq_segment){.queued_ns = now_ns};
	*weir_sendq_segment_file(s) =
		(struct weir_sendq_file){.file = weir_file_ref(file),
					 .offset = offset,
					 .n_bytes = n_bytes};
	weir_sendq_append_segment(q, s);
	q->n_file_bytes += n_bytes;
	q->n_files++;
	return 0;
}

size_t weir_sendq_peek_from(const struct weir_sendq_segment **at,
			    struct iovec *iov, size_t max_iov, size_t max_bytes,
			    size_t *n_bytes)
{
	const struct weir_sendq_segment *s = *at;
	size_t n_iov = 0;

	for (; s && !weir_sendq_segment_is_file(s) && n_iov < max_iov &&
	       *n_bytes < max_bytes;
	     s = s->next) {
		size_t n =
			weir_smaller(s->end - s->begin, max_bytes - *n_bytes);

		/* sendmsg reads only, but its iovec is not const. */
		iov[n_iov].iov_base =
			(void *)(uintptr_t)(bytes_of(s) + s->begin);
		iov[n_iov].iov_len = n;
		n_iov++;
		*n_bytes += n;
		if (n < s->end - s->begin)
			break;
	}
	*at = s;
	return n_iov;
}

size_t weir_sendq_peek(const struct weir_sendq *q, struct iovec *iov,
		       size_t max_iov, size_t max_bytes, size_t *n_bytes)
{
	const struct weir_sendq_segment *at = q->head;

	*n_bytes = 0;
	return weir_sendq_peek_from(&at, iov, max_iov, max_bytes, n_bytes);
}

struct weir_sendq_file *weir_sendq_file_of(const struct weir_sendq_segment *s)
{
	return s && weir_sendq_segment_is_file(s) ? weir_sendq_segment_file(s)
						  : NULL;
}

/* The head is done. Bytes that were dropped behind it have left now, too. */
static void remove_head(struct weir_sendq *q)
{
	struct weir_sendq_segment *s = q->head;

	q->head = s->next;
	if (q->head) {
		q->n_gap -= q->head->gap;
		q->head->gap = 0;
	} else {
		q->tail = NULL;
		q->n_gap = 0;
		q->tail_gap = 0;
	}
	q->n_padding -= weir_sendq_segment_padding(s);
	q->n_files -= weir_sendq_segment_is_file(s);
	weir_sendq_segment_free(q->pool, s);
}

/* At most n_bytes of segment s are gone: how many. */
static size_t consume_of(struct weir_sendq *q, struct weir_sendq_segment *s,
			 size_t n_bytes)
{
	uint64_t length = weir_sendq_segment_length(s);
	size_t n = length < n_bytes ? (size_t)length : n_bytes;

	if (weir_sendq_segment_is_file(s)) {
		weir_sendq_segment_file(s)->offset += (off_t)n;
		weir_sendq_segment_file(s)->n_bytes -= n;
		q->n_file_bytes -= n;
	} else {
		s->begin += (uint32_t)n;
		q->n_bytes -= n;
	}
	return n;
}

void weir_sendq_consume(struct weir_sendq *q, size_t n_bytes)
{
	assert(n_bytes <= weir_sendq_length(q));
	while (n_bytes > 0) {
		n_bytes -= consume_of(q, q->head, n_bytes);
		if (weir_sendq_segment_length(q->head) == 0)
			remove_head(q);
	}
}

void weir_sendq_clear(struct weir_sendq *q)
{
	q->n_bytes = 0;
	q->n_file_bytes = 0;
	while (q->head)
		remove_head(q);
	weir_sendq_release(q);
}

/* Drop the segment behind before (NULL: the head). */
static struct weir_sendq_segment *drop(struct weir_sendq *q,
				       struct weir_sendq_segment *before)
{
	struct weir_sendq_segment *s = before ? before->next : q->head;
	struct weir_sendq_segment *next = s->next;
	uint32_t n_gap = s->gap + (s->end - s->begin);

	q->n_bytes -= s->end - s->begin;
	if (!before) {
		remove_head(q);
		return next;
	}
	before->next = next;
	if (!next)
		q->tail = before;
	*(next ? &next->gap : &q->tail_gap) += n_gap;
	q->n_gap += s->end - s->begin;
	q->n_padding -= weir_sendq_segment_padding(s);
	weir_sendq_segment_free(q->pool, s);
	return next;
}

/* A gap is at most 4 GiB; then the next buffer stays, and separates two
 * gaps. */
static bool has_gap_room(const struct weir_sendq *q,
			 const struct weir_sendq_segment *s)
{
	uint64_t gap = s->next ? s->next->gap : q->tail_gap;

	return gap + s->gap + s->size <= UINT32_MAX;
}

size_t weir_sendq_trim(struct weir_sendq *q, size_t target,
		       weir_sendq_drop_fn *on_drop, void *user)
{
	struct weir_sendq_segment *before = NULL;
	struct weir_sendq_segment *s = q->head;
	uint64_t end = 0; /* of the one before */
	size_t n_dropped = 0;

	while (s && weir_sendq_weight(q) > target) {
		uint64_t at = end + s->gap;

		if (s->buf && s->begin == 0 && has_gap_room(q, s)) {
			on_drop(user, at, s->end);
			s = drop(q, before);
			n_dropped++;
		} else {
			end = at + weir_sendq_segment_length(s);
			before = s;
			s = s->next;
		}
	}
	return n_dropped;
}

void weir_sendq_tell(const struct weir_sendq *q, weir_sendq_drop_fn *on_drop,
		     void *user)
{
	const struct weir_sendq_segment *s = q->head;
	uint64_t at = 0;

	for (; s; s = s->next) {
		at += s->gap;
		on_drop(user, at, weir_sendq_segment_length(s));
		at += weir_sendq_segment_length(s);
	}
}

uint64_t weir_sendq_oldest_ns(const struct weir_sendq *q)
{
	return q->head ? q->head->queued_ns : 0;
}
