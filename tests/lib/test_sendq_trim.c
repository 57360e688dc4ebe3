/* Trimming the send queue, against a naive model: a list of pieces, each of
 * which is dropped or not, and how far the front one is gone. */
#include "sendq.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "fault.h"
#include "harness.h"

TestSuite(sendq_trim, .init = harness_begin, .fini = harness_end);

enum {
	MAX_PIECES = 400,
	MAX_BYTES = 5000
};

enum kind {
	COPIED,
	SHARED,
	A_FILE
};

/* What one call appended; at is its place in the stream of all. */
struct piece {
	enum kind kind;
	uint64_t at;
	size_t n;
	size_t n_gone;
	bool is_dropped;
};

static struct weir_pool pool;
static struct weir_sendq q;
static struct piece pieces[MAX_PIECES];
static size_t n_pieces;
static uint64_t n_appended;
/* The pieces up to here were told of by trim, where they were dropped. */
static size_t n_told;

static bool is_there(const struct piece *piece)
{
	return !piece->is_dropped && piece->n_gone < piece->n;
}

/* -- the model -- */

/* The first that is there; n_pieces: none is. */
static size_t front(void)
{
	size_t i = 0;

	while (i < n_pieces && !is_there(&pieces[i]))
		i++;
	return i;
}

/* What a piece counts: a shared one 64 at least, until it is gone; a file its
 * node. */
static size_t model_weight(void)
{
	size_t weight = 0;
	size_t i;

	for (i = 0; i < n_pieces; i++) {
		const struct piece *piece = &pieces[i];

		if (!is_there(piece))
			continue;
		if (piece->kind == A_FILE) {
			weight += WEIR_SENDQ_FILE_WEIGHT;
			continue;
		}
		weight += piece->n - piece->n_gone;
		if (piece->kind == SHARED && piece->n < 64)
			weight += 64 - piece->n;
	}
	return weight;
}

static uint64_t model_length(void)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < n_pieces; i++)
		if (is_there(&pieces[i]))
			n += pieces[i].n - pieces[i].n_gone;
	return n;
}

/* Where the oldest byte that is there has its place. */
static uint64_t model_left(void)
{
	size_t i = front();

	return i < n_pieces ? pieces[i].at + pieces[i].n_gone : n_appended;
}

static void append(enum kind kind, size_t n)
{
	cr_assert_lt(n_pieces, MAX_PIECES);
	pieces[n_pieces++] =
		(struct piece){.kind = kind, .at = n_appended, .n = n};
	n_appended += n;
}

/* -- the operations -- */

static void append_copied(void)
{
	unsigned char data[MAX_BYTES];
	size_t n =
		1 + harness_random_below(harness_random_below(2) ? 50 : 5000);

	cr_assert_eq(weir_sendq_reserve(&q, n), 0);
	harness_fill(data, n, 1, n_appended);
	weir_sendq_append(&q, data, n, 1);
	append(COPIED, n);
}

static void append_shared(void)
{
	size_t n =
		1 + harness_random_below(harness_random_below(2) ? 80 : 5000);
	struct weir_buf *buf = weir_buf_new(n);

	harness_fill(weir_buf_data(buf), n, 1, n_appended);
	cr_assert_eq(weir_sendq_append_buf(&q, buf, 0, 1), 0);
	weir_buf_unref(buf);
	append(SHARED, n);
}

static void append_file(void)
{
	size_t n = 1 + harness_random_below(1000);
	struct weir_file *file;

	cr_assert_eq(weir_file_new(&file, memfd_create("weir", 0)), 0);
	cr_assert_eq(weir_sendq_append_file(&q, file, 0, n, 1), 0);
	weir_file_unref(file);
	append(A_FILE, n);
}

static void consume_file(struct piece *piece)
{
	size_t n = 1 + harness_random_below(piece->n - piece->n_gone);

	weir_sendq_consume(&q, n);
	piece->n_gone += n;
}

/* The kernel takes the first n bytes of what it was offered. */
static void take(const unsigned char *bytes, size_t n)
{
	while (n-- > 0) {
		struct piece *piece = &pieces[front()];

		cr_assert_eq(*bytes++,
			     harness_byte(1, piece->at + piece->n_gone));
		piece->n_gone++;
	}
}

