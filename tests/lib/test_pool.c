#include "pool.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness.h"

TestSuite(pool, .init = harness_begin, .fini = harness_end);

enum {
	N_KEPT_AT_MOST = WEIR_POOL_KEEP / WEIR_CHUNK_SIZE,
	N_PIECES = 2 * N_KEPT_AT_MOST
};

static void *pieces[N_PIECES];

/* Every byte of the heap is on the pool's account, in use or kept. */
static void expect(const struct weir_pool *pool, size_t n_used, size_t n_free)
{
	cr_assert_eq(pool->n_used_bytes, n_used);
	cr_assert_eq(pool->n_free_bytes, n_free);
	cr_assert_eq(fault_n_live_bytes(), n_used + n_free);
}

static void take_all(struct weir_pool *pool)
{
	size_t i;

	for (i = 0; i < N_PIECES; i++)
		pieces[i] = weir_pool_alloc(pool, WEIR_CHUNK_SIZE);
}

static void give_all(struct weir_pool *pool)
{
	size_t i;

	for (i = 0; i < N_PIECES; i++)
		weir_pool_free(pool, pieces[i], WEIR_CHUNK_SIZE);
}

Test(pool, counts_what_is_out_to_the_byte)
{
	struct weir_pool pool = {0};
	void *a = weir_pool_alloc(&pool, 1);
	void *b = weir_pool_alloc(&pool, 1000);

	expect(&pool, 1001, 0);
	weir_pool_free(&pool, a, 1);
	expect(&pool, 1000, 0);
	weir_pool_free(&pool, b, 1000);
	expect(&pool, 0, 0);
	weir_pool_deinit(&pool);
}

Test(pool, keeps_a_freed_chunk_and_gives_it_out_again)
{
	struct weir_pool pool = {0};
	void *chunk = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE);

	weir_pool_free(&pool, chunk, WEIR_CHUNK_SIZE);
	expect(&pool, 0, WEIR_CHUNK_SIZE);
	cr_assert_eq(weir_pool_alloc(&pool, WEIR_CHUNK_SIZE), chunk);
	cr_assert_eq(fault_count(FAULT_ALLOC), 1);
	expect(&pool, WEIR_CHUNK_SIZE, 0);
	weir_pool_free(&pool, chunk, WEIR_CHUNK_SIZE);
	weir_pool_deinit(&pool);
	expect(&pool, 0, 0);
}

Test(pool, keeps_no_piece_of_another_size)
{
	struct weir_pool pool = {0};
	void *small = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE - 1);
	void *large = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE + 1);

	weir_pool_free(&pool, small, WEIR_CHUNK_SIZE - 1);
	weir_pool_free(&pool, large, WEIR_CHUNK_SIZE + 1);
	expect(&pool, 0, 0);
}

Test(pool, what_a_burst_took_goes_back_but_for_the_kept_chunks)
{
	struct weir_pool pool = {0};

	take_all(&pool);
	expect(&pool, (size_t)N_PIECES * WEIR_CHUNK_SIZE, 0);
	give_all(&pool);
	expect(&pool, 0, WEIR_POOL_KEEP);
	weir_pool_deinit(&pool);
	expect(&pool, 0, 0);
}

Test(pool, a_second_burst_within_the_kept_chunks_costs_no_allocation)
{
	struct weir_pool pool = {0};

	take_all(&pool);
	give_all(&pool);
	fault_reset();
	take_all(&pool);
	cr_assert_eq(fault_count(FAULT_ALLOC), N_PIECES - N_KEPT_AT_MOST);
	give_all(&pool);
	weir_pool_deinit(&pool);
}

Test(pool, deinit_leaves_pieces_that_are_out_alone)
{
	struct weir_pool pool = {0};
	void *out = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE);
	void *kept = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE);

	harness_fill(out, WEIR_CHUNK_SIZE, 1, 0);
	weir_pool_free(&pool, kept, WEIR_CHUNK_SIZE);
	weir_pool_deinit(&pool);
	expect(&pool, WEIR_CHUNK_SIZE, 0);
	harness_check(out, WEIR_CHUNK_SIZE, 1, 0);
	weir_pool_free(&pool, out, WEIR_CHUNK_SIZE);
	weir_pool_deinit(&pool);
}

Test(pool, is_as_it_was_when_there_is_no_memory)
{
	struct weir_pool pool = {0};
	void *piece = weir_pool_alloc(&pool, 100);

	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_null(weir_pool_alloc(&pool, WEIR_CHUNK_SIZE));
	expect(&pool, 100, 0);
	weir_pool_free(&pool, piece, 100);
	expect(&pool, 0, 0);
}

static unsigned chores;

/* Whether a release is noted as due, and if so makes it. */
static bool is_due(struct weir_pool *pool)
{
	bool is_noted = chores == WEIR_POOL_RELEASE;

	fault_reset();
	chores = 0;
	weir_pool_release(pool);
	cr_assert_eq(fault_count(FAULT_RELEASE_MEMORY), is_noted);
	return is_noted;
}

static bool is_due_at(struct weir_pool *pool, size_t n_peak, size_t n_left)
{
	*pool = (struct weir_pool){.chores = &chores};
	weir_pool_count(pool, n_peak);
	cr_assert_not(is_due(pool));
	weir_pool_discount(pool, n_peak - n_left);
	return is_due(pool);
}

