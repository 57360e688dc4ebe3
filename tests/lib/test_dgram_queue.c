/* The queue of datagrams against a naive model: an array in order of age. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "dgram_queue.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	N_RECEIVERS = 6,
	MAX_MESSAGES = 512,
	MAX_SIZE = 300,
	N_STEPS = 20000
};

TestSuite(dgram_queue, .init = harness_begin, .fini = harness_end);

static struct weir_address receivers[N_RECEIVERS];

/* to is NULL: the connected peer. */
static int queue_one(struct weir_dgram_queue *q, struct weir_address *to,
		     const void *data, size_t n, bool is_refused)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = n};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (to) {
		header.msg_name = &to->sa;
		header.msg_namelen = to->len;
	}
	return weir_dgram_queue_add(q, &header, is_refused);
}

/* -- the model -- */

struct entry {
	size_t receiver;
	uint64_t seed; /* of its bytes */
	size_t size;
};

static struct {
	struct weir_pool pool;
	struct weir_dgram_queue q;
	struct entry entries[MAX_MESSAGES]; /* by age */
	size_t n;
	size_t n_bytes;
	bool is_full[N_RECEIVERS];
	uint64_t seed;
	unsigned char data[MAX_SIZE];
} m;

static void model_remove(size_t i)
{
	m.n--;
	m.n_bytes -= m.entries[i].size;
	memmove(&m.entries[i], &m.entries[i + 1],
		(m.n - i) * sizeof m.entries[0]);
}

/* The oldest from i on that goes to receiver; m.n: there is none. */
static size_t model_find(size_t i, size_t receiver)
{
	while (i < m.n && !m.q.is_single && m.entries[i].receiver != receiver)
		i++;
	return i;
}

static bool model_has(size_t receiver)
{
	return model_find(0, receiver) < m.n;
}

/* In a single queue all receivers are one. */
static bool *model_is_full(size_t receiver)
{
	return &m.is_full[m.q.is_single ? 0 : receiver];
}

static bool model_is_ready(void)
{
	for (size_t i = 0; i < m.n; i++)
		if (!*model_is_full(m.entries[i].receiver))
			return true;
	return false;
}

/* Of several chains one may take no more than it leaves. */
static void check_room(size_t receiver, size_t size)
{
	size_t room = harness_random_below(2 * m.n / N_RECEIVERS + 3);
	size_t room_bytes = room * MAX_SIZE / 2;
	struct iovec iov = {.iov_base = m.data, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_name = &receivers[receiver].sa,
				.msg_namelen = receivers[receiver].len};
	bool fits = room > 0 && size <= room_bytes;
	size_t n_bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < m.n; i++) {
		if (m.entries[i].receiver != receiver)
			continue;
		n_bytes += m.entries[i].size;
		n++;
	}
	if (!m.q.is_single && n > 0)
		fits = fits && n < room && n_bytes + size <= room_bytes;
	cr_assert_eq(weir_dgram_queue_has_room(&m.q, &header, m.n + room,
					       m.n_bytes + room_bytes),
		     fits);
}

static void add(bool is_refused)
{
	size_t receiver = harness_random_below(N_RECEIVERS);
	size_t size = harness_random_below(MAX_SIZE + 1);
	bool is_new = !model_has(receiver);

	cr_assert_eq(weir_dgram_queue_is_before(&m.q, &receivers[receiver]),
		     !is_new);
	check_room(receiver, size);
	harness_fill(m.data, size, ++m.seed, 0);
	cr_assert_eq(
		queue_one(&m.q, &receivers[receiver], m.data, size, is_refused),
		0);
	m.entries[m.n++] = (struct entry){receiver, m.seed, size};
	m.n_bytes += size;
	if (is_new)
		*model_is_full(receiver) = is_refused;
}

static size_t receiver_of(const struct msghdr *header)
{
	for (size_t i = 0; i < N_RECEIVERS; i++)
		if (header->msg_namelen == receivers[i].len &&
		    memcmp(header->msg_name, &receivers[i].sa,
			   receivers[i].len) == 0)
			return i;
	harness_die("a message is for nobody");
}

/* What is peeked must be the oldest of a chain that is not full; its
 * receiver. */
static size_t check_peek(unsigned *n)
{
	struct mmsghdr messages[WEIR_DGRAM_BATCH];
	struct iovec iov[WEIR_DGRAM_BATCH];
	size_t receiver;
	size_t at = 0;

	*n = weir_dgram_queue_peek(&m.q, messages, iov);
	cr_assert_gt(*n, 0);
	receiver = receiver_of(&messages[0].msg_hdr);
	cr_assert_not(*model_is_full(receiver));
	for (unsigned i = 0; i < *n; i++) {
		at = model_find(at, receiver);
		cr_assert_lt(at, m.n);
		cr_assert_eq(receiver_of(&messages[i].msg_hdr),
			     m.entries[at].receiver);
		cr_assert_eq(iov[i].iov_len, m.entries[at].size);
		harness_check(iov[i].iov_base, iov[i].iov_len,
			      m.entries[at].seed, 0);
		at++;
	}
	if (*n < WEIR_DGRAM_BATCH)
		cr_assert_eq(model_find(at, receiver), m.n, "one is left out");
	return receiver;
}

static void consume(void)
{
	unsigned n;
	size_t receiver = check_peek(&n);

	n = (unsigned)harness_random_below(n + 1);
	weir_dgram_queue_consume(&m.q, n);
	while (n-- > 0)
		model_remove(model_find(0, receiver));
}

