/* The queue of datagrams against a naive model: an array in order of age. */
#include "dgram_queue.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fault.h"
#include "fuzz.h"
#include "harness_net.h"

enum {
	N_RECEIVERS = 5,
	MAX_MESSAGES = 256,
	MAX_SIZE = 70000,
	MAX_CONTROL = 64
};

struct entry {
	size_t receiver;
	uint64_t seed; /* of its bytes */
	size_t size;
	size_t n_control;
};

static struct {
	struct weir_pool pool;
	struct weir_dgram_queue q;
	struct entry entries[MAX_MESSAGES]; /* by age */
	size_t n;
	size_t n_bytes;
	bool is_full[N_RECEIVERS];
	uint64_t seed;
} m;

static struct weir_address receivers[N_RECEIVERS];
static unsigned char bytes[MAX_SIZE];
static unsigned char control[MAX_CONTROL];

/* In a single queue all receivers are one. */
static size_t chain_of(size_t receiver)
{
	return m.q.is_single ? 0 : receiver;
}

/* The oldest from i on of a chain; m.n: there is none. */
static size_t find(size_t i, size_t chain)
{
	while (i < m.n && chain_of(m.entries[i].receiver) != chain)
		i++;
	return i;
}

static void forget(size_t i)
{
	m.n--;
	m.n_bytes -= m.entries[i].size;
	memmove(&m.entries[i], &m.entries[i + 1],
		(m.n - i) * sizeof m.entries[0]);
}

static bool is_ready(void)
{
	size_t i;

	for (i = 0; i < m.n; i++)
		if (!m.is_full[chain_of(m.entries[i].receiver)])
			return true;
	return false;
}

static void add(struct fuzz *f)
{
	size_t receiver = fuzz_below(f, N_RECEIVERS);
	size_t size = fuzz_size(f, MAX_SIZE);
	uint8_t flags = fuzz_byte(f);
	size_t n_control = flags & 4 ? fuzz_below(f, MAX_CONTROL + 1) : 0;
	bool is_new = find(0, chain_of(receiver)) == m.n;
	struct iovec iov = {bytes, size};
	struct msghdr header = {.msg_name = &receivers[receiver].sa,
				.msg_namelen = receivers[receiver].len,
				.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = n_control};
	int error;

	fuzz_want(weir_dgram_queue_is_before(&m.q, &receivers[receiver]) ==
			  !is_new,
		  "it is unknown whether one waits before");
	if (flags & 2)
		fault_next(FAULT_ALLOC, -ENOMEM);
	harness_fill(bytes, size, m.seed + 1, 0);
	harness_fill(control, n_control, m.seed + 1, 0);
	error = weir_dgram_queue_add(&m.q, &header, flags & 1);
	fault_reset();
	fuzz_want(error == (flags & 2 ? -ENOMEM : 0), "a wrong result");
	if (error < 0)
		return;
	m.entries[m.n++] = (struct entry){receiver, ++m.seed, size, n_control};
	m.n_bytes += size;
	if (is_new)
		m.is_full[chain_of(receiver)] = flags & 1;
}

static size_t receiver_of(const struct msghdr *header)
{
	size_t i;

	for (i = 0; i < N_RECEIVERS; i++)
		if (header->msg_namelen == receivers[i].len &&
		    memcmp(header->msg_name, &receivers[i].sa,
			   receivers[i].len) == 0)
			return i;
	harness_die("a message is for nobody");
}

static void check_entry(const struct msghdr *header, const struct entry *e)
{
	fuzz_want(receiver_of(header) == e->receiver, "one overtakes another");
	fuzz_want(header->msg_iovlen == 1 &&
			  header->msg_iov->iov_len == e->size,
		  "a wrong size");
	harness_check(header->msg_iov->iov_base, e->size, e->seed, 0);
	fuzz_want(header->msg_controllen == e->n_control, "wrong control");
	harness_check(header->msg_control, e->n_control, e->seed, 0);
}

/* What is described must be the oldest of a chain that is not full; which. */
static size_t check_peek(unsigned *n)
{
	struct mmsghdr messages[WEIR_DGRAM_BATCH];
	struct iovec iov[WEIR_DGRAM_BATCH];
	size_t chain;
	size_t at = 0;
	unsigned i;

	*n = weir_dgram_queue_peek(&m.q, messages, iov);
	fuzz_want(*n > 0 && *n <= WEIR_DGRAM_BATCH, "a wrong count");
	chain = chain_of(receiver_of(&messages[0].msg_hdr));
	fuzz_want(!m.is_full[chain], "a full receiver is tried");
	for (i = 0; i < *n; i++) {
		at = find(at, chain);
		fuzz_want(at < m.n, "there are not so many");
		check_entry(&messages[i].msg_hdr, &m.entries[at]);
		at++;
	}
	return chain;
}

static void consume(struct fuzz *f)
{
	unsigned n;
	size_t chain = check_peek(&n);

	n = (unsigned)fuzz_below(f, n + 1);
	weir_dgram_queue_consume(&m.q, n);
	while (n-- > 0)
		forget(find(0, chain));
}

static void set_full(void)
{
	unsigned n;

	m.is_full[check_peek(&n)] = true;
	weir_dgram_queue_set_full(&m.q);
}

static void step(struct fuzz *f)
{
	switch (fuzz_below(f, 8)) {
	case 0:
		weir_dgram_queue_retry(&m.q);
		memset(m.is_full, 0, sizeof m.is_full);
		break;
	case 1:
		if (m.n > 0) {
			weir_dgram_queue_drop_oldest(&m.q);
			forget(0);
		}
		break;
	case 2:
		if (is_ready())
			set_full();
		break;
	case 3:
	case 4:
		if (is_ready())
			consume(f);
		break;
	default:
		if (m.n < MAX_MESSAGES)
			add(f);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};

	harness_dgram_names(receivers, N_RECEIVERS);
	memset(&m, 0, sizeof m);
	fault_reset();
	weir_dgram_queue_init(&m.q, &m.pool, fuzz_byte(&f) & 1);
	while (f.n > 0) {
		step(&f);
		fuzz_want(m.q.n_messages == m.n && m.q.n_bytes == m.n_bytes,
			  "the counts are wrong");
		fuzz_want(weir_dgram_queue_is_ready(&m.q) == is_ready(),
			  "it is unknown whether one is ready");
		weir_dgram_queue_check(&m.q);
	}
	weir_dgram_queue_clear(&m.q);
	weir_dgram_queue_check(&m.q);
	fuzz_want(m.pool.n_used_bytes == 0, "the pool still holds memory");
	weir_pool_deinit(&m.pool);
	fuzz_want(fault_n_live() == 0, "memory is leaked");
	return 0;
}
