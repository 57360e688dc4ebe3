/* The send queue against a naive model: an array of pieces, each appended by
 * one call, of which some bytes are gone or all are dropped. A byte is known by
 * its place in the stream of all bytes that were ever appended. */
#include "sendq.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"

enum {
	MAX_PIECES = 512,
	MAX_IOV = 8,
	MAX_BYTES = 3 * WEIR_CHUNK_SIZE
};

enum kind {
	COPIED,
	SHARED,
	A_FILE
};

struct piece {
	enum kind kind;
	uint64_t at; /* its first byte's place */
	uint64_t n;
	uint64_t n_gone;
	uint64_t time_ns;
	size_t padding;
	bool is_whole; /* of a buffer's bytes none was left out */
	bool is_dropped;
};

static struct {
	struct weir_pool pool;
	struct weir_sendq q;
	struct piece pieces[MAX_PIECES];
	size_t n_pieces;
	size_t first; /* those before it are gone */
	uint64_t n_appended;
	uint64_t now_ns;
} m;

static unsigned char bytes[MAX_BYTES];

/* -- the model -- */

static bool is_there(const struct piece *p)
{
	return !p->is_dropped && p->n_gone < p->n;
}

/* The next that is there from i on; n_pieces: none is. */
static size_t next_from(size_t i)
{
	while (i < m.n_pieces && !is_there(&m.pieces[i]))
		i++;
	return i;
}

static void append(struct piece piece)
{
	piece.at = m.n_appended;
	piece.time_ns = m.now_ns;
	m.pieces[m.n_pieces++] = piece;
	m.n_appended += piece.n;
}

/* Bytes in memory from piece i on, up to the first file. */
static uint64_t n_until_file(size_t i)
{
	uint64_t n = 0;

	for (; i < m.n_pieces && m.pieces[i].kind != A_FILE;
	     i = next_from(i + 1))
		n += m.pieces[i].n - m.pieces[i].n_gone;
	return n;
}

static void take(uint64_t n)
{
	while (n > 0) {
		struct piece *p = &m.pieces[m.first];
		uint64_t left = p->n - p->n_gone;
		uint64_t part = n < left ? n : left;

		p->n_gone += part;
		n -= part;
		m.first = next_from(m.first);
	}
}

static uint64_t place_of(const struct piece *p)
{
	return p->at + p->n_gone;
}

static void check(void)
{
	uint64_t n_bytes = 0;
	uint64_t n_file_bytes = 0;
	size_t n_files = 0;
	size_t padding = 0;
	uint64_t oldest_ns = weir_sendq_oldest_ns(&m.q);
	size_t i;

	for (i = m.first; i < m.n_pieces; i = next_from(i + 1)) {
		const struct piece *p = &m.pieces[i];

		*(p->kind == A_FILE ? &n_file_bytes : &n_bytes) +=
			p->n - p->n_gone;
		padding += p->padding;
		n_files += p->kind == A_FILE;
	}
	weir_sendq_check(&m.q);
	fuzz_want(weir_sendq_n_bytes(&m.q) == n_bytes, "bytes are miscounted");
	fuzz_want(weir_sendq_length(&m.q) == n_bytes + n_file_bytes,
		  "bytes of files are miscounted");
	fuzz_want(weir_sendq_n_files(&m.q) == n_files, "files are miscounted");
	fuzz_want(weir_sendq_weight(&m.q) == n_bytes + padding,
		  "the weight is wrong");
	fuzz_want((oldest_ns == 0) == (m.first == m.n_pieces) &&
			  (oldest_ns == 0 ||
			   oldest_ns <= m.pieces[m.first].time_ns),
		  "the oldest byte's age is wrong");
	fuzz_want(fault_n_live_bytes() >=
			  m.pool.n_used_bytes + m.pool.n_free_bytes,
		  "the pool counts what it does not hold");
}

/* -- the operations -- */

static bool fail_sometimes(struct fuzz *f)
{
	uint8_t dice = fuzz_byte(f);

	fault_reset();
	if (dice >= 64)
		return false;
	fault_fail_call(1 + dice % 4);
	return true;
}

static void want_result(int error)
{
	fuzz_want(error == (fault_hit() == FAULT_NONE ? 0 : -ENOMEM),
		  "a wrong result");
}

