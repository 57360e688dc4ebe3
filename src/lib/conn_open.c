/* The opening of a connection: on any stream socket, or on one that a listener
 * of ours has accepted, whose kind and options are known. */
#include <weir/conn.h>

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <weir/listener.h>

#include "conn_inside.h"
#include "size.h"
#include "sys.h"

/* Only TCP sockets accept TCP_NODELAY, and they are stream sockets: others are
 * asked what they are. */
static int probe_and_set_nodelay(int fd, bool *is_tcp)
{
	int type;
	int error;

	*is_tcp = weir_sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0;
	if (*is_tcp)
		return 0;
	error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type);
	if (error < 0)
		return error;
	return type == SOCK_STREAM ? 0 : -EPROTOTYPE;
}

/* is_known_tcp: fd is a stream socket, and TCP's with TCP_NODELAY if that is
 * true; NULL: it is to be asked. */
static int open_stream(struct weir_conn *c, struct weir_loop *loop, int fd,
		       const bool *is_known_tcp,
		       const struct weir_conn_events *events,
		       const struct weir_conn_limits *limits)
{
	static const struct weir_conn_limits defaults;
	struct weir_watch watch;
	bool is_tcp = is_known_tcp && *is_known_tcp;
	int error;

	assert(!weir_conn_is_open(c) && events->on_data && events->on_close);
	if (!limits)
		limits = &defaults;
	error = weir_conn_check_limits(limits);
	if (error == 0 && !is_known_tcp)
		error = probe_and_set_nodelay(fd, &is_tcp);
	if (error == 0 && is_tcp)
		error = weir_conn_set_keepalive(fd, limits);
	if (error < 0)
		return error;
	c->watch.loop = NULL;
	error = weir_watch_open(&c->watch, loop, fd, EPOLLIN,
				weir_conn_on_ready);
	if (error < 0)
		return error;
	c->watch.kind = WEIR_WORK_CONNECTION;
	watch = c->watch;
	*c = (struct weir_conn){.watch = watch,
				.events = events,
				.limits = limits,
				.is_tcp = is_tcp};
	c->read_size = (uint32_t)weir_smaller(weir_conn_input_limit(c),
					      WEIR_READ_SIZE);
	weir_conn_schedule(c);
	return 0;
}

int weir_conn_open(struct weir_conn *c, struct weir_loop *loop, int fd,
		   const struct weir_conn_events *events,
		   const struct weir_conn_limits *limits)
{
	return open_stream(c, loop, fd, NULL, events, limits);
}

int weir_conn_accept(struct weir_conn *c, struct weir_listener *listener,
		     int fd, const struct weir_conn_events *events,
		     const struct weir_conn_limits *limits)
{
	bool is_tcp = listener->address.sa.any.sa_family != AF_UNIX;

	return open_stream(c, weir_listener_loop(listener), fd,
			   listener->has_made_socket ? &is_tcp : NULL, events,
			   limits);
}
