/* The send queue against a naive model: the stream's bytes are known by their
 * offset, so the model is two offsets, the runs in between with the time each
 * was accepted, and what each shared buffer weighs beyond its bytes. */
#include "sendq.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness.h"

enum {
	MAX_IOV = 8,
	MAX_RUNS = 4096,
	MAX_BYTES = 2 * WEIR_CHUNK_SIZE,
	KEEP_BELOW = 8 * WEIR_CHUNK_SIZE /* so that it often runs empty */
};

/* Bytes that came in one call. */
struct run {
	uint64_t end; /* its last byte's offset, plus 1 */
	uint64_t time_ns;
	size_t padding;
};

struct model {
	struct weir_pool pool;
	struct weir_sendq q;
	struct run runs[MAX_RUNS]; /* a ring */
	size_t first_run;
	size_t n_runs;
	uint64_t n_queued;
	uint64_t n_taken;
	uint64_t now_ns;
};

static struct model m;
static unsigned char data[MAX_BYTES];

TestSuite(sendq_model, .init = harness_begin, .fini = harness_end);

/* -- the model -- */

static void model_append(size_t n, uint64_t time_ns, size_t padding)
{
	cr_assert_lt(m.n_runs, MAX_RUNS);
	m.n_queued += n;
	m.runs[(m.first_run + m.n_runs++) % MAX_RUNS] = (struct run){
		.end = m.n_queued, .time_ns = time_ns, .padding = padding};
}

static void model_consume(size_t n)
{
	m.n_taken += n;
	while (m.n_runs > 0 && m.runs[m.first_run].end <= m.n_taken) {
		m.first_run = (m.first_run + 1) % MAX_RUNS;
		m.n_runs--;
	}
}

static size_t model_padding(void)
{
	size_t padding = 0;
	size_t i;

	for (i = 0; i < m.n_runs; i++)
		padding += m.runs[(m.first_run + i) % MAX_RUNS].padding;
	return padding;
}

/* A segment answers for all its bytes with the time of its first, which may
 * be gone already: the oldest byte is never older than that. */
static void check_oldest(void)
{
	static uint64_t last_ns;
	uint64_t oldest_ns = weir_sendq_oldest_ns(&m.q);

	cr_assert_eq(oldest_ns == 0, m.n_runs == 0);
	if (m.n_runs == 0)
		return;
	cr_assert_leq(oldest_ns, m.runs[m.first_run].time_ns);
	cr_assert_leq(last_ns, oldest_ns);
	last_ns = oldest_ns;
}

static void check(void)
{
	weir_sendq_check(&m.q);
	cr_assert_eq(m.q.n_bytes, m.n_queued - m.n_taken);
	cr_assert_eq(weir_sendq_weight(&m.q), m.q.n_bytes + model_padding());
	cr_assert_geq(fault_n_live_bytes(),
		      m.pool.n_used_bytes + m.pool.n_free_bytes);
	check_oldest();
}

/* -- the operations -- */

static size_t random_size(void)
{
	static const size_t at_most[] = {8, 100, 5000, MAX_BYTES};

	return 1 + harness_random_below(at_most[harness_random_below(4)]);
}

/* One allocation in four fails, at the first or at a later one. */
static void fail_sometimes(void)
{
	fault_reset();
	if (harness_random_below(4) == 0)
		fault_fail_call(1 + harness_random_below(3));
}

/* What was reserved is there for the very next appends. */
static void reserve_and_append(void)
{
	size_t n = random_size();
	size_t n_portions = harness_random_below(4);
	int error;

	fail_sometimes();
	error = weir_sendq_reserve(&m.q, n);
	cr_assert_eq(error, fault_hit() == FAULT_NONE ? 0 : -ENOMEM);
	check();
	if (error < 0)
		return;
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	while (n > 0 && n_portions-- > 0) {
		size_t portion = 1 + harness_random_below(n);

		harness_fill(data, portion, 1, m.n_queued);
		weir_sendq_append(&m.q, data, portion, m.now_ns);
		model_append(portion, m.now_ns, 0);
		n -= portion;
	}
}