static void reserve_and_append(struct fuzz *f)
{
	size_t n = 1 + fuzz_size(f, MAX_BYTES - 1);
	size_t n_portions = fuzz_below(f, 4);
	int error;

	fail_sometimes(f);
	error = weir_sendq_reserve(&m.q, n);
	want_result(error);
	check();
	/* what was reserved is there for the very next appends */
	fault_reset();
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	while (error == 0 && n > 0 && n_portions-- > 0) {
		size_t portion = 1 + fuzz_below(f, n);

		if (m.n_pieces == MAX_PIECES)
			break;
		harness_fill(bytes, portion, 1, m.n_appended);
		weir_sendq_append(&m.q, bytes, portion, m.now_ns);
		append((struct piece){.kind = COPIED, .n = portion});
		n -= portion;
	}
}

static void append_buf(struct fuzz *f)
{
	size_t n = 1 + fuzz_size(f, MAX_BYTES - 1);
	size_t begin = fuzz_byte(f) & 1 ? fuzz_below(f, n) : 0;
	struct weir_buf *buf;
	int error;

	fault_reset();
	buf = weir_buf_new(n);
	fuzz_want(buf != NULL, "no buffer");
	harness_fill(weir_buf_data(buf), n, 1, m.n_appended - begin);
	fail_sometimes(f);
	error = weir_sendq_append_buf(&m.q, buf, begin, m.now_ns);
	want_result(error);
	if (error == 0)
		append((struct piece){.kind = SHARED,
				      .n = n - begin,
				      .padding = n < 64 ? 64 - n : 0,
				      .is_whole = begin == 0});
	weir_buf_unref(buf);
}

static void append_segment(struct fuzz *f)
{
	size_t n = 1 + fuzz_size(f, MAX_BYTES - 1);
	struct weir_sendq_segment *s;

	fail_sometimes(f);
	s = weir_sendq_segment_new(&m.pool, n);
	fuzz_want((s == NULL) == (fault_hit() == FAULT_ALLOC),
		  "a wrong result");
	if (!s)
		return;
	n = 1 + fuzz_below(f, n);
	harness_fill(s->bytes, n, 1, m.n_appended);
	s->end = (uint32_t)n;
	s->queued_ns = m.now_ns;
	weir_sendq_append_segment(&m.q, s);
	append((struct piece){.kind = COPIED, .n = n});
}

static void append_file(struct fuzz *f)
{
	uint64_t n = 1 + fuzz_below(f, 1 << 20);
	struct weir_file *file;
	int error;

	fault_reset();
	error = weir_file_new(&file, open("/dev/zero", O_RDONLY | O_CLOEXEC));
	fuzz_want(error == 0, "no file");
	fail_sometimes(f);
	error = weir_sendq_append_file(&m.q, file, (off_t)n, n, m.now_ns);
	want_result(error);
	weir_file_unref(file);
	if (error == 0)
		append((struct piece){.kind = A_FILE,
				      .n = n,
				      .padding = WEIR_SENDQ_FILE_WEIGHT});
}

/* Bytes are those of the pieces, and it goes as far as it may. */
static void peek(struct fuzz *f)
{
	struct iovec iov[MAX_IOV];
	size_t max_iov = fuzz_below(f, MAX_IOV + 1);
	size_t max_bytes = fuzz_size(f, MAX_BYTES);
	uint64_t n_there = n_until_file(m.first);
	const struct weir_sendq_segment *at_end = m.q.head;
	size_t i = m.first;
	uint64_t n_of_piece = 0;
	size_t n_bytes = 0;
	size_t n_iov = weir_sendq_peek_from(&at_end, iov, max_iov, max_bytes,
					    &n_bytes);
	uint64_t left = n_bytes;

	fuzz_want(n_iov <= max_iov && n_bytes <= max_bytes, "too much");
	for (size_t k = 0; k < n_iov; k++) {
		const unsigned char *at = iov[k].iov_base;

		fuzz_want(iov[k].iov_len > 0 && iov[k].iov_len <= left,
			  "empty");
		left -= iov[k].iov_len;
		while (iov[k].iov_len > 0) {
			const struct piece *p = &m.pieces[i];
			uint64_t n = p->n - p->n_gone - n_of_piece;

			n = n < iov[k].iov_len ? n : iov[k].iov_len;
			harness_check(at, n, 1, place_of(p) + n_of_piece);
			at += n;
			iov[k].iov_len -= n;
			n_of_piece += n;
			if (n_of_piece == p->n - p->n_gone) {
				i = next_from(i + 1);
				n_of_piece = 0;
			}
		}
	}
	fuzz_want(left == 0, "the bytes are miscounted");
	if (n_iov < max_iov)
		fuzz_want(n_bytes ==
				  (n_there < max_bytes ? n_there : max_bytes),
			  "it leaves out what there was room for");
	fuzz_want((at_end && !weir_sendq_file_of(at_end)) ==
			  (n_bytes < n_there),
		  "it is unknown what is not described");
}

