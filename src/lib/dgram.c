/* A datagram socket: its life, and one batch received in each turn. */
#include "dgram.h"
#include "loop.h"
#include "socket_file.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	/* of receiving, in a row: a persistent error would spin */
	MAX_FAILURES = 16,
	DEFAULT_QUEUE_BYTES = 262144,
	DEFAULT_QUEUE_MESSAGES = 1024
};

static socklen_t smaller(socklen_t a, size_t b)
{
	return a < b ? a : (socklen_t)b;
}

void weir_dgram_note_error(struct weir_dgram *d, int error)
{
	d->stats.n_errors++;
	d->stats.last_error = error;
}

/* -- receiving -- */

static struct weir_dgram_buffers *buffers_new(size_t receive_max)
{
	struct weir_dgram_buffers *in;
	size_t i;

	if (receive_max > (SIZE_MAX - sizeof *in) / WEIR_DGRAM_RECEIVE_BATCH)
		return NULL;
	in = weir_sys_alloc(sizeof *in +
			    WEIR_DGRAM_RECEIVE_BATCH * receive_max);
	if (!in)
		return NULL;
	memset(in, 0, sizeof *in);
	for (i = 0; i < WEIR_DGRAM_RECEIVE_BATCH; i++) {
		struct msghdr *header = &in->messages[i].msg_hdr;

		in->iov[i].iov_base = in->bytes + i * receive_max;
		in->iov[i].iov_len = receive_max;
		in->from[i].type = SOCK_DGRAM;
		header->msg_iov = &in->iov[i];
		header->msg_iovlen = 1;
		header->msg_name = &in->from[i].sa;
	}
	return in;
}

static int fill(struct weir_dgram *d)
{
	struct weir_dgram_buffers *in = d->buffers;
	size_t i;

	for (i = 0; i < WEIR_DGRAM_RECEIVE_BATCH; i++)
		in->messages[i].msg_hdr.msg_namelen = sizeof in->from[i].sa;
	return weir_sys_recvmmsg(d->watch.fd, in->messages,
				 WEIR_DGRAM_RECEIVE_BATCH);
}

static void deliver(struct weir_dgram *d, struct weir_dgram_buffers *in,
		    size_t i)
{
	struct weir_address *from = &in->from[i];
	size_t max = in->iov[i].iov_len;
	size_t true_size = in->messages[i].msg_len;

	from->len =
		smaller(in->messages[i].msg_hdr.msg_namelen, sizeof from->sa);
	if (from->len == 0) {
		/* a Unix socket that has not been bound */
		from->sa.any.sa_family = AF_UNIX;
		from->len = sizeof from->sa.any.sa_family;
	}
	d->stats.n_received++;
	d->stats.n_truncated += true_size > max;
	d->events->on_datagram(d, from, in->iov[i].iov_base,
			       true_size < max ? true_size : max, true_size);
}

/* False: the dgram was closed inside, and may be gone. */
static bool receive(struct weir_watch *watch)
{
	struct weir_dgram *d =
		weir_container_of(watch, struct weir_dgram, watch);
	struct weir_dgram_buffers *in = d->buffers;
	bool is_closed = false;
	int n = fill(d);
	int i;

	if (n == -EAGAIN)
		return true;
	if (n < 0) {
		/* usually the error of a datagram that we have sent (ICMP) */
		weir_dgram_note_error(d, n);
		d->is_deaf = ++d->n_failures >= MAX_FAILURES;
		return true;
	}
	d->n_failures = 0;
	d->closed_inside = &is_closed;
	for (i = 0; i < n && !is_closed; i++)
		deliver(d, in, (size_t)i);
	if (is_closed)
		weir_sys_free(in);
	else
		d->closed_inside = NULL;
	return !is_closed;
}

static void get_ready(struct weir_watch *watch, uint32_t events)
{
	struct weir_dgram *d =
		weir_container_of(watch, struct weir_dgram, watch);

	if (events & EPOLLOUT)
		weir_dgram_queue_retry(&d->buffers->queue);
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && !receive(watch))
		return;
	weir_dgram_go_on(d);
}

/* -- life -- */

static void fill_in(struct weir_dgram_options *options,
		    const struct weir_dgram_options *given)
{
	if (given)
		*options = *given;
	if (options->receive_max == 0)
		options->receive_max = WEIR_DGRAM_MAX;
	if (options->queue_bytes == 0)
		options->queue_bytes = DEFAULT_QUEUE_BYTES;
	if (options->queue_messages == 0)
		options->queue_messages = DEFAULT_QUEUE_MESSAGES;
}

