/* A freelist of chunks with a cap in bytes, and the count of all pieces. */
#include <weir/pool.h>

#include <weir/sys.h>

struct weir_pool_chunk {
	struct weir_pool_chunk *next;
};

void weir_pool_deinit(struct weir_pool *pool)
{
	while (pool->free) {
		struct weir_pool_chunk *chunk = pool->free;

		pool->free = chunk->next;
		weir_sys_free(chunk);
	}
	pool->n_free_bytes = 0;
}

void *weir_pool_alloc(struct weir_pool *pool, size_t n_bytes)
{
	void *piece;

	if (n_bytes == WEIR_CHUNK_SIZE && pool->free) {
		piece = pool->free;
		pool->free = pool->free->next;
		pool->n_free_bytes -= WEIR_CHUNK_SIZE;
	} else {
		piece = weir_sys_alloc(n_bytes);
		if (!piece)
			return NULL;
	}
	pool->n_used_bytes += n_bytes;
	return piece;
}

void weir_pool_free(struct weir_pool *pool, void *piece, size_t n_bytes)
{
	struct weir_pool_chunk *chunk = piece;

	pool->n_used_bytes -= n_bytes;
	if (n_bytes != WEIR_CHUNK_SIZE ||
	    pool->n_free_bytes + WEIR_CHUNK_SIZE > WEIR_POOL_KEEP) {
		weir_sys_free(piece);
		return;
	}
	chunk->next = pool->free;
	pool->free = chunk;
	pool->n_free_bytes += WEIR_CHUNK_SIZE;
}
