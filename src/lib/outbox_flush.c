/* Offering the queue to the kernel: memory where it lies, and files.
 *
 * A small file is read, and leaves in one call with the head in front of it
 * and with other small ones; so does, in pieces, a file that sendfile(2) cannot
 * send. Any other is sent by sendfile(2), in a call of its own.
 *
 * A call with a file behind it that fits the same packet leaves that to be
 * filled by the file (MSG_MORE). If the file does not follow at once, the packet
 * is pushed: no byte waits for what may be late. */
#include "outbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "size.h"
#include "sys.h"

enum {
	/* a turn's bytes in full chunks, and a head that is partly sent */
	MAX_IOV = WEIR_BYTES_PER_TURN / WEIR_CHUNK_SIZE + 2,
	/* up to here reading a file costs less than a sendfile(2) of it */
	SMALL_FILE = 16384,
	/* what is read for one call */
	MAX_READ = 32768,
	/* what TCP hands down as one; measured: up to here keeping the head for
	 * the file saves a sixth of the work, beyond it costs a third */
	ONE_PACKET = 65536
};

/* What one call offers. */
struct message {
	size_t n_iov;
	size_t n_bytes;
	size_t n_read; /* of them, from files */
	ssize_t error; /* of the file that is next */
	struct iovec iov[MAX_IOV];
	unsigned char read[MAX_READ];
};

static size_t smallest(uint64_t a, size_t b, size_t c)
{
	size_t smaller = weir_smaller(b, c);

	return a < smaller ? (size_t)a : smaller;
}

/* False: there is more of the file than was added. */
static bool add_file(struct message *m, const struct weir_sendq_file *file,
		     size_t max_bytes)
{
	unsigned char *to = m->read + m->n_read;
	size_t n = smallest(file->n_bytes, MAX_READ - m->n_read,
			    max_bytes - m->n_bytes);
	ssize_t n_read;

	if (n == 0 || m->n_iov == MAX_IOV)
		return false;
	n_read = weir_sys_pread(file->file->fd, to, n, file->offset);
	if (n_read <= 0) {
		m->error = n_read < 0 ? n_read : -ENODATA;
		return false;
	}
	m->iov[m->n_iov].iov_base = to;
	m->iov[m->n_iov].iov_len = (size_t)n_read;
	m->n_iov++;
	m->n_bytes += (size_t)n_read;
	m->n_read += (size_t)n_read;
	return (uint64_t)n_read == file->n_bytes;
}

static bool is_to_be_read(const struct weir_sendq_file *file)
{
	return file->n_bytes <= SMALL_FILE || file->file->is_read;
}

/* The oldest bytes, at most max_bytes of them; if the head is a file's, that
 * is to be read. Returns the file that is next, if one is. */
static const struct weir_sendq_file *fill(struct message *m,
					  const struct weir_sendq *q,
					  size_t max_bytes)
{
	const struct weir_sendq_segment *s = q->head;
	const struct weir_sendq_file *file;

	m->n_iov = 0;
	m->n_bytes = 0;
	m->n_read = 0;
	m->error = 0;
	for (;;) {
		m->n_iov += weir_sendq_peek_from(&s, m->iov + m->n_iov,
						 MAX_IOV - m->n_iov, max_bytes,
						 &m->n_bytes);
		file = weir_sendq_file_of(s);
		if (!file || (s != q->head && !is_to_be_read(file)) ||
		    !add_file(m, file, max_bytes))
			return file;
		s = s->next;
	}
}

static struct weir_offer offer_message(const struct weir_sendq *q, int fd,
				       size_t max_bytes)
{
	struct weir_offer offer = {.offered = 0};
	const struct weir_sendq_file *next;
	struct message m;
	bool is_more_to_come;

	next = fill(&m, q, max_bytes);
	if (m.n_bytes == 0) {
		offer.taken = m.error;
		return offer;
	}
	is_more_to_come = next && m.n_bytes < max_bytes &&
			  m.n_bytes + next->n_bytes <= ONE_PACKET;
	offer.offered = m.n_bytes;
	offer.taken = weir_sys_sendv(fd, m.iov, m.n_iov, is_more_to_come);
	offer.is_full = offer.taken < (ssize_t)offer.offered;
	offer.goes_on = next && !offer.is_full;
	offer.is_corked = is_more_to_come && !offer.is_full;
	return offer;
}

