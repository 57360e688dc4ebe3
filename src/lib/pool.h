/* The memory of a loop's send queues: it counts every byte, and keeps a few
 * freed chunks so that a queue that fills and drains does not live in malloc.
 *
 * Pieces come in any size; only those of exactly WEIR_CHUNK_SIZE are kept, and
 * no more than WEIR_POOL_KEEP bytes of them. When the use has fallen to a
 * quarter of what it was at its peak, the heap is asked to give its free pages
 * back to the system: a burst costs its memory only while it lasts.
 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include <stddef.h>

enum {
	WEIR_CHUNK_SIZE = 16384,
	WEIR_POOL_KEEP = 1048576,
	/* a burst, after which the heap is asked to give pages back */
	WEIR_POOL_BURST = 4194304
};

struct weir_pool_chunk;

/* Zeroed: empty and ready. */
struct weir_pool {
	struct weir_pool_chunk *free; /* the kept chunks */
	size_t n_free_bytes;	      /* in them */
	size_t n_used_bytes;	      /* in pieces that are out */
	size_t n_peak_bytes;	      /* most of these since the last release */
	size_t n_record_bytes;	      /* most of these before it */
};

/* Give the kept chunks back. Pieces that are out stay good. */
void weir_pool_deinit(struct weir_pool *pool);
/* NULL: no memory. */
void *weir_pool_alloc(struct weir_pool *pool, size_t n_bytes);
/* piece came from weir_pool_alloc(pool, n_bytes). */
void weir_pool_free(struct weir_pool *pool, void *piece, size_t n_bytes);

/* Count n_bytes of heap that came from elsewhere; take them off again. */
void weir_pool_count(struct weir_pool *pool, size_t n_bytes);
void weir_pool_discount(struct weir_pool *pool, size_t n_bytes);
/* The most bytes that were ever out. */
size_t weir_pool_most(const struct weir_pool *pool);

#endif
