/* A datagram socket: one batch received in each turn, counters, the close. */
#include "dgram.h"
#include "loop.h"
#include "size.h"
#include "socket_file.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	/* of receiving, in a row: a persistent error would spin */
	MAX_FAILURES = 16,
	/* taken from the error queue and thrown away */
	ERRORS_PER_TURN = 64
};

void weir_dgram_note_error(struct weir_dgram *d, int error)
{
	d->stats.n_errors++;
	d->stats.last_error = error;
}

/* -- receiving -- */

static int fill(struct weir_dgram *d)
{
	struct weir_dgram_buffers *in = d->buffers;
	size_t i;

	for (i = 0; i < WEIR_DGRAM_RECEIVE_BATCH; i++) {
		struct msghdr *header = &in->messages[i].msg_hdr;

		header->msg_namelen = sizeof in->received[i].from.sa;
		if (!d->is_wildcard)
			continue;
		header->msg_control = in->control[i].bytes;
		header->msg_controllen = sizeof in->control[i].bytes;
	}
	return weir_sys_recvmmsg(d->watch.fd, in->messages,
				 WEIR_DGRAM_RECEIVE_BATCH);
}

static void deliver(struct weir_dgram *d, struct weir_dgram_buffers *in,
		    size_t i)
{
	struct weir_dgram_received *received = &in->received[i];
	struct weir_address *from = &received->from;
	struct msghdr *header = &in->messages[i].msg_hdr;
	size_t max = in->iov[i].iov_len;
	size_t true_size = in->messages[i].msg_len;

	from->len =
		(socklen_t)weir_smaller(header->msg_namelen, sizeof from->sa);
	if (from->len == 0) {
		/* a Unix socket that has not been bound */
		from->sa.any.sa_family = AF_UNIX;
		from->len = sizeof from->sa.any.sa_family;
	}
	if (!d->is_connected)
		received->to = d->address;
	received->is_for_many =
		d->is_wildcard && weir_dgram_source_read(header, &received->to);
	received->true_size = true_size;
	received->n = true_size < max ? true_size : max;
	d->stats.n_received++;
	d->stats.n_truncated += true_size > max;
	d->events->on_datagram(d, received);
}

/* How many datagrams were received, or why none. */
static int receive(struct weir_dgram *d)
{
	int n = fill(d);

	if (n >= 0) {
		d->n_failures = 0;
	} else if (n != -EAGAIN) {
		/* as a rule of a datagram that we have sent (ICMP) */
		weir_dgram_note_error(d, n);
		d->is_deaf = ++d->n_failures >= MAX_FAILURES;
	}
	return n;
}

/* What the user's own options (IP_RECVERR, SO_TIMESTAMPING) have brought: it
 * keeps the socket ready until it is read. An error that recvmmsg(2) has told
 * is another, or comes again as long as the queue is not empty. A Unix socket
 * has no such queue, and would give a datagram. */
static bool has_error_queue(const struct weir_dgram *d, uint32_t events, int n)
{
	return (events & EPOLLERR) && (n >= 0 || n == -EAGAIN) &&
	       d->address.sa.any.sa_family != AF_UNIX;
}

static void discard_errors(const struct weir_dgram *d)
{
	int i;

	for (i = 0; i < ERRORS_PER_TURN; i++)
		if (weir_sys_take_error(d->watch.fd) < 0)
			return;
}

/* Tell n datagrams and, if the error queue is not empty, that. False: the dgram
 * was closed inside, and may be gone. */
static bool tell(struct weir_watch *watch, int n, bool has_errors)
{
	struct weir_dgram *d =
		weir_container_of(watch, struct weir_dgram, watch);
	struct weir_dgram_buffers *in = d->buffers;
	bool is_closed = false;
	int i;

	d->closed_inside = &is_closed;
	for (i = 0; i < n && !is_closed; i++)
		deliver(d, in, (size_t)i);
	if (!is_closed && has_errors && d->events->on_error_queue)
		d->events->on_error_queue(d);
	if (is_closed) {
		weir_sys_free(in);
		return false;
	}
	d->closed_inside = NULL;
	if (has_errors)
		discard_errors(d);
	return true;
}

void weir_dgram_on_ready(struct weir_watch *watch, uint32_t events)
{
	struct weir_dgram *d =
		weir_container_of(watch, struct weir_dgram, watch);

	if (events & EPOLLOUT)
		weir_dgram_queue_retry(&d->buffers->queue);
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		int n = receive(d);
		bool has_errors = has_error_queue(d, events, n);

		if ((n > 0 || has_errors) && !tell(watch, n, has_errors))
			return;
	}
	weir_dgram_go_on(d);
}

/* -- life -- */

void weir_dgram_stats(const struct weir_dgram *d,
		      struct weir_dgram_stats *stats)
{
	*stats = d->stats;
	stats->n_queued = d->buffers ? d->buffers->queue.n_messages : 0;
}

int weir_dgram_own_file(struct weir_dgram *d, bool is_owner)
{
	return weir_socket_file_own(&d->file, &d->address, is_owner);
}

void weir_dgram_close(struct weir_dgram *d)
{
	if (!d->watch.loop)
		return;
	d->stats.n_dropped += d->buffers->queue.n_messages;
	weir_dgram_queue_clear(&d->buffers->queue);
	weir_timer_cancel(&d->retry);
	weir_watch_close(&d->watch);
	if (d->closed_inside)
		*d->closed_inside = true; /* receive frees the buffers */
	else
		weir_sys_free(d->buffers);
	d->closed_inside = NULL;
	d->buffers = NULL;
	/* before the close, so that no process finds the file stale */
	weir_socket_file_remove(&d->file, &d->address);
	weir_sys_close(d->watch.fd);
}