/* A short one may be the file's end, so only EAGAIN means full. */
static struct weir_offer offer_file(const struct weir_sendq_file *file,
				    struct weir_loop *loop, int fd,
				    size_t max_bytes)
{
	struct weir_offer offer = {
		.offered = smallest(file->n_bytes, max_bytes, max_bytes)};
	off_t offset = file->offset;

	offer.taken =
		weir_sys_sendfile(fd, file->file->fd, &offset, offer.offered,
				  weir_loop_ignores_sigpipe(loop));
	offer.is_full = offer.taken < 0;
	offer.goes_on = offer.taken == (ssize_t)offer.offered;
	return offer;
}

/* Its end is not to be believed before a read has seen it: some file systems
 * send nothing of what can be read. */
static bool is_none_for_sendfile(ssize_t taken)
{
	return taken == 0 || taken == -EINVAL || taken == -ENOSYS ||
	       taken == -EOPNOTSUPP;
}

/* On a socket that blocks sendfile(2) would wait. */
static struct weir_offer offer_queue(const struct weir_sendq *q,
				     struct weir_loop *loop, int fd,
				     size_t max_bytes)
{
	const struct weir_sendq_file *file = weir_sendq_file_of(q->head);

	if (file && !is_to_be_read(file) && weir_sys_is_nonblocking(fd)) {
		struct weir_offer offer = offer_file(file, loop, fd, max_bytes);

		if (!is_none_for_sendfile(offer.taken))
			return offer;
		file->file->is_read = true;
	}
	return offer_message(q, fd, max_bytes);
}

/* What the log owes it; nothing is in the queue. */
static struct weir_offer offer_log(struct weir_follower *f, int fd,
				   size_t max_bytes)
{
	struct weir_offer offer = {.offered = 0};
	struct iovec iov[MAX_IOV];
	size_t n_iov;

	if (weir_follower_n_notice(f) == 0)
		weir_follower_pass_gap(f);
	n_iov = weir_follower_peek(f, iov, MAX_IOV, max_bytes, &offer.offered);
	offer.taken = weir_sys_sendv(fd, iov, n_iov, false);
	offer.is_full = offer.taken < (ssize_t)offer.offered;
	return offer;
}

/* The kernel took a part of the offer, of the queue or else of the log, which
 * follows the queue. */
static void consume(struct weir_backlog *backlog, struct weir_offer *offer,
		    bool is_of_queue)
{
	struct weir_follower *f = backlog->follower;

	if (!is_of_queue) {
		weir_follower_consume(f, (size_t)offer->taken);
		return;
	}
	weir_sendq_consume(&backlog->queue, (size_t)offer->taken);
	if (f && !offer->is_full && weir_sendq_is_empty(&backlog->queue))
		offer->goes_on = weir_follower_n_queued(f) > 0;
}

/* Let TCP send what it keeps of the offer before, if it took nothing of this
 * one. Other sockets keep nothing, and refuse the option. */
static void keep_moving(struct weir_backlog *backlog, int fd,
			const struct weir_offer *offer)
{
	if (backlog->is_corked && offer->taken == 0)
		weir_sys_setsockopt(fd, IPPROTO_TCP, TCP_CORK, 0);
	backlog->is_corked = offer->is_corked;
}

struct weir_offer weir_outbox_flush(struct weir_outbox *o,
				    struct weir_loop *loop, int fd,
				    size_t max_bytes, bool is_first_offer)
{
	struct weir_sendq *q = &o->backlog->queue;
	bool is_of_queue = !weir_sendq_is_empty(q);
	struct weir_offer offer;

	if (is_of_queue)
		offer = offer_queue(q, loop, fd, max_bytes);
	else
		offer = offer_log(o->backlog->follower, fd, max_bytes);
	if (offer.taken == -EAGAIN ||
	    (is_first_offer && weir_outbox_is_passing(offer.taken)))
		offer.taken = 0;
	if (offer.taken < 0)
		return offer;
	keep_moving(o->backlog, fd, &offer);
	consume(o->backlog, &offer, is_of_queue);
	weir_loop_spend(loop, (size_t)offer.taken);
	weir_outbox_count_taken(o, loop, &offer);
	weir_outbox_update(o, loop);
	return offer;
}