/* Up to the next file. */
static void consume(void)
{
	struct iovec iov[8];
	size_t n_iov;
	size_t n;
	size_t i;

	cr_assert_eq(weir_sendq_is_empty(&q), front() == n_pieces);
	if (weir_sendq_file_of(q.head)) {
		consume_file(&pieces[front()]);
		return;
	}
	n_iov = weir_sendq_peek(&q, iov, 8, 20000, &n);
	n = harness_random_below(n + 1);
	for (i = 0; i < n_iov; i++) {
		size_t k = iov[i].iov_len < n ? iov[i].iov_len : n;

		take(iov[i].iov_base, k);
		weir_sendq_consume(&q, k);
		n -= k;
	}
}

/* The pieces come in order; those that the model has dropped are marked. */
static void note_told(void *user, uint64_t at, uint64_t n)
{
	uint64_t head_at = n_appended - weir_sendq_length(&q) - q.n_gap;

	cr_assert_eq(user, &q);
	while (n_told < n_pieces && !pieces[n_told].is_dropped)
		n_told++;
	cr_assert_lt(n_told, n_pieces);
	cr_assert_eq(pieces[n_told].at, head_at + at);
	cr_assert_eq(pieces[n_told].n, n);
	n_told++;
}

static void trim(void)
{
	size_t target = 0;
	size_t n_dropped = 0;
	size_t i;

	if (harness_random_below(2) == 0)
		target = harness_random_below(model_weight() + 100);
	for (i = 0; i < n_pieces && model_weight() > target; i++) {
		struct piece *piece = &pieces[i];

		if (piece->kind != SHARED || piece->n_gone > 0)
			continue;
		piece->is_dropped = true;
		n_dropped++;
	}
	n_told = 0;
	cr_assert_eq(weir_sendq_trim(&q, target, note_told, &q), n_dropped);
	while (n_told < n_pieces && !pieces[n_told].is_dropped)
		n_told++;
	cr_assert_eq(n_told, n_pieces);
}

static void compact(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < n_pieces; i++)
		if (is_there(&pieces[i]))
			pieces[n++] = pieces[i];
	n_pieces = n;
}

static void check(void)
{
	uint64_t there = model_length();

	weir_sendq_check(&q);
	cr_assert_eq(weir_sendq_length(&q), there);
	cr_assert_eq(weir_sendq_weight(&q), model_weight());
	/* gaps are what is missing between the front and the end */
	cr_assert_eq(q.n_gap, n_appended - model_left() - there);
}

static void step(void)
{
	size_t dice = harness_random_below(100);

	if (dice < 40 || n_pieces > MAX_PIECES / 2)
		consume();
	else if (dice < 60)
		append_copied();
	else if (dice < 85)
		append_shared();
	else if (dice < 90)
		append_file();
	else
		trim();
	check();
	compact();
}

Test(sendq_trim, agrees_with_a_model_under_random_operations)
{
	int i;

	q.pool = &pool;
	for (i = 0; i < 30000; i++)
		step();
	weir_sendq_clear(&q);
	cr_assert_eq(pool.n_used_bytes, 0);
	weir_pool_deinit(&pool);
}

static void ignore(void *user, uint64_t at, uint64_t n)
{
	(void)user;
	(void)at;
	(void)n;
}

/* A subscriber that never reads is trimmed for ever: gaps stay in 32 bits. */
Test(sendq_trim, behind_a_stuck_head_drops_more_than_a_gap_can_count)
{
	const size_t n = 1 << 30;
	struct weir_buf *head = weir_buf_new(10);
	struct weir_buf *buf = weir_buf_new(n);
	uint64_t n_dropped = 0;
	int i;

	q.pool = &pool;
	weir_sendq_append_buf(&q, head, 0, 1);
	weir_sendq_consume(&q, 1);
	for (i = 0; i < 10; i++) {
		weir_sendq_append_buf(&q, buf, 0, 1);
		n_dropped += weir_sendq_trim(&q, 0, ignore, NULL) * n;
		weir_sendq_check(&q);
		cr_assert_eq(q.n_gap, n_dropped);
	}
	cr_assert_geq(n_dropped, 7 * n);
	weir_sendq_consume(&q, 9);
	weir_sendq_check(&q);
	weir_sendq_clear(&q);
	cr_assert_eq(q.n_gap, 0);
	weir_buf_unref(buf);
	weir_buf_unref(head);
	weir_pool_deinit(&pool);
}