/* What is in front, up to any place, files and memory alike. */
static void consume(struct fuzz *f)
{
	struct weir_sendq_file *file = weir_sendq_file_of(m.q.head);
	const struct piece *p = &m.pieces[m.first];
	bool is_file = m.first < m.n_pieces && p->kind == A_FILE;
	uint8_t dice = fuzz_byte(f);
	uint64_t n = weir_sendq_length(&m.q);

	fuzz_want((file != NULL) == is_file, "it is unknown what is in front");
	if (file)
		fuzz_want(file->n_bytes == p->n - p->n_gone &&
				  (uint64_t)file->offset == p->n + p->n_gone,
			  "a file's bytes are miscounted");
	if (dice & 2)
		n = file ? file->n_bytes : n_until_file(m.first);
	if (dice & 1)
		n = fuzz_below(f, n + 1);
	weir_sendq_consume(&m.q, n);
	take(n);
}

/* The next that trim may drop is told of, by its place in the queue. */
static void on_drop(void *user, uint64_t at, uint64_t n)
{
	size_t *i = user;
	struct piece *p;

	do
		*i = next_from(*i + 1);
	while (*i < m.n_pieces &&
	       !(m.pieces[*i].kind == SHARED && m.pieces[*i].is_whole &&
		 m.pieces[*i].n_gone == 0));
	fuzz_want(*i < m.n_pieces, "more is dropped than can be");
	p = &m.pieces[*i];
	fuzz_want(n == p->n, "not the whole buffer is dropped");
	fuzz_want(at == p->at - place_of(&m.pieces[m.first]),
		  "it is dropped from elsewhere");
	p->is_dropped = true;
	m.first = next_from(m.first);
}

static void trim(struct fuzz *f)
{
	size_t target = fuzz_size(f, MAX_BYTES);
	size_t weight = weir_sendq_weight(&m.q);
	size_t i = m.first - 1; /* so that the first is the next */
	size_t n = weir_sendq_trim(&m.q, target, on_drop, &i);

	fuzz_want(weight > target || n == 0, "it drops for no reason");
	if (weir_sendq_weight(&m.q) <= target)
		return;
	for (i = next_from(i + 1); i < m.n_pieces; i = next_from(i + 1))
		fuzz_want(m.pieces[i].kind != SHARED || !m.pieces[i].is_whole ||
				  m.pieces[i].n_gone > 0,
			  "it drops less than asked for");
}

static void on_tell(void *user, uint64_t at, uint64_t n)
{
	uint64_t *total = user;

	fuzz_want(n > 0 && at >= *total, "told out of order");
	*total += n;
}

static void tell(void)
{
	uint64_t total = 0;

	weir_sendq_tell(&m.q, on_tell, &total);
	fuzz_want(total == weir_sendq_length(&m.q), "not all is told of");
}

static void step(struct fuzz *f)
{
	m.now_ns++;
	switch (fuzz_below(f, 16)) {
	case 0:
		weir_sendq_release(&m.q);
		break;
	case 1:
		weir_sendq_clear(&m.q);
		m.first = m.n_pieces;
		fuzz_want(m.pool.n_used_bytes == 0, "clear leaves something");
		break;
	case 2:
		trim(f);
		break;
	case 3:
		tell();
		break;
	case 4:
		append_file(f);
		break;
	case 5:
		append_segment(f);
		break;
	case 6:
	case 7:
	case 8:
		append_buf(f);
		break;
	case 9:
	case 10:
		peek(f);
		break;
	case 11:
	case 12:
		consume(f);
		break;
	default:
		reserve_and_append(f);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};

	memset(&m, 0, sizeof m);
	m.q.pool = &m.pool;
	fault_reset();
	while (f.n > 0 && m.n_pieces < MAX_PIECES - 1) {
		step(&f);
		check();
	}
	fault_reset();
	weir_sendq_clear(&m.q);
	weir_pool_deinit(&m.pool);
	fuzz_want(fault_n_live() == 0, "memory is leaked");
	return 0;
}
