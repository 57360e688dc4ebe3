/* A freelist of chunks with a cap in bytes, and the count of all pieces. */
#include "pool.h"

#include "sys.h"

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

void weir_pool_count(struct weir_pool *pool, size_t n_bytes)
{
	pool->n_used_bytes += n_bytes;
	if (pool->n_peak_bytes < pool->n_used_bytes)
		pool->n_peak_bytes = pool->n_used_bytes;
}

/* What is left is scattered, and a small piece holds its whole page: there is
 * more to give back when the last of them have gone. */
static bool is_to_be_released(const struct weir_pool *pool)
{
	if (pool->is_after_burst && pool->n_used_bytes <= WEIR_POOL_REST)
		return true;
	return pool->n_peak_bytes >= WEIR_POOL_BURST &&
	       pool->n_used_bytes <= pool->n_peak_bytes / 2;
}

void weir_pool_discount(struct weir_pool *pool, size_t n_bytes)
{
	pool->n_used_bytes -= n_bytes;
	if (is_to_be_released(pool) && pool->chores)
		*pool->chores |= WEIR_POOL_RELEASE;
}

void weir_pool_release(struct weir_pool *pool)
{
	if (!is_to_be_released(pool))
		return;
	pool->is_after_burst = pool->n_used_bytes > WEIR_POOL_REST;
	pool->n_record_bytes = weir_pool_most(pool);
	pool->n_peak_bytes = pool->n_used_bytes;
	if (!pool->is_after_burst)
		weir_pool_deinit(pool);
	weir_sys_release_memory();
}

size_t weir_pool_most(const struct weir_pool *pool)
{
	return pool->n_peak_bytes > pool->n_record_bytes ? pool->n_peak_bytes
							 : pool->n_record_bytes;
}

static struct weir_pool_chunk *take_kept(struct weir_pool *pool)
{
	struct weir_pool_chunk *chunk = pool->free;

	if (chunk) {
		pool->free = chunk->next;
		pool->n_free_bytes -= WEIR_CHUNK_SIZE;
	}
	return chunk;
}

void *weir_pool_alloc(struct weir_pool *pool, size_t n_bytes)
{
	void *piece = NULL;

	if (n_bytes == WEIR_CHUNK_SIZE)
		piece = take_kept(pool);
	if (!piece)
		piece = weir_sys_alloc(n_bytes);
	if (piece)
		weir_pool_count(pool, n_bytes);
	return piece;
}

static bool is_to_be_kept(const struct weir_pool *pool, size_t n_bytes)
{
	return n_bytes == WEIR_CHUNK_SIZE &&
	       pool->n_free_bytes + WEIR_CHUNK_SIZE <= WEIR_POOL_KEEP;
}

void weir_pool_free(struct weir_pool *pool, void *piece, size_t n_bytes)
{
	struct weir_pool_chunk *chunk = piece;

	if (is_to_be_kept(pool, n_bytes)) {
		chunk->next = pool->free;
		pool->free = chunk;
		pool->n_free_bytes += WEIR_CHUNK_SIZE;
	} else {
		weir_sys_free(piece);
	}
	weir_pool_discount(pool, n_bytes);
}
