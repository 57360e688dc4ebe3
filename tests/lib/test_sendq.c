#include "sendq.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fault.h"
#include "harness.h"

enum {
	MAX_IOV = 16,
	LARGE = 3 * WEIR_CHUNK_SIZE + 1000
};

static struct weir_pool pool;
static struct weir_sendq q = {.pool = &pool};
static unsigned char data[1 << 20];
static uint64_t n_queued; /* in the life of the queue */
static uint64_t n_taken;

static void finish(void)
{
	weir_sendq_clear(&q);
	weir_pool_deinit(&pool);
	if (pool.n_used_bytes != 0)
		harness_die("%zu bytes are still out", pool.n_used_bytes);
	harness_end();
}

TestSuite(sendq, .init = harness_begin, .fini = finish);

/* Append the next n bytes of the stream. */
static void append(size_t n, uint64_t now_ns)
{
	cr_assert_eq(weir_sendq_reserve(&q, n), 0);
	harness_fill(data, n, 1, n_queued);
	weir_sendq_append(&q, data, n, now_ns);
	n_queued += n;
}

/* A shared buffer of the next n bytes of the stream. */
static struct weir_buf *next_buf(size_t n)
{
	struct weir_buf *buf = weir_buf_new(n);

	harness_fill(weir_buf_data(buf), n, 1, n_queued);
	return buf;
}

static void append_buf(size_t n)
{
	struct weir_buf *buf = next_buf(n);

	cr_assert_eq(weir_sendq_append_buf(&q, buf, 0, 1), 0);
	weir_buf_unref(buf);
	n_queued += n;
}

/* Peek within the limits and compare with the stream; how many bytes. */
static size_t peek(size_t max_iov, size_t max_bytes)
{
	struct iovec iov[MAX_IOV];
	uint64_t offset = n_taken;
	size_t n_bytes;
	size_t n_iov = weir_sendq_peek(&q, iov, max_iov, max_bytes, &n_bytes);
	size_t i;

	cr_assert_leq(n_iov, max_iov);
	for (i = 0; i < n_iov; i++) {
		cr_assert_gt(iov[i].iov_len, 0);
		harness_check(iov[i].iov_base, iov[i].iov_len, 1, offset);
		offset += iov[i].iov_len;
	}
	cr_assert_eq(n_bytes, offset - n_taken);
	cr_assert_leq(n_bytes, max_bytes);
	return n_bytes;
}

static void consume(size_t n)
{
	weir_sendq_consume(&q, n);
	n_taken += n;
}

static void check(void)
{
	weir_sendq_check(&q);
	cr_assert_eq(q.n_bytes, n_queued - n_taken);
}

/* All comes out as it went in. */
static void take_all(void)
{
	while (q.n_bytes > 0) {
		consume(peek(MAX_IOV, 100000));
		check();
	}
	cr_assert_eq(n_taken, n_queued);
	cr_assert_eq(weir_sendq_weight(&q), 0);
}

/* -- one thing at a time -- */

Test(sendq, zeroed_it_is_empty)
{
	struct iovec iov[1];
	size_t n_bytes = 1;

	weir_sendq_check(&q);
	cr_assert_eq(weir_sendq_peek(&q, iov, 1, 100, &n_bytes), 0);
	cr_assert_eq(n_bytes, 0);
	cr_assert_eq(weir_sendq_weight(&q), 0);
	cr_assert_eq(weir_sendq_oldest_ns(&q), 0);
}

Test(sendq, gives_back_in_order_what_was_appended_in_any_size)
{
	static const size_t sizes[] = {1, 2, 255, 256, 4096, 16384, LARGE};
	size_t i;

	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		append(sizes[i], 1);
		check();
	}
	take_all();
}

Test(sendq, consume_stops_mid_segment)
{
	append(1000, 1);
	while (q.n_bytes > 0) {
		consume(1);
		check();
		cr_assert_eq(peek(MAX_IOV, SIZE_MAX), q.n_bytes);
	}
}