static void append_buf(void)
{
	size_t n = random_size();
	/* cut only where what a buffer counts at least plays no part */
	size_t begin = n > 128 ? harness_random_below(n) : 0;
	size_t padding = n < 64 ? 64 - n : 0;
	struct weir_buf *buf;
	int error;

	fault_reset();
	buf = weir_buf_new(n);
	harness_fill(weir_buf_data(buf), n, 1, m.n_queued - begin);
	fail_sometimes();
	error = weir_sendq_append_buf(&m.q, buf, begin, m.now_ns);
	cr_assert_eq(error, fault_hit() == FAULT_NONE ? 0 : -ENOMEM);
	if (error == 0)
		model_append(n - begin, m.now_ns, padding);
	weir_buf_unref(buf);
}

static void append_segment(void)
{
	size_t n = random_size();
	struct weir_sendq_segment *s;

	fail_sometimes();
	s = weir_sendq_segment_new(&m.pool, n);
	cr_assert_eq(s == NULL, fault_hit() == FAULT_ALLOC);
	if (!s)
		return;
	if (harness_random_below(4) == 0) {
		weir_sendq_segment_free(&m.pool, s);
		return;
	}
	n = 1 + harness_random_below(n);
	harness_fill(s->bytes, n, 1, m.n_queued);
	s->end = (uint32_t)n;
	s->queued_ns = m.now_ns;
	weir_sendq_append_segment(&m.q, s);
	model_append(n, m.now_ns, 0);
}

/* With room for all, peek goes to the limit; the bytes are the stream's. */
static void peek(void)
{
	struct iovec iov[MAX_IOV];
	size_t max_iov = harness_random_below(MAX_IOV + 1);
	size_t max_bytes = random_size();
	uint64_t offset = m.n_taken;
	size_t n_bytes;
	size_t n_iov;
	size_t i;

	n_iov = weir_sendq_peek(&m.q, iov, max_iov, max_bytes, &n_bytes);
	cr_assert_leq(n_iov, max_iov);
	for (i = 0; i < n_iov; i++) {
		cr_assert_gt(iov[i].iov_len, 0);
		harness_check(iov[i].iov_base, iov[i].iov_len, 1, offset);
		offset += iov[i].iov_len;
	}
	cr_assert_eq(n_bytes, offset - m.n_taken);
	cr_assert_leq(n_bytes, max_bytes);
	if (n_iov < max_iov)
		cr_assert_eq(n_bytes,
			     m.q.n_bytes < max_bytes ? m.q.n_bytes : max_bytes);
}

static void consume(void)
{
	size_t n = harness_random_below(m.q.n_bytes + 1);

	if (harness_random_below(8) == 0)
		n = m.q.n_bytes;
	weir_sendq_consume(&m.q, n);
	model_consume(n);
}

static void clear(void)
{
	weir_sendq_clear(&m.q);
	model_consume((size_t)(m.n_queued - m.n_taken));
	cr_assert_eq(m.pool.n_used_bytes, 0);
}

static void step(void)
{
	size_t dice = harness_random_below(100);

	m.now_ns++;
	if (m.q.n_bytes > KEEP_BELOW || dice < 30)
		consume();
	else if (dice < 55)
		reserve_and_append();
	else if (dice < 70)
		append_buf();
	else if (dice < 80)
		append_segment();
	else if (dice < 94)
		peek();
	else if (dice < 99)
		weir_sendq_release(&m.q);
	else
		clear();
}

Test(sendq_model, agrees_under_random_operations_with_failing_allocations)
{
	int i;

	m.q.pool = &m.pool;
	for (i = 0; i < 50000; i++) {
		step();
		check();
	}
	fault_reset();
	clear();
	weir_pool_deinit(&m.pool);
	cr_assert_eq(fault_n_live(), 0);
}