Test(pool, gives_pages_back_when_a_burst_is_down_to_a_half)
{
	const size_t burst = WEIR_POOL_BURST;
	struct weir_pool pool;

	cr_assert(is_due_at(&pool, burst, burst / 2));
	cr_assert(is_due_at(&pool, burst, 0));
	cr_assert(is_due_at(&pool, 100 * burst, 50 * burst));
	cr_assert_not(is_due_at(&pool, burst, burst / 2 + 1));
	cr_assert_not(is_due_at(&pool, 100 * burst, 50 * burst + 1));
	cr_assert_not(is_due_at(&pool, burst - 1, 0));
}

/* The pieces that are left hold the pages that they are on. */
Test(pool, gives_pages_back_again_when_nothing_is_left_of_a_burst)
{
	const size_t burst = WEIR_POOL_BURST;
	struct weir_pool pool;

	cr_assert(is_due_at(&pool, burst, burst / 2));
	weir_pool_discount(&pool, burst / 2 - WEIR_POOL_REST - 1);
	cr_assert_not(is_due(&pool));
	weir_pool_discount(&pool, 1);
	cr_assert(is_due(&pool));
	weir_pool_count(&pool, 1);
	weir_pool_discount(&pool, 1);
	cr_assert_not(is_due(&pool));
}

/* They are scattered as well, and their own megabyte is not needed soon. */
Test(pool, gives_the_kept_chunks_back_with_the_last_of_a_burst)
{
	struct weir_pool pool = {.chores = &chores};
	void *piece = weir_pool_alloc(&pool, WEIR_CHUNK_SIZE);

	weir_pool_free(&pool, piece, WEIR_CHUNK_SIZE);
	weir_pool_count(&pool, WEIR_POOL_BURST);
	weir_pool_discount(&pool, WEIR_POOL_BURST / 2);
	cr_assert(is_due(&pool));
	cr_assert_eq(pool.n_free_bytes, WEIR_CHUNK_SIZE);
	weir_pool_discount(&pool, WEIR_POOL_BURST / 2);
	cr_assert(is_due(&pool));
	expect(&pool, 0, 0);
}

Test(pool, gives_no_pages_back_where_there_was_no_burst)
{
	const size_t burst = WEIR_POOL_BURST;
	struct weir_pool pool;

	cr_assert(is_due_at(&pool, burst, burst / 2));
	weir_pool_discount(&pool, burst / 2);
	cr_assert(is_due(&pool));
	weir_pool_count(&pool, burst - 1);
	weir_pool_discount(&pool, burst - 1);
	cr_assert_not(is_due(&pool));
	weir_pool_count(&pool, burst);
	weir_pool_discount(&pool, burst);
	cr_assert(is_due(&pool));
}

/* Between the note and the release. */
Test(pool, gives_no_pages_back_that_are_needed_again)
{
	const size_t burst = WEIR_POOL_BURST;
	struct weir_pool pool = {.chores = &chores};

	weir_pool_count(&pool, burst);
	weir_pool_discount(&pool, burst);
	weir_pool_count(&pool, burst / 2 + 1);
	weir_pool_release(&pool);
	cr_assert_eq(fault_count(FAULT_RELEASE_MEMORY), 0);
	weir_pool_discount(&pool, burst / 2 + 1);
	cr_assert(is_due(&pool));
}

/* A slot is empty or holds a piece whose bytes know the slot. */
Test(pool, knows_the_most_that_ever_was_out)
{
	const size_t most = 2 * (size_t)WEIR_POOL_BURST;
	struct weir_pool pool = {0};

	cr_assert_eq(weir_pool_most(&pool), 0);
	weir_pool_count(&pool, most);
	weir_pool_discount(&pool, most);
	cr_assert_eq(weir_pool_most(&pool), most);
	weir_pool_count(&pool, WEIR_POOL_BURST);
	weir_pool_discount(&pool, WEIR_POOL_BURST);
	cr_assert_eq(weir_pool_most(&pool), most);
	weir_pool_count(&pool, most + 1);
	cr_assert_eq(weir_pool_most(&pool), most + 1);
	weir_pool_discount(&pool, most + 1);
	cr_assert_eq(weir_pool_most(&pool), most + 1);
	weir_pool_deinit(&pool);
}

Test(pool, pieces_never_overlap_under_random_operations)
{
	static const size_t sizes[] = {1, 256, WEIR_CHUNK_SIZE, 40000};
	struct weir_pool pool = {0};
	size_t n_bytes[N_PIECES] = {0};
	size_t n_used = 0;
	size_t i;
	int step;

	for (step = 0; step < 20000; step++) {
		i = harness_random_below(N_PIECES);
		if (n_bytes[i] == 0) {
			n_bytes[i] = sizes[harness_random_below(4)];
			pieces[i] = weir_pool_alloc(&pool, n_bytes[i]);
			harness_fill(pieces[i], n_bytes[i] % 256, i, 0);
			n_used += n_bytes[i];
		} else {
			harness_check(pieces[i], n_bytes[i] % 256, i, 0);
			weir_pool_free(&pool, pieces[i], n_bytes[i]);
			n_used -= n_bytes[i];
			n_bytes[i] = 0;
		}
		cr_assert_leq(pool.n_free_bytes, WEIR_POOL_KEEP);
		expect(&pool, n_used, pool.n_free_bytes);
	}
	for (i = 0; i < N_PIECES; i++)
		if (n_bytes[i] > 0)
			weir_pool_free(&pool, pieces[i], n_bytes[i]);
	weir_pool_deinit(&pool);
}
