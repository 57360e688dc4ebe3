/* The send queue: a FIFO of segments, copied at the tail, consumed at the
 * head.
 *
 * Small appends share a chunk; chunks double in size up to WEIR_CHUNK_SIZE,
 * so a connection that owes 26 bytes holds no 16 KiB, and one that owes a
 * megabyte is not made of scraps. */
#include <weir/sendq.h>

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

static size_t padding_of(const struct weir_sendq_segment *s)
{
	if (!s->buf || s->size >= WEIR_SENDQ_MIN_WEIGHT)
		return 0;
	return WEIR_SENDQ_MIN_WEIGHT - s->size;
}

static size_t heap_size_of(const struct weir_sendq_segment *s)
{
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

void weir_sendq_segment_free(struct weir_pool *pool,
			     struct weir_sendq_segment *segment)
{
	weir_buf_unref(segment->buf);
	weir_pool_free(pool, segment, heap_size_of(segment));
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The room of the next chunk: as asked, but twice the one before, so that
 * many small appends cost few allocations. */
static size_t next_room(const struct weir_sendq *q, size_t n_bytes)
{
	size_t room = SMALLEST_ROOM;

	if (q->tail && !q->tail->buf)
		room = 2 * (size_t)q->tail->size;
	if (room < n_bytes)
		room = n_bytes;
	/* Near a full chunk, take one: those are kept and cost no malloc. */
	return room > CHUNK_ROOM / 2 ? CHUNK_ROOM : room;
}

/* Chunks are put in front of the reserve, so what stood there before is behind
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
	if (q->tail)
		q->tail->next = segment;
	else
		q->head = segment;
	q->tail = segment;
	q->n_bytes += segment->end - segment->begin;
	q->n_padding += padding_of(segment);
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
		n = smaller(n_bytes, s->size - s->end);
		memcpy(s->bytes + s->end, from, n);
		s->end += (uint32_t)n;
		q->n_bytes += n;
		from += n;
		n_bytes -= n;
	}
}

int weir_sendq_append_buf(struct weir_sendq *q, struct weir_buf *buf,
			  size_t begin, uint64_t now_ns)
{
	struct weir_sendq_segment *s = weir_sendq_segment_new(q->pool, 0);

	if (!s)
		return -ENOMEM;
	s->buf = weir_buf_ref(buf);
	s->size = (uint32_t)weir_buf_size(buf);
	s->begin = (uint32_t)begin;
	s->end = s->size;
	s->queued_ns = now_ns;
	weir_sendq_append_segment(q, s);
	return 0;
}

size_t weir_sendq_peek(const struct weir_sendq *q, struct iovec *iov,
		       size_t max_iov, size_t max_bytes, size_t *n_bytes)
{
	const struct weir_sendq_segment *s = q->head;
	size_t n_iov = 0;

	*n_bytes = 0;
	for (; s && n_iov < max_iov && *n_bytes < max_bytes; s = s->next) {
		size_t n = smaller(s->end - s->begin, max_bytes - *n_bytes);

		/* sendmsg reads only, but its iovec is not const. */
		iov[n_iov].iov_base =
			(void *)(uintptr_t)(bytes_of(s) + s->begin);
		iov[n_iov].iov_len = n;
		n_iov++;
		*n_bytes += n;
	}
	return n_iov;
}

void weir_sendq_consume(struct weir_sendq *q, size_t n_bytes)
{
	assert(n_bytes <= q->n_bytes);
	q->n_bytes -= n_bytes;
	while (n_bytes > 0) {
		struct weir_sendq_segment *s = q->head;
		size_t n;

		assert(s);
		n = smaller(n_bytes, s->end - s->begin);
		s->begin += (uint32_t)n;
		n_bytes -= n;
		if (s->begin < s->end)
			return;
		q->head = s->next;
		if (!q->head)
			q->tail = NULL;
		q->n_padding -= padding_of(s);
		weir_sendq_segment_free(q->pool, s);
	}
}

void weir_sendq_clear(struct weir_sendq *q)
{
	weir_sendq_consume(q, q->n_bytes);
	weir_sendq_release(q);
}

uint64_t weir_sendq_oldest_ns(const struct weir_sendq *q)
{
	return q->head ? q->head->queued_ns : 0;
}

void weir_sendq_check(const struct weir_sendq *q)
{
	const struct weir_sendq_segment *s;
	const struct weir_sendq_segment *last = NULL;
	size_t n_bytes = 0;
	size_t n_padding = 0;

	for (s = q->head; s; s = s->next) {
		assert(s->begin < s->end && s->end <= s->size);
		n_bytes += s->end - s->begin;
		n_padding += padding_of(s);
		last = s;
	}
	assert(q->tail == last);
	assert(q->n_bytes == n_bytes);
	assert(q->n_padding == n_padding);
}
