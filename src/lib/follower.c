/* What the log owes a follower, and how it is sent. (How it is dropped is in
 * follower_drop.c.) */
#include "follower.h"

#include <assert.h>
#include <errno.h>

#include "outbox.h"
#include "size.h"

/* -- how much there is -- */

size_t weir_follower_weight(const struct weir_follower *f)
{
	uint64_t n = weir_follower_n_queued(f);
	uint64_t n_messages;

	if (weir_follower_n_range(f) == 0)
		return (size_t)n;
	n_messages = f->n_end - weir_feed_n_before(&f->place);
	return (size_t)(n + (n_messages - 1) * WEIR_FEED_RECORD);
}

uint64_t weir_follower_oldest_ns(const struct weir_follower *f)
{
	uint64_t begun_ns;

	if (weir_follower_n_queued(f) == 0)
		return 0;
	begun_ns = f->place.chunk ? f->place.chunk->begun_ns : 0;
	return begun_ns > f->since_ns ? begun_ns : f->since_ns;
}

/* -- the range -- */

void weir_follower_move(struct weir_follower *f, struct weir_feed_place place)
{
	struct weir_feed_chunk *old = f->place.chunk;

	f->place = place;
	if (place.chunk == old)
		return;
	if (place.chunk)
		weir_feed_chunk_ref(place.chunk);
	weir_feed_chunk_unref(old);
}

/* Move place over messages of f's own; returns the length of what is to be sent
 * of the messages behind it, in one piece. */
static size_t skip_own(const struct weir_follower *f,
		       struct weir_feed_place *place)
{
	const struct weir_feed_chunk *chunk = place->chunk;
	uint32_t i = weir_feed_message(place);
	size_t end;

	while (i < chunk->n_messages &&
	       weir_feed_message_from(chunk, i) == f->number)
		place->offset = weir_feed_message_end(chunk, i++);
	end = place->offset;
	while (i < chunk->n_messages &&
	       weir_feed_message_from(chunk, i) != f->number)
		end = weir_feed_message_end(chunk, i++);
	return end - place->offset;
}

/* n bytes at place, but none from until on. */
static size_t up_to(const struct weir_feed_place *place, size_t n,
		    uint64_t until)
{
	uint64_t left = until - weir_feed_at(place);

	return left < n ? (size_t)left : n;
}

/* The length of the next piece to be sent at place or behind it, where place
 * is moved; 0: there is none before until. */
static size_t find_piece(const struct weir_follower *f,
			 struct weir_feed_place *place, uint64_t until)
{
	while (weir_feed_at(place) < until) {
		size_t n = place->chunk->n_bytes - place->offset;

		if (n > 0 && f->n_own > 0)
			n = skip_own(f, place);
		if (n > 0 && weir_feed_at(place) < until)
			return up_to(place, n, until);
		if (place->offset == place->chunk->n_bytes &&
		    !place->chunk->next)
			break;
		weir_feed_go_on(place);
	}
	return 0;
}

size_t weir_follower_peek(const struct weir_follower *f, struct iovec *iov,
			  size_t max_iov, size_t max_bytes, size_t *n_bytes)
{
	struct weir_feed_place place = f->place;
	size_t n_iov = 0;
	size_t n = weir_follower_n_notice(f);

	*n_bytes = 0;
	if (n > 0) {
		/* sendmsg reads only, but its iovec is not const. */
		iov[n_iov++] = (struct iovec){
			(void *)(uintptr_t)(f->notice + f->notice_begin), n};
		*n_bytes = n;
	}
	if (weir_follower_has_gap(f) || !place.chunk)
		return n_iov;
	while (n_iov < max_iov && *n_bytes < max_bytes &&
	       (n = find_piece(f, &place, f->end)) > 0) {
		n = weir_smaller(n, max_bytes - *n_bytes);
		iov[n_iov++] =
			(struct iovec){place.chunk->bytes + place.offset, n};
		place.offset += n;
		*n_bytes += n;
	}
	return n_iov;
}

/* Go n bytes on that are to be sent, and over own messages behind them. */
static void advance(struct weir_follower *f, size_t n)
{
	struct weir_feed_place place = f->place;
	uint64_t n_passed;
	size_t left = n;

	if (!place.chunk)
		return;
	while (left > 0) {
		size_t step = weir_smaller(find_piece(f, &place, f->end), left);

		assert(step > 0);
		place.offset += step;
		left -= step;
	}
	(void)find_piece(f, &place, f->end);
	weir_feed_go_on(&place);
	n_passed = weir_feed_at(&place) - weir_feed_at(&f->place);
	f->n_own -= n_passed - n;
	weir_follower_move(f, place);
}

