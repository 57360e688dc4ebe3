/* A datagram socket: its life, and one batch received in each turn. */
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
	ERRORS_PER_TURN = 64,
	MAX_RECEIVE = 67108864
};

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
		in->received[i].from.type = SOCK_DGRAM;
		in->received[i].data = in->iov[i].iov_base;
		header->msg_iov = &in->iov[i];
		header->msg_iovlen = 1;
		header->msg_name = &in->received[i].from.sa;
	}
	return in;
}

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
	if (d->is_wildcard)
		weir_dgram_source_read(header, &received->to);
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

static void handle_event(struct weir_watch *watch, uint32_t events)
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

static bool is_valid(const struct weir_dgram_options *options)
{
	return options->sndbuf >= 0 && options->rcvbuf >= 0 &&
	       options->receive_max <= MAX_RECEIVE &&
	       (options->policy == WEIR_DGRAM_DROP_NEWEST ||
		options->policy == WEIR_DGRAM_DROP_OLDEST);
}

static void fill_in(struct weir_dgram_options *options,
		    const struct weir_dgram_options *given)
{
	if (given)
		*options = *given;
	if (options->receive_max == 0)
		options->receive_max = WEIR_DGRAM_MAX;
	if (options->queue_bytes == 0)
		options->queue_bytes = WEIR_DGRAM_DEFAULT_QUEUE_BYTES;
	if (options->queue_messages == 0)
		options->queue_messages = WEIR_DGRAM_DEFAULT_QUEUE_MESSAGES;
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

	if (address->type != SOCK_DGRAM || !is_valid(options))
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
	error = weir_watch_open(&d->watch, loop, fd, EPOLLIN, handle_event);
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
	int error = 0;

	draft->is_wildcard = weir_dgram_source_is_wildcard(address);
	if (draft->is_wildcard)
		error = weir_dgram_source_ask(fd, address->sa.any.sa_family);
	if (error == 0)
		error = weir_socket_file_bind(fd, address, &draft->file);
	if (error < 0)
		return error;
	error = weir_sys_getsockname(fd, &draft->address.sa.any, &len);
	draft->address.type = SOCK_DGRAM;
	draft->address.len =
		(socklen_t)weir_smaller(len, sizeof draft->address.sa);
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
