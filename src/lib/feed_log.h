/* The log of a feed: whole messages in chunks, one behind the other.
 *
 * A chunk is one allocation. Its bytes grow from the front, and records of
 * where each message begins, and whose it is, grow towards them from the back.
 * Each chunk holds a reference to the next, so whoever holds a place in the
 * log keeps all from there on, and nothing before it.
 *
 * The allocation is a weir_buf, so that a send queue can share a part of a
 * chunk without keeping those behind it. The chunk's own fields are in front
 * of its bytes: no part begins at the buffer's beginning, and
 * weir_sendq_trim takes none for a whole buffer.
 */
#ifndef WEIR_LIB_FEED_LOG_H
#define WEIR_LIB_FEED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/feed.h>

#include "buf.h"
#include "pool.h"

enum {
	/* what a message costs beside its bytes */
	WEIR_FEED_RECORD = 8
};

/* 1. n_bytes + n_messages * WEIR_FEED_RECORD <= size
 * 2. messages begin below 65536; only the first one of a chunk may be large
 * 3. next is NULL in the tail alone */
struct weir_feed_chunk {
	struct weir_feed_chunk *next;
	size_t n_refs; /* places in it, the chunk before, the feed's tail */
	struct weir_buf *buf; /* where this chunk is */
	struct weir_pool *pool;
	uint64_t at;	   /* the place of bytes[0] in the log */
	uint64_t n_before; /* messages before this chunk */
	uint64_t begun_ns; /* when its first message came */
	uint32_t n_bytes;
	uint32_t n_messages;
	uint32_t size;
	_Alignas(8) unsigned char bytes[];
};

/* A place in the log. At the end of a chunk it is the same place as the
 * beginning of the next. */
struct weir_feed_place {
	struct weir_feed_chunk *chunk;
	size_t offset;
};

static inline uint64_t weir_feed_at(const struct weir_feed_place *place)
{
	return place->chunk->at + place->offset;
}

/* A chunk that has room for a message of n bytes, with one reference; NULL: no
 * memory. */
struct weir_feed_chunk *weir_feed_chunk_new(struct weir_pool *pool, size_t n);
/* What it will take from the heap. */
size_t weir_feed_chunk_cost(size_t n);
bool weir_feed_chunk_has_room(const struct weir_feed_chunk *chunk, size_t n);
/* Record a message whose n bytes are at the end of the chunk's. */
void weir_feed_chunk_add(struct weir_feed_chunk *chunk, size_t n,
			 uint64_t from);

static inline struct weir_feed_chunk *weir_feed_chunk_ref(
	struct weir_feed_chunk *chunk)
{
	chunk->n_refs++;
	return chunk;
}

/* NULL is allowed. The last one frees it, and those behind it that nobody else
 * holds. */
void weir_feed_chunk_unref(struct weir_feed_chunk *chunk);

/* The message that begins at place, or is under way there: its number in the
 * chunk; n_messages: place is at the chunk's end. */
uint32_t weir_feed_message(const struct weir_feed_place *place);
/* Where message i of the chunk begins and ends, and whose it is. */
size_t weir_feed_message_begin(const struct weir_feed_chunk *chunk, uint32_t i);
size_t weir_feed_message_end(const struct weir_feed_chunk *chunk, uint32_t i);
uint64_t weir_feed_message_from(const struct weir_feed_chunk *chunk,
				uint32_t i);

/* How many messages of the log end at place or before it. */
uint64_t weir_feed_n_before(const struct weir_feed_place *place);
/* At the end of a chunk, go to the beginning of the next if there is one. */
void weir_feed_go_on(struct weir_feed_place *place);

/* A message, or of one that is under way what is left. */
struct weir_feed_rest {
	uint64_t nth;	/* of the log's messages, from 0 on */
	uint64_t from;	/* whose it is */
	size_t n_bytes; /* to its end */
};
/* Tell what is next at place, which may go on to the next chunk for it. False:
 * place has reached until. */
bool weir_feed_next(struct weir_feed_place *place, uint64_t until,
		    struct weir_feed_rest *rest);

#endif
