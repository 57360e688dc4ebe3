/* Opening a datagram socket: bound, connected, or taken over. */
#include "dgram.h"
#include "loop.h"
#include "size.h"
#include "socket_file.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	MAX_RECEIVE = 67108864
};

static struct weir_dgram_buffers *buffers_new(size_t receive_max,
					      bool has_share)
{
	struct weir_dgram_buffers *in;
	size_t n_share = has_share ? sizeof *in->share : 0;
	size_t i;

	if (receive_max >
	    (SIZE_MAX - sizeof *in - n_share) / WEIR_DGRAM_RECEIVE_BATCH)
		return NULL;
	in = weir_sys_alloc(sizeof *in + n_share +
			    WEIR_DGRAM_RECEIVE_BATCH * receive_max);
	if (!in)
		return NULL;
	memset(in, 0, sizeof *in);
	if (has_share)
		in->share = (struct weir_dgram_share *)(void *)in->bytes;
	for (i = 0; i < WEIR_DGRAM_RECEIVE_BATCH; i++) {
		struct msghdr *header = &in->messages[i].msg_hdr;

		in->iov[i].iov_base = in->bytes + n_share + i * receive_max;
		in->iov[i].iov_len = receive_max;
		in->received[i].from.type = SOCK_DGRAM;
		in->received[i].data = in->iov[i].iov_base;
		header->msg_iov = &in->iov[i];
		header->msg_iovlen = 1;
		header->msg_name = &in->received[i].from.sa;
	}
	return in;
}

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
	struct weir_dgram_buffers *in =
		buffers_new(draft->options.receive_max, !is_single);
	int sndbuf = 0;
	int error = 0;

	assert(!d->watch.loop);
	if (!in)
		return -ENOMEM;
	if (!is_single)
		error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf);
	if (error == 0)
		error = weir_watch_open(&d->watch, loop, fd, EPOLLIN,
					weir_dgram_on_ready);
	if (error < 0) {
		weir_sys_free(in);
		return error;
	}
	d->watch.kind = WEIR_WORK_DGRAM;
	draft->watch = d->watch;
	*d = *draft;
	d->buffers = in;
	d->retry_ns = WEIR_DGRAM_MIN_RETRY_NS;
	weir_dgram_queue_init(&in->queue, &loop->pool, is_single);
	if (in->share)
		weir_dgram_share_init(in->share, (size_t)sndbuf);
	return 0;
}

static int read_name(int (*get)(int, struct sockaddr *, socklen_t *), int fd,
		     struct weir_address *address)
{
	socklen_t len = sizeof address->sa;
	int error = get(fd, &address->sa.any, &len);

	address->type = SOCK_DGRAM;
	address->len = (socklen_t)weir_smaller(len, sizeof address->sa);
	return error;
}

static int bind_to(int fd, const struct weir_address *address,
		   struct weir_dgram *draft)
{
	int error = 0;

	draft->is_wildcard = weir_dgram_source_is_wildcard(address);
	if (draft->is_wildcard)
		error = weir_dgram_source_ask(fd, address->sa.any.sa_family);
	if (error == 0)
		error = weir_socket_file_bind(fd, address, &draft->file);
	if (error < 0)
		return error;
	error = read_name(weir_sys_getsockname, fd, &draft->address);
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

static bool is_bound(const struct weir_address *address)
{
	switch (address->sa.any.sa_family) {
	case AF_INET:
		return address->sa.in.sin_port != 0;
	case AF_INET6:
		return address->sa.in6.sin6_port != 0;
	default:
		return address->len > sizeof address->sa.any.sa_family;
	}
}

/* Fill in draft by what fd is; -EINVAL: it is of no use. */
static int examine(int fd, struct weir_dgram *draft)
{
	struct weir_address peer;
	int error;
	int type;
	int family;

	error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type);
	if (error == 0)
		error = read_name(weir_sys_getsockname, fd, &draft->address);
	if (error < 0)
		return error;
	family = draft->address.sa.any.sa_family;
	if (type != SOCK_DGRAM ||
	    (family != AF_UNIX && family != AF_INET && family != AF_INET6))
		return -EINVAL;
	error = read_name(weir_sys_getpeername, fd, &peer);
	draft->is_connected = error == 0;
	if (error < 0 && error != -ENOTCONN)
		return error;
	if (!draft->is_connected && !is_bound(&draft->address))
		return -EINVAL;
	draft->is_wildcard = !draft->is_connected &&
			     weir_dgram_source_is_wildcard(&draft->address);
	if (draft->is_connected)
		draft->address = peer;
	return 0;
}

int weir_dgram_adopt(struct weir_dgram *d, struct weir_loop *loop, int fd,
		     const struct weir_dgram_events *events,
		     const struct weir_dgram_options *options)
{
	struct weir_dgram draft = {.events = events};
	int error;

	fill_in(&draft.options, options);
	if (!is_valid(&draft.options))
		return -EINVAL;
	error = examine(fd, &draft);
	if (error == 0 && draft.is_wildcard)
		error = weir_dgram_source_ask(fd,
					      draft.address.sa.any.sa_family);
	return error < 0 ? error : start(d, loop, fd, &draft);
}
