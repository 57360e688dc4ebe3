/* The memory of a loop's send queues. It counts every byte, and keeps a few
 * freed chunks so that a queue that fills and drains seldom calls malloc.
 *
 * Pieces have any size; only those of exactly WEIR_CHUNK_SIZE are kept, and no
 * more than WEIR_POOL_KEEP bytes of them. When the use has fallen to a half of
 * its peak, and again, with the kept ones, when next to nothing is left, the
 * heap is to give its free pages back to the system: a burst costs its memory
 * only while it lasts. That can take long, so the pool only notes it, and its
 * owner chooses the moment.
 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEIR_CHUNK_SIZE = 16384,
	WEIR_POOL_KEEP = 1048576,
	/* the least peak after which the heap is asked to give pages back */
	WEIR_POOL_BURST = 4194304,
	/* what is in use without any burst: the log of a feed, say */
	WEIR_POOL_REST = 65536,
	/* the bit of *chores that says that a release is due */
	WEIR_POOL_RELEASE = 128
};

struct weir_pool_chunk;

/* Zeroed: empty and ready, and nobody releases. */
struct weir_pool {
	unsigned *chores;	      /* its owner's, or NULL */
	struct weir_pool_chunk *free; /* the kept chunks */
	size_t n_free_bytes;	      /* in them */
	size_t n_used_bytes;	      /* in pieces that are in use */
	size_t n_peak_bytes;	      /* its maximum since the last release */
	size_t n_record_bytes;	      /* its maximum before that */
	bool is_after_burst;	      /* since a release left some in use */
};

/* Free the kept chunks. Pieces in use stay valid. */
void weir_pool_deinit(struct weir_pool *pool);
/* NULL: no memory. */
void *weir_pool_alloc(struct weir_pool *pool, size_t n_bytes);
/* piece came from weir_pool_alloc(pool, n_bytes). */
void weir_pool_free(struct weir_pool *pool, void *piece, size_t n_bytes);

/* Count n_bytes of heap that came from elsewhere; stop counting them. */
void weir_pool_count(struct weir_pool *pool, size_t n_bytes);
void weir_pool_discount(struct weir_pool *pool, size_t n_bytes);
/* Give free pages back, unless the use has risen again. */
void weir_pool_release(struct weir_pool *pool);
/* The maximum of bytes in use so far. */
size_t weir_pool_most(const struct weir_pool *pool);

#endif
