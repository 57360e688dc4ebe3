/* How a follower misses messages: whole ones, counted, with a gap in their
 * place.
 *
 * A gap is always in front of the range. What stays in front of it moves to the
 * queue: the rest of a message that is under way, or, when new messages are to
 * go, all messages before them. So the place in the log moves on, and does not
 * keep what nobody needs. */
#include "follower.h"

#include <assert.h>

#include "outbox.h"

/* -- the account -- */

static size_t gap_text(const struct weir_follower *f)
{
	char text[WEIR_FEED_GAP_SIZE];
	size_t n = 0;

	if (f->n_gap_messages > 0 && f->events->write_gap)
		n = f->events->write_gap(f->conn, f->n_gap_messages, text);
	assert(n <= WEIR_FEED_GAP_SIZE);
	return n;
}

/* Bytes of o in front of its gap, those in gaps of the queue included. */
static uint64_t n_before_gap(const struct weir_outbox *o)
{
	const struct weir_sendq *q = &o->backlog->queue;

	return weir_sendq_length(q) + q->n_gap +
	       weir_follower_n_notice(o->backlog->follower);
}

static void count_dropped(struct weir_outbox *o, uint64_t n_bytes,
			  uint64_t n_messages)
{
	struct weir_follower *f = o->backlog->follower;
	uint64_t before = n_before_gap(o);
	size_t n_text = f->n_gap_text;
	int64_t n_growth;

	weir_outbox_tell_fences(o, before + n_text, n_bytes);
	weir_outbox_shift_fences(o, before + n_text, -(int64_t)n_bytes);
	o->backlog->dropped += n_bytes;
	f->n_dropped += n_bytes;
	f->n_gap_messages += n_messages;
	f->n_untold_bytes += n_bytes;
	f->n_untold_messages += n_messages;
	f->n_gap_text = gap_text(f);
	n_growth = (int64_t)f->n_gap_text - (int64_t)n_text;
	weir_outbox_shift_fences(o, before, n_growth);
}

static void drop_to(struct weir_outbox *o, struct weir_feed_place to)
{
	struct weir_follower *f = o->backlog->follower;
	uint64_t n_own_messages = 0;
	uint64_t n_own = 0;
	uint64_t n = weir_feed_at(&to) - weir_feed_at(&f->place);
	uint64_t n_messages =
		weir_feed_n_before(&to) - weir_feed_n_before(&f->place);

	if (f->n_own > 0)
		n_own = weir_follower_count_own(f, weir_feed_at(&to),
						&n_own_messages);
	f->n_own -= n_own;
	if (n > n_own)
		count_dropped(o, n - n_own, n_messages - n_own_messages);
	weir_feed_go_on(&to);
	weir_follower_move(f, to);
	weir_follower_pass_own(f);
}

void weir_follower_skip(struct weir_outbox *o)
{
	struct weir_feed_chunk *tail = o->backlog->follower->feed->tail;

	drop_to(o, (struct weir_feed_place){tail, tail->n_bytes});
}

uint64_t weir_follower_drop(struct weir_outbox *o)
{
	struct weir_follower *f = o->backlog->follower;
	uint64_t before = n_before_gap(o) - weir_follower_n_notice(f);
	uint64_t n = weir_follower_n_queued(f);

	weir_outbox_tell_fences(o, before, n);
	weir_follower_move(f, (struct weir_feed_place){NULL, 0});
	f->notice_begin = f->notice_end;
	f->n_gap_text = 0;
	f->n_gap_messages = 0;
	f->n_own = 0;
	f->is_skipping = false;
	return n;
}

/* -- the oldest -- */

/* Move the rest of a message that is under way to the queue. */
static int set_apart(struct weir_outbox *o, uint64_t now_ns)
{
	struct weir_follower *f = o->backlog->follower;
	const struct weir_feed_chunk *chunk = f->place.chunk;
	uint32_t i = weir_feed_message(&f->place);

	if (i == chunk->n_messages ||
	    weir_feed_message_begin(chunk, i) == f->place.offset)
		return 0;
	return weir_follower_enqueue(
		o, chunk->at + weir_feed_message_end(chunk, i), now_ns);
}

