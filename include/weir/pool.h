/* The memory of a loop's send queues: it counts every byte, and keeps a few
 * freed chunks so that a queue that fills and drains does not live in malloc.
 *
 * Pieces come in any size; only those of exactly WEIR_CHUNK_SIZE are kept, and
 * no more than WEIR_POOL_KEEP bytes of them: what a burst took goes back.
 * Internal: weir.h does not include it.
 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include <stddef.h>

enum {
	WEIR_CHUNK_SIZE = 16384,
	WEIR_POOL_KEEP = 1048576
};

struct weir_pool_chunk;

/* Zeroed: empty and ready. */
struct weir_pool {
	struct weir_pool_chunk *free; /* the kept chunks */
	size_t n_free_bytes;	      /* in them */
	size_t n_used_bytes;	      /* in pieces that are out */
};

/* Give the kept chunks back. Pieces that are out stay good. */
void weir_pool_deinit(struct weir_pool *pool);
/* NULL: no memory. */
void *weir_pool_alloc(struct weir_pool *pool, size_t n_bytes);
/* piece came from weir_pool_alloc(pool, n_bytes). */
void weir_pool_free(struct weir_pool *pool, void *piece, size_t n_bytes);

#endif