Test(sendq, consume_crosses_segments)
{
	append(100, 1);
	append_buf(100);
	append(100, 1);
	consume(250);
	check();
	cr_assert_eq(peek(1, SIZE_MAX), 50);
	take_all();
}

Test(sendq, peek_cuts_the_last_piece_at_max_bytes)
{
	size_t max;

	append(100, 1);
	append_buf(100);
	append(100, 1);
	for (max = 0; max <= 310; max++)
		cr_assert_eq(peek(MAX_IOV, max), max < 300 ? max : 300);
}

Test(sendq, peek_stops_at_max_iov_pieces)
{
	size_t max;

	for (max = 0; max < MAX_IOV; max++)
		append_buf(10);
	for (max = 0; max <= MAX_IOV; max++)
		cr_assert_eq(peek(max, SIZE_MAX), 10 * max);
}

Test(sendq, small_appends_share_chunks_that_grow)
{
	size_t i;

	append(26, 1);
	cr_assert_leq(pool.n_used_bytes, 256);
	for (i = 0; i < 1000; i++)
		append(16, 1);
	cr_assert_leq(fault_count(FAULT_ALLOC), 10);
	cr_assert_leq(pool.n_used_bytes, 3 * q.n_bytes);
	take_all();
}

Test(sendq, a_large_append_uses_full_chunks_and_gives_them_back)
{
	append(sizeof data, 1);
	cr_assert_leq(pool.n_used_bytes,
		      sizeof data + sizeof data / 100 + WEIR_CHUNK_SIZE);
	take_all();
	cr_assert_eq(pool.n_used_bytes, 0);
	cr_assert_leq(fault_n_live_bytes(), WEIR_POOL_KEEP);
}

Test(sendq, appending_as_reserved_cannot_fail_in_any_portions)
{
	size_t n;

	for (n = 1; n < LARGE; n = 3 * n + 1) {
		size_t i;

		cr_assert_eq(weir_sendq_reserve(&q, n), 0);
		fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
		harness_fill(data, n, 1, n_queued);
		for (i = 0; i < n; i += n / 3 + 1) {
			size_t left = n - i;
			size_t m = n / 3 + 1 < left ? n / 3 + 1 : left;

			weir_sendq_append(&q, data + i, m, 1);
		}
		n_queued += n;
		check();
		fault_clear();
	}
	take_all();
}

Test(sendq, release_gives_back_what_was_reserved_and_not_used)
{
	append(10, 1);
	cr_assert_eq(weir_sendq_reserve(&q, LARGE), 0);
	cr_assert_gt(pool.n_used_bytes, LARGE);
	weir_sendq_release(&q);
	cr_assert_leq(pool.n_used_bytes, 256);
	weir_sendq_release(&q);
	check();
	take_all();
}

Test(sendq, reserving_again_what_is_reserved_takes_nothing)
{
	size_t n_used;

	cr_assert_eq(weir_sendq_reserve(&q, LARGE), 0);
	n_used = pool.n_used_bytes;
	cr_assert_eq(weir_sendq_reserve(&q, LARGE), 0);
	cr_assert_eq(pool.n_used_bytes, n_used);
}

Test(sendq, a_failing_reserve_changes_nothing_at_any_allocation)
{
	uint64_t k;

	append(100, 1);
	for (k = 1;; k++) {
		size_t n_used = pool.n_used_bytes;

		fault_reset();
		fault_fail_call(k);
		if (weir_sendq_reserve(&q, LARGE) == 0)
			break;
		cr_assert_eq(fault_hit(), FAULT_ALLOC);
		cr_assert_eq(pool.n_used_bytes, n_used);
		check();
	}
	cr_assert_gt(k, 1);
	weir_sendq_release(&q);
	take_all();
}

