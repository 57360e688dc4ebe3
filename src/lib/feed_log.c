/* Chunks, and the places in them. */
#include "feed_log.h"

#include <assert.h>
#include <string.h>

#include "size.h"

enum {
	/* the room of an ordinary chunk: with all headers, and malloc's, the
	 * allocation is 16 KiB */
	CHUNK_ROOM = WEIR_CHUNK_SIZE - sizeof(struct weir_feed_chunk) - 64,
	/* a record is where the message begins, and above that, whose it is */
	BEGIN_BITS = 16
};

_Static_assert(CHUNK_ROOM % WEIR_FEED_RECORD == 0 && CHUNK_ROOM < 65536,
	       "records are aligned, and hold every beginning");

/* -- records -- */

static uint64_t record_of(const struct weir_feed_chunk *chunk, uint32_t i)
{
	uint64_t record;

	memcpy(&record,
	       chunk->bytes + chunk->size - (i + (size_t)1) * sizeof record,
	       sizeof record);
	return record;
}

size_t weir_feed_message_begin(const struct weir_feed_chunk *chunk, uint32_t i)
{
	return record_of(chunk, i) & ((1U << BEGIN_BITS) - 1);
}

size_t weir_feed_message_end(const struct weir_feed_chunk *chunk, uint32_t i)
{
	return i + 1 < chunk->n_messages ? weir_feed_message_begin(chunk, i + 1)
					 : chunk->n_bytes;
}

uint64_t weir_feed_message_from(const struct weir_feed_chunk *chunk, uint32_t i)
{
	return record_of(chunk, i) >> BEGIN_BITS;
}

/* -- chunks -- */

static size_t room_for(size_t n)
{
	size_t room = n / WEIR_FEED_RECORD * WEIR_FEED_RECORD +
		      2 * (size_t)WEIR_FEED_RECORD;

	return weir_larger(room, CHUNK_ROOM);
}

size_t weir_feed_chunk_cost(size_t n)
{
	return sizeof(struct weir_feed_chunk) + room_for(n);
}

struct weir_feed_chunk *weir_feed_chunk_new(struct weir_pool *pool, size_t n)
{
	struct weir_buf *buf = weir_buf_new(weir_feed_chunk_cost(n));
	struct weir_feed_chunk *chunk;

	if (!buf)
		return NULL;
	weir_buf_queue(buf);
	weir_pool_count(pool, weir_buf_size(buf));
	chunk = weir_buf_data(buf);
	*chunk = (struct weir_feed_chunk){.n_refs = 1,
					  .buf = buf,
					  .pool = pool,
					  .size = (uint32_t)room_for(n)};
	return chunk;
}

void weir_feed_chunk_unref(struct weir_feed_chunk *chunk)
{
	while (chunk && --chunk->n_refs == 0) {
		struct weir_feed_chunk *next = chunk->next;
		struct weir_buf *buf = chunk->buf;

		/* A queue that still shares it goes on counting it. */
		if (weir_buf_unqueue(buf))
			weir_pool_discount(chunk->pool, weir_buf_size(buf));
		weir_buf_unref(buf);
		chunk = next;
	}
}

bool weir_feed_chunk_has_room(const struct weir_feed_chunk *chunk, size_t n)
{
	size_t taken = chunk->n_bytes +
		       ((size_t)chunk->n_messages + 1) * WEIR_FEED_RECORD;

	return taken <= chunk->size && n <= chunk->size - taken;
}

void weir_feed_chunk_add(struct weir_feed_chunk *chunk, size_t n, uint64_t from)
{
	uint64_t record = from << BEGIN_BITS | chunk->n_bytes;

	assert(weir_feed_chunk_has_room(chunk, n));
	chunk->n_bytes += (uint32_t)n;
	chunk->n_messages++;
	memcpy(chunk->bytes + chunk->size - chunk->n_messages * sizeof record,
	       &record, sizeof record);
}

/* -- places -- */

void weir_feed_go_on(struct weir_feed_place *place)
{
	if (place->offset == place->chunk->n_bytes && place->chunk->next) {
		place->chunk = place->chunk->next;
		place->offset = 0;
	}
}

uint32_t weir_feed_message(const struct weir_feed_place *place)
{
	const struct weir_feed_chunk *chunk = place->chunk;
	uint32_t low = 0; /* begins at place or before */
	uint32_t high = chunk->n_messages;

	if (place->offset == chunk->n_bytes)
		return chunk->n_messages;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (weir_feed_message_begin(chunk, middle) <= place->offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t weir_feed_n_before(const struct weir_feed_place *place)
{
	return place->chunk->n_before + weir_feed_message(place);
}

bool weir_feed_next(struct weir_feed_place *place, uint64_t until,
		    struct weir_feed_rest *rest)
{
	uint32_t i;

	if (weir_feed_at(place) >= until)
		return false;
	weir_feed_go_on(place);
	i = weir_feed_message(place);
	*rest = (struct weir_feed_rest){
		.nth = place->chunk->n_before + i,
		.from = weir_feed_message_from(place->chunk, i),
		.n_bytes =
			weir_feed_message_end(place->chunk, i) - place->offset};
	return true;
}