static int set_options(int fd, int family,
		       const struct weir_dgram_options *options)
{
	int error = 0;

	if (family == AF_INET6)
		error = weir_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (error == 0 && options->sndbuf > 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
					    options->sndbuf);
	if (error == 0 && options->rcvbuf > 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
					    options->rcvbuf);
	return error;
}

/* The socket for a new dgram, or a negative errno. */
static int open_socket(const struct weir_address *address,
		       const struct weir_dgram_options *options)
{
	int family = address->sa.any.sa_family;
	int error;
	int fd;

	if (address->type != SOCK_DGRAM)
		return -EINVAL;
	fd = weir_sys_socket(family, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	error = set_options(fd, family, options);
	if (error == 0)
		return fd;
	weir_sys_close(fd);
	return error;
}

/* Open d as a copy of draft, on fd. */
static int start(struct weir_dgram *d, struct weir_loop *loop, int fd,
		 struct weir_dgram *draft)
{
	bool is_single = draft->is_connected ||
			 draft->address.sa.any.sa_family != AF_UNIX;
	struct weir_dgram_buffers *in = buffers_new(draft->options.receive_max);
	int error;

	assert(!d->watch.loop);
	if (!in)
		return -ENOMEM;
	error = weir_watch_open(&d->watch, loop, fd, EPOLLIN, get_ready);
	if (error < 0) {
		weir_sys_free(in);
		return error;
	}
	d->watch.kind = WEIR_WORK_DGRAM;
	draft->watch = d->watch;
	*d = *draft;
	d->buffers = in;
	d->retry_ns = WEIR_DGRAM_MIN_RETRY_NS;
	weir_dgram_queue_init(&d->buffers->queue, &loop->pool, is_single);
	return 0;
}

static int bind_to(int fd, const struct weir_address *address,
		   struct weir_dgram *draft)
{
	socklen_t len = sizeof draft->address.sa;
	int error = weir_socket_file_bind(fd, address, &draft->file);

	if (error < 0)
		return error;
	error = weir_sys_getsockname(fd, &draft->address.sa.any, &len);
	draft->address.type = SOCK_DGRAM;
	draft->address.len = smaller(len, sizeof draft->address.sa);
	if (error < 0)
		weir_socket_file_remove(&draft->file, address);
	return error;
}

int weir_dgram_bind(struct weir_dgram *d, struct weir_loop *loop,
		    const struct weir_address *address,
		    const struct weir_dgram_events *events,
		    const struct weir_dgram_options *options)
{
	struct weir_dgram draft = {.events = events};
	int error;
	int fd;

	fill_in(&draft.options, options);
	fd = open_socket(address, &draft.options);
	if (fd < 0)
		return fd;
	error = bind_to(fd, address, &draft);
	if (error == 0) {
		error = start(d, loop, fd, &draft);
		if (error == 0)
			return 0;
		weir_socket_file_remove(&draft.file, address);
	}
	weir_sys_close(fd);
	return error;
}

/* On Unix a socket has no name unless it is bound; without a path the kernel
 * chooses an abstract one (unix(7), autobind). */
static int connect_to(int fd, const struct weir_address *address)
{
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	int error = 0;

	if (address->sa.any.sa_family == AF_UNIX)
		error = weir_sys_bind(fd, &unnamed, sizeof unnamed.sa_family);
	if (error == 0)
		error = weir_sys_connect(fd, &address->sa.any, address->len);
	return error;
}

int weir_dgram_connect(struct weir_dgram *d, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_dgram_events *events,
		       const struct weir_dgram_options *options)
{
	struct weir_dgram draft = {
		.events = events, .address = *address, .is_connected = true};
	int error;
	int fd;

	fill_in(&draft.options, options);
	fd = open_socket(address, &draft.options);
	if (fd < 0)
		return fd;
	error = connect_to(fd, address);
	if (error == 0)
		error = start(d, loop, fd, &draft);
	if (error < 0)
		weir_sys_close(fd);
	return error;
}

void weir_dgram_stats(const struct weir_dgram *d,
		      struct weir_dgram_stats *stats)
{
	*stats = d->stats;
	stats->n_queued = d->buffers ? d->buffers->queue.n_messages : 0;
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