Test(sendq, a_failing_reserve_leaves_an_earlier_one_good)
{
	cr_assert_eq(weir_sendq_reserve(&q, 1000), 0);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(weir_sendq_reserve(&q, LARGE), -ENOMEM);
	harness_fill(data, 1000, 1, 0);
	weir_sendq_append(&q, data, 1000, 1);
	n_queued = 1000;
	take_all();
}

/* -- shared buffers -- */

Test(sendq, a_shared_buffer_is_referenced_until_its_last_byte_is_gone)
{
	struct weir_buf *buf = next_buf(100);

	cr_assert_eq(weir_sendq_append_buf(&q, buf, 0, 1), 0);
	n_queued = 100;
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), 2);
	consume(99);
	cr_assert_eq(peek(1, SIZE_MAX), 1);
	consume(1);
	cr_assert_eq(fault_n_live(), 0);
}

Test(sendq, a_shared_buffer_may_be_queued_from_its_middle)
{
	struct weir_buf *buf = next_buf(1000);

	n_queued = 1000;
	n_taken = 300;
	cr_assert_eq(weir_sendq_append_buf(&q, buf, 300, 1), 0);
	weir_buf_unref(buf);
	check();
	take_all();
}

Test(sendq, owing_a_shared_buffer_costs_48_bytes_at_most)
{
	append_buf(100000);
	cr_assert_leq(pool.n_used_bytes, 100000 + 48);
	cr_assert_eq(q.n_bytes, 100000);
}

Test(sendq, each_shared_buffer_weighs_64_bytes_at_least)
{
	size_t n;
	size_t weight = 0;

	for (n = 1; n < 100; n++) {
		append_buf(n);
		weight += n < 64 ? 64 : n;
		cr_assert_eq(weir_sendq_weight(&q), weight);
		check();
	}
	take_all();
}

Test(sendq, a_failing_append_buf_changes_nothing)
{
	struct weir_buf *buf = next_buf(10);

	append(100, 7);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(weir_sendq_append_buf(&q, buf, 0, 8), -ENOMEM);
	check();
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), 1, "the chunk; buf has no other owner");
	take_all();
}

/* -- segments that somebody else filled, times, clear -- */

Test(sendq, a_filled_segment_becomes_the_queues_and_takes_appends)
{
	struct weir_sendq_segment *s = weir_sendq_segment_new(&pool, 1000);

	append(50, 1);
	harness_fill(s->bytes, 600, 1, n_queued);
	s->end = 600;
	weir_sendq_append_segment(&q, s);
	n_queued += 600;
	check();
	append(400, 1);
	append(400, 1);
	take_all();
}

Test(sendq, a_segment_that_is_not_queued_is_freed_by_its_owner)
{
	struct weir_sendq_segment *s = weir_sendq_segment_new(&pool, 1000);

	cr_assert_gt(pool.n_used_bytes, 1000);
	weir_sendq_segment_free(&pool, s);
	cr_assert_eq(pool.n_used_bytes, 0);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_null(weir_sendq_segment_new(&pool, 1000));
}

Test(sendq, knows_when_its_oldest_byte_came)
{
	append(100, 10);
	append(100, 20);
	cr_assert_eq(weir_sendq_oldest_ns(&q), 10);
	append(LARGE, 30);
	append_buf(10);
	consume(200 + LARGE);
	cr_assert_eq(weir_sendq_oldest_ns(&q), 1, "append_buf's");
	consume(10);
	cr_assert_eq(weir_sendq_oldest_ns(&q), 0);
}

Test(sendq, clear_frees_all_and_leaves_a_queue_that_works)
{
	append(LARGE, 1);
	append_buf(10);
	cr_assert_eq(weir_sendq_reserve(&q, LARGE), 0);
	weir_sendq_clear(&q);
	n_taken = n_queued;
	check();
	cr_assert_eq(weir_sendq_weight(&q), 0);
	cr_assert_eq(pool.n_used_bytes, 0);
	append(10, 1);
	take_all();
}
