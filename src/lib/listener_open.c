/* The opening of a listener: on a socket made and bound for it, or on one that
 * listens already and may belong to other processes too. */
#include "listener.h"
#include "loop.h"
#include "size.h"
#include "socket_file.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>

/* IPv6 stays IPv6 only, so that [::] and 0.0.0.0 can share a port. */
static int set_tcp_options(int fd, int family,
			   const struct weir_listener_options *options)
{
	const struct {
		bool is_wanted;
		int level;
		int option;
		int value;
	} table[] = {
		{true, SOL_SOCKET, SO_REUSEADDR, 1},
		{options->reuseport, SOL_SOCKET, SO_REUSEPORT, 1},
		{family == AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, 1},
		{options->sndbuf > 0, SOL_SOCKET, SO_SNDBUF, options->sndbuf},
		{options->rcvbuf > 0, SOL_SOCKET, SO_RCVBUF, options->rcvbuf},
		{options->notsent_lowat > 0, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
		 options->notsent_lowat},
		/* the kernel clones an accepted socket from the listening one,
		 * with its options (sk_clone_lock in net/core/sock.c) */
		{true, IPPROTO_TCP, TCP_NODELAY, 1},
	};
	int error = 0;
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].is_wanted && error == 0)
			error = weir_sys_setsockopt(fd, table[i].level,
						    table[i].option,
						    table[i].value);
	}
	return error;
}

/* Watch a socket that listens. */
static int start(struct weir_listener *l, struct weir_loop *loop, int fd,
		 const struct weir_listener_options *options,
		 weir_accept_fn *on_accept)
{
	struct weir_address bound = {.type = SOCK_STREAM};
	socklen_t len = sizeof bound.sa;
	uint32_t interest = EPOLLIN;
	int unix_sndbuf = 0;
	int error;

	assert(!l->watch.loop);
	error = weir_sys_getsockname(fd, &bound.sa.any, &len);
	if (error < 0)
		return error;
	bound.len = (socklen_t)weir_smaller(len, sizeof bound.sa);
	if (options->exclusive)
		interest |= EPOLLEXCLUSIVE;
	error = weir_watch_open(&l->watch, loop, fd, interest,
				weir_listener_on_ready);
	if (error < 0)
		return error;
	if (bound.sa.any.sa_family == AF_UNIX)
		unix_sndbuf = options->sndbuf;
	*l = (struct weir_listener){.watch = l->watch,
				    .on_accept = on_accept,
				    .on_pause = options->on_pause,
				    .unix_sndbuf = unix_sndbuf,
				    .address = bound,
				    .interest = interest,
				    .n_at_once = WEIR_ACCEPTS_PER_TURN};
	l->watch.kind = WEIR_WORK_LISTENER;
	return 0;
}

static const struct weir_listener_options defaults;

static bool is_valid(const struct weir_listener_options *options)
{
	return options->backlog >= 0 && options->notsent_lowat >= 0 &&
	       options->sndbuf >= 0 && options->rcvbuf >= 0;
}

int weir_listener_open(struct weir_listener *l, struct weir_loop *loop,
		       const struct weir_address *address,
		       const struct weir_listener_options *options,
		       weir_accept_fn *on_accept)
{
	struct weir_socket_file file;
	int family = address->sa.any.sa_family;
	int error = 0;
	int fd;

	if (!options)
		options = &defaults;
	if (address->type != SOCK_STREAM || !is_valid(options))
		return -EINVAL;
	fd = weir_sys_socket(family, SOCK_STREAM);
	if (fd < 0)
		return fd;
	if (family != AF_UNIX)
		error = set_tcp_options(fd, family, options);
	if (error == 0)
		error = weir_socket_file_bind(fd, address, &file);
	if (error < 0)
		goto close_fd;
	error = weir_sys_listen(fd, options->backlog
					    ? options->backlog
					    : WEIR_LISTENER_DEFAULT_BACKLOG);
	if (error == 0)
		error = start(l, loop, fd, options, on_accept);
	if (error < 0)
		goto remove_file;
	l->file = file;
	l->has_made_socket = true;
	return 0;

remove_file:
	weir_socket_file_remove(&file, address);
close_fd:
	weir_sys_close(fd);
	return error;
}

/* O_NONBLOCK is last: on failure it would have to be undone for every
 * process. */
static int set_adopted(int fd, int family,
		       const struct weir_listener_options *options)
{
	int error = 0;

	if (family != AF_UNIX && options->notsent_lowat > 0)
		error = weir_sys_setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
					    options->notsent_lowat);
	return error < 0 ? error : weir_sys_set_nonblocking(fd);
}

int weir_listener_adopt(struct weir_listener *l, struct weir_loop *loop, int fd,
			const struct weir_listener_options *options,
			weir_accept_fn *on_accept)
{
	int is_listening;
	int error;

	if (!options)
		options = &defaults;
	if (!is_valid(options))
		return -EINVAL;
	error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN,
				    &is_listening);
	if (error < 0)
		return error;
	if (!is_listening)
		return -EINVAL;
	error = start(l, loop, fd, options, on_accept);
	if (error < 0)
		return error;
	error = set_adopted(fd, l->address.sa.any.sa_family, options);
	if (error < 0) {
		weir_watch_close(&l->watch);
		*l = (struct weir_listener){0};
	}
	return error;
}