void weir_follower_pass_own(struct weir_follower *f)
{
	advance(f, 0);
}

void weir_follower_consume(struct weir_follower *f, size_t n)
{
	size_t n_notice = weir_smaller(n, weir_follower_n_notice(f));

	f->notice_begin += (uint8_t)n_notice;
	if (n > n_notice)
		advance(f, n - n_notice);
}

void weir_follower_take_own(struct weir_follower *f, size_t n)
{
	struct weir_feed_chunk *tail = f->feed->tail;

	if (weir_follower_n_range(f) > 0)
		f->n_own += n;
	else
		weir_follower_move(
			f, (struct weir_feed_place){tail, tail->n_bytes});
	f->end += n;
	f->n_end++;
}

/* -- the gap -- */

void weir_follower_pass_gap(struct weir_follower *f)
{
	assert(weir_follower_n_notice(f) == 0);
	f->notice_begin = 0;
	f->notice_end = (uint8_t)f->n_gap_text;
	if (f->n_gap_text > 0)
		f->events->write_gap(f->conn, f->n_gap_messages, f->notice);
	f->n_gap_messages = 0;
	f->n_gap_text = 0;
}

/* -- into the queue -- */

static int enqueue_notice(struct weir_follower *f, struct weir_sendq *q,
			  uint64_t now_ns)
{
	size_t n = weir_follower_n_notice(f);

	if (weir_sendq_reserve(q, n) < 0)
		return -ENOMEM;
	weir_sendq_append(q, f->notice + f->notice_begin, n, now_ns);
	f->notice_begin = f->notice_end;
	return 0;
}

/* The next piece, of n bytes, is at place. */
static int enqueue_piece(struct weir_follower *f, struct weir_sendq *q,
			 struct weir_feed_place place, size_t n,
			 uint64_t now_ns)
{
	const unsigned char *from = place.chunk->bytes + place.offset;
	struct weir_buf *buf = place.chunk->buf;
	const unsigned char *data = weir_buf_data(buf);

	if (weir_sendq_append_part(q, buf, (size_t)(from - data), n, now_ns) <
	    0)
		return -ENOMEM;
	advance(f, n);
	return 0;
}

int weir_follower_enqueue(struct weir_outbox *o, uint64_t until,
			  uint64_t now_ns)
{
	struct weir_follower *f = o->backlog->follower;
	struct weir_sendq *q = &o->backlog->queue;
	int error = 0;

	while (error == 0) {
		struct weir_feed_place place = f->place;
		size_t n;

		if (weir_follower_n_notice(f) > 0) {
			error = enqueue_notice(f, q, now_ns);
		} else if (weir_follower_has_gap(f)) {
			weir_follower_pass_gap(f);
		} else {
			n = place.chunk ? find_piece(f, &place, until) : 0;
			if (n == 0)
				break;
			error = enqueue_piece(f, q, place, n, now_ns);
		}
	}
	return error;
}

uint64_t weir_follower_count_own(const struct weir_follower *f, uint64_t until,
				 uint64_t *n_messages)
{
	struct weir_feed_place place = f->place;
	struct weir_feed_rest rest;
	uint64_t n = 0;

	*n_messages = 0;
	for (; weir_feed_next(&place, until, &rest);
	     place.offset += rest.n_bytes) {
		if (rest.from != f->number)
			continue;
		n += rest.n_bytes;
		++*n_messages;
	}
	return n;
}

/* -- the invariants -- */

static bool is_at_message(struct weir_feed_place place)
{
	uint32_t i = weir_feed_message(&place);

	return i == place.chunk->n_messages ||
	       weir_feed_message_begin(place.chunk, i) == place.offset;
}

void weir_follower_check(const struct weir_follower *f)
{
	uint64_t n_messages;
	uint64_t n_own;

	assert(f->notice_begin <= f->notice_end &&
	       f->notice_end <= WEIR_FEED_GAP_SIZE);
	if (!f->place.chunk) {
		assert(!f->feed && weir_follower_n_queued(f) == 0);
		return;
	}
	assert(weir_feed_at(&f->place) <= f->end);
	n_own = weir_follower_count_own(f, f->end, &n_messages);
	assert(f->n_own == n_own);
	assert(weir_follower_n_range(f) > 0 || f->n_own == 0);
	assert(weir_feed_n_before(&f->place) <= f->n_end);
	assert(!weir_follower_has_gap(f) || is_at_message(f->place));
}