/* The weight of what is too much, and what messages make of it. */
struct excess {
	size_t n;	   /* to be dropped, */
	size_t n_urgently; /* and of it, even the last message */
};

static void lessen(struct excess *excess, size_t n)
{
	excess->n -= n < excess->n ? n : excess->n;
	excess->n_urgently -= n < excess->n_urgently ? n : excess->n_urgently;
}

/* Whole chunks of messages that are all to go; not the last chunk. */
static void pass_chunks(struct weir_feed_place *place, struct excess *excess)
{
	for (;;) {
		const struct weir_feed_chunk *chunk = place->chunk;
		size_t n_messages =
			chunk->n_messages - weir_feed_message(place);
		size_t n = chunk->n_bytes - place->offset +
			   n_messages * WEIR_FEED_RECORD;

		if (!chunk->next || n > excess->n)
			return;
		lessen(excess, n);
		place->offset = chunk->n_bytes;
		weir_feed_go_on(place);
	}
}

/* What a message weighs for f, to which its own are not sent. */
static size_t weight_of(const struct weir_follower *f,
			const struct weir_feed_rest *rest)
{
	return WEIR_FEED_RECORD + (rest->from != f->number ? rest->n_bytes : 0);
}

/* Where the messages begin that stay. */
static struct weir_feed_place find_rest(const struct weir_follower *f,
					struct excess excess)
{
	struct weir_feed_place place = f->place;
	struct weir_feed_rest rest;

	if (f->n_own == 0)
		pass_chunks(&place, &excess);
	while (excess.n > 0 && weir_feed_next(&place, f->end, &rest)) {
		if (rest.nth + 1 == f->n_end && excess.n_urgently == 0)
			break;
		lessen(&excess, weight_of(f, &rest));
		place.offset += rest.n_bytes;
	}
	return place;
}

int weir_follower_trim(struct weir_outbox *o, size_t target, size_t max,
		       uint64_t now_ns)
{
	struct weir_follower *f = o->backlog->follower;
	struct excess excess;
	size_t weight;
	int error = set_apart(o, now_ns);

	if (error < 0)
		return error;
	weight = weir_outbox_weight(o);
	excess.n = weight > target ? weight - target : 0;
	/* The text may exceed max, or a message of that size would never fit. */
	weight -= f->n_gap_text;
	excess.n_urgently = weight > max ? weight - max : 0;
	if (excess.n_urgently > 0)
		drop_to(o, find_rest(f, excess));
	return 0;
}

/* -- the newest -- */

/* The place since of the log, in or behind the chunk of f's place. */
static struct weir_feed_place find(const struct weir_follower *f,
				   uint64_t since)
{
	struct weir_feed_chunk *chunk = f->place.chunk;

	while (chunk->next && since >= chunk->next->at)
		chunk = chunk->next;
	return (struct weir_feed_place){chunk, (size_t)(since - chunk->at)};
}

/* The end of the messages behind place for which room weighs enough. */
static struct weir_feed_place find_end_of_room(const struct weir_follower *f,
					       struct weir_feed_place place,
					       size_t room)
{
	struct weir_feed_rest rest;

	while (weir_feed_next(&place, f->end, &rest)) {
		size_t n = weight_of(f, &rest);

		if (n > room)
			break;
		room -= n;
		place.offset += rest.n_bytes;
	}
	return place;
}

int weir_follower_cut(struct weir_outbox *o, uint64_t since, size_t room,
		      uint64_t now_ns)
{
	struct weir_follower *f = o->backlog->follower;
	struct weir_feed_place place;
	int error;

	place = find_end_of_room(f, find(f, since), room);
	error = weir_follower_enqueue(o, weir_feed_at(&place), now_ns);
	if (error < 0)
		return error;
	f->is_skipping = true;
	weir_follower_skip(o);
	return 0;
}