static void set_full(void)
{
	unsigned n;

	*model_is_full(check_peek(&n)) = true;
	weir_dgram_queue_set_full(&m.q);
}

static void step(void)
{
	size_t dice = harness_random_below(100);

	if (dice < 55 && m.n < MAX_MESSAGES) {
		add(dice < 5);
	} else if (dice < 65 && m.n > 0) {
		weir_dgram_queue_drop_oldest(&m.q);
		model_remove(0);
	} else if (dice < 70) {
		weir_dgram_queue_retry(&m.q);
		memset(m.is_full, 0, sizeof m.is_full);
	} else if (dice == 70) {
		weir_dgram_queue_clear(&m.q);
		m.n = 0;
		m.n_bytes = 0;
	} else if (dice < 80 && model_is_ready()) {
		set_full();
	} else if (model_is_ready()) {
		consume();
	}
}

static void behave_like_the_model(bool is_single)
{
	harness_dgram_names(receivers, N_RECEIVERS);
	memset(&m, 0, sizeof m);
	weir_dgram_queue_init(&m.q, &m.pool, is_single);
	for (int i = 0; i < N_STEPS; i++) {
		step();
		cr_assert_eq(m.q.n_messages, m.n);
		cr_assert_eq(m.q.n_bytes, m.n_bytes);
		cr_assert_eq(weir_dgram_queue_is_ready(&m.q), model_is_ready());
		if (i % 16 == 0)
			weir_dgram_queue_check(&m.q);
	}
	weir_dgram_queue_clear(&m.q);
	weir_dgram_queue_check(&m.q);
	cr_assert_eq(m.pool.n_used_bytes, 0);
	weir_pool_deinit(&m.pool);
}

Test(dgram_queue, with_a_chain_for_each_receiver_behaves_like_an_array)
{
	behave_like_the_model(false);
}

Test(dgram_queue, with_a_single_chain_behaves_like_an_array)
{
	behave_like_the_model(true);
}

/* -- what the model does not say -- */

static void begin(bool is_single)
{
	harness_dgram_names(receivers, N_RECEIVERS);
	memset(&m, 0, sizeof m);
	weir_dgram_queue_init(&m.q, &m.pool, is_single);
}

static void end(void)
{
	weir_dgram_queue_clear(&m.q);
	weir_pool_deinit(&m.pool);
}

static void add_for(size_t receiver)
{
	cr_assert_eq(queue_one(&m.q, &receivers[receiver], "x", 1, false), 0);
}

static size_t first_receiver(void)
{
	struct mmsghdr messages[WEIR_DGRAM_BATCH];
	struct iovec iov[WEIR_DGRAM_BATCH];

	weir_dgram_queue_peek(&m.q, messages, iov);
	return receiver_of(&messages[0].msg_hdr);
}

Test(dgram_queue, receivers_take_turns)
{
	begin(false);
	for (size_t i = 0; i < 3 * N_RECEIVERS; i++)
		add_for(i % N_RECEIVERS);
	for (size_t i = 0; i < 3 * N_RECEIVERS; i++) {
		cr_expect_eq(first_receiver(), i % N_RECEIVERS);
		weir_dgram_queue_consume(&m.q, 1);
	}
	cr_expect_eq(m.q.n_messages, 0);
	end();
}

Test(dgram_queue, one_that_was_full_goes_behind_the_others)
{
	begin(false);
	add_for(0);
	add_for(1);
	weir_dgram_queue_set_full(&m.q);
	cr_expect_eq(first_receiver(), 1);
	add_for(0);
	cr_expect_eq(first_receiver(), 1, "more for it does not make it ready");
	weir_dgram_queue_retry(&m.q);
	cr_expect_eq(first_receiver(), 1);
	weir_dgram_queue_consume(&m.q, 1);
	cr_expect_eq(first_receiver(), 0);
	end();
}

Test(dgram_queue, a_peek_ends_with_what_exceeds_64_kib)
{
	static const char large[40000];
	struct mmsghdr messages[WEIR_DGRAM_BATCH];
	struct iovec iov[WEIR_DGRAM_BATCH];

	begin(true);
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(queue_one(&m.q, NULL, large, sizeof large, false),
			     0);
	cr_expect_eq(weir_dgram_queue_peek(&m.q, messages, iov), 2);
	cr_expect_null(messages[0].msg_hdr.msg_name);
	cr_expect_eq(messages[0].msg_hdr.msg_namelen, 0);
	end();
}

Test(dgram_queue, without_memory_nothing_is_added)
{
	begin(false);
	add_for(0);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_expect_eq(queue_one(&m.q, &receivers[0], "x", 1, false), -ENOMEM);
	cr_expect_eq(m.q.n_messages, 1);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_expect_eq(queue_one(&m.q, &receivers[1], "x", 1, false), -ENOMEM);
	weir_dgram_queue_check(&m.q);
	cr_expect_not(weir_dgram_queue_is_before(&m.q, &receivers[1]));
	end();
}

Test(dgram_queue, all_that_it_holds_is_on_the_pools_account)
{
	begin(false);
	add_for(0);
	cr_expect_eq(m.pool.n_used_bytes,
		     sizeof(struct weir_dgram_message) + receivers[0].len + 1);
	weir_dgram_queue_drop_oldest(&m.q);
	cr_expect_eq(m.pool.n_used_bytes, 0);
	end();
}
