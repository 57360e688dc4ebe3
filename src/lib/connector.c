/* Connecting, in staggered attempts: one for each address that is under way.
 *
 * All of them begin in the loop, the first one too, so what is known at once
 * may be told at once. The connector's timer begins the next attempt, and ends
 * them all at the deadline; an attempt's own repeats one that found a backlog
 * full. The connector's watch is of no descriptor: it keeps the loop running,
 * and tells whether the connector is open. */
#include <weir/connector.h>
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

enum {
	NO_FD = -1,
	RETRY_NS = 10000000,
	/* RFC 8305, section 8: recommended */
	STAGGER_NS = 250000000
};

struct attempt {
	struct weir_connector *connector;
	const struct weir_address *to;
	struct weir_list link; /* in attempts */
	struct weir_watch watch;
	struct weir_timer retry;
	int fd; /* NO_FD: it waits for retry */
};

static void end_attempt(struct attempt *a)
{
	weir_list_remove(&a->link);
	weir_timer_cancel(&a->retry);
	weir_watch_close(&a->watch);
	if (a->fd != NO_FD)
		weir_sys_close(a->fd);
	weir_sys_free(a);
}

/* Last of all, since the callback may free the connector. */
static void finish(struct weir_connector *c, int outcome)
{
	weir_connector_close(c);
	c->on_connect(c, outcome);
}

static in_port_t port_of(const struct weir_address *address)
{
	return address->sa.any.sa_family == AF_INET6 ? address->sa.in6.sin6_port
						     : address->sa.in.sin_port;
}

static bool has_same_host(const struct weir_address *a,
			  const struct weir_address *b)
{
	if (a->sa.any.sa_family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&a->sa.in6.sin6_addr,
					  &b->sa.in6.sin6_addr);
	return a->sa.in.sin_addr.s_addr == b->sa.in.sin_addr.s_addr;
}

/* The peer's port is the one that was asked for, so as a rule one call tells;
 * its host is not, where that was the wildcard. */
static bool is_own_peer(const struct attempt *a)
{
	struct weir_address own = {0};
	struct weir_address peer = {0};
	socklen_t len = sizeof own.sa;

	if (a->to->sa.any.sa_family == AF_UNIX ||
	    weir_sys_getsockname(a->fd, &own.sa.any, &len) < 0 ||
	    port_of(&own) != port_of(a->to))
		return false;
	len = sizeof peer.sa;
	return weir_sys_getpeername(a->fd, &peer.sa.any, &len) == 0 &&
	       has_same_host(&own, &peer);
}

/* The port is left to connect(2), which knows which are free towards this
 * peer; one that was given is shared by all attempts. */
static int bind_local(const struct weir_connector *c, int fd, int family)
{
	const struct weir_address *local = &c->local;
	int error = 0;

	if (local->len == 0 || family == AF_UNIX)
		return 0;
	if (local->sa.any.sa_family != family)
		return -EAFNOSUPPORT;
	if (port_of(local) != 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	else
		error = weir_sys_setsockopt(fd, IPPROTO_IP,
					    IP_BIND_ADDRESS_NO_PORT, 1);
	if (error < 0)
		return error;
	return weir_sys_bind(fd, &local->sa.any, local->len);
}

static int set_options(const struct weir_connector *c, int fd, int family)
{
	int error = 0;

	if (c->sndbuf > 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
					    c->sndbuf);
	if (error == 0 && c->rcvbuf > 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
					    c->rcvbuf);
	return error < 0 ? error : bind_local(c, fd, family);
}

static void finish_attempt(struct weir_watch *watch, uint32_t events);
static void try_again(struct weir_timer *timer);

/* Look again later: a backlog is full. */
static void wait_for_room(struct attempt *a)
{
	struct weir_loop *loop = a->connector->watch.loop;

	weir_sys_close(a->fd);
	a->fd = NO_FD;
	weir_timer_arm(&a->retry, loop, weir_loop_now(loop) + RETRY_NS,
		       try_again);
}

static int watch_attempt(struct attempt *a)
{
	int error = weir_watch_open(&a->watch, a->connector->watch.loop, a->fd,
				    EPOLLOUT, finish_attempt);

	a->watch.kind = WEIR_WORK_CONNECTOR;
	return error < 0 ? error : -EINPROGRESS;
}

/* 0: it is connected; -EINPROGRESS: the watch or the timer goes on with it; or
 * why it does not connect. */
static int try_to_connect(struct attempt *a)
{
	int family = a->to->sa.any.sa_family;
	int fd = weir_sys_socket(family, SOCK_STREAM);
	int error;

	if (fd < 0)
		return fd;
	a->fd = fd;
	error = set_options(a->connector, fd, family);
	if (error < 0)
		return error;
	error = weir_sys_connect(fd, &a->to->sa.any, a->to->len);
	if (error == -EINPROGRESS)
		return watch_attempt(a);
	if (error == -EAGAIN && family == AF_UNIX) {
		wait_for_room(a);
		return -EINPROGRESS;
	}
	return error;
}

/* The next address gets its attempt; NULL: there is no memory. */
static struct attempt *new_attempt(struct weir_connector *c)
{
	struct attempt *a = weir_sys_alloc(sizeof *a);

	c->address = &c->addresses[c->i_next++];
	if (!a)
		return NULL;
	*a = (struct attempt){.connector = c, .to = c->address, .fd = NO_FD};
	weir_list_append(&c->attempts, &a->link);
	return a;
}

/* What has come of an attempt: true unless it has failed and is gone. */
static bool settle(struct weir_connector *c, struct attempt *a, int result)
{
	if (result == -EINPROGRESS)
		return true;
	if (result == 0 && is_own_peer(a)) {
		/* so that its port is free at once, and not in TIME_WAIT */
		weir_sys_reset_on_close(a->fd);
		result = -ECONNREFUSED;
	}
	if (result == 0) {
		int fd = a->fd;

		c->address = a->to;
		weir_watch_close(&a->watch);
		a->fd = NO_FD;
		finish(c, fd);
		return true;
	}
	c->error = result;
	end_attempt(a);
	return false;
}

static void on_timer(struct weir_timer *timer);

static void arm(struct weir_connector *c, uint64_t time_ns)
{
	if (time_ns > c->deadline_ns)
		time_ns = c->deadline_ns;
	weir_timer_arm(&c->timer, c->watch.loop, time_ns, on_timer);
}

/* Begin attempts until one is under way, or all that there are have failed. */
static void begin_next(struct weir_connector *c)
{
	struct weir_loop *loop = c->watch.loop;

	while (c->i_next < c->n_addresses) {
		struct attempt *a = new_attempt(c);
		bool is_last = c->i_next == c->n_addresses;

		/* before it may be the outcome */
		arm(c, is_last ? WEIR_NEVER
			       : weir_loop_fresh_now(loop) + STAGGER_NS);
		if (!a)
			c->error = -ENOMEM;
		else if (settle(c, a, try_to_connect(a)))
			return;
	}
	if (!weir_list_is_empty(&c->attempts))
		return;
	c->address = NULL;
	finish(c, c->error);
}

/* An attempt that connected while the loop was away; its event may be later in
 * the harvest. */
static struct attempt *find_connected(const struct weir_connector *c)
{
	weir_list_for_each(link, &c->attempts) {
		struct attempt *a =
			weir_container_of(link, struct attempt, link);
		struct weir_address peer;
		socklen_t len = sizeof peer.sa;

		if (a->fd != NO_FD &&
		    weir_sys_getpeername(a->fd, &peer.sa.any, &len) == 0)
			return a;
	}
	return NULL;
}

static void on_timer(struct weir_timer *timer)
{
	struct weir_connector *c =
		weir_container_of(timer, struct weir_connector, timer);
	struct attempt *a;

	if (weir_loop_now(c->watch.loop) < c->deadline_ns) {
		begin_next(c);
		return;
	}
	a = find_connected(c);
	if (!a || !settle(c, a, 0))
		finish(c, -ETIMEDOUT);
}

static void finish_attempt(struct weir_watch *watch, uint32_t events)
{
	struct attempt *a = weir_container_of(watch, struct attempt, watch);
	struct weir_connector *c = a->connector;

	(void)events;
	if (!settle(c, a, weir_sys_socket_error(a->fd)))
		begin_next(c);
}

static void try_again(struct weir_timer *timer)
{
	struct attempt *a = weir_container_of(timer, struct attempt, retry);
	struct weir_connector *c = a->connector;

	if (!settle(c, a, try_to_connect(a)))
		begin_next(c);
}

/* -- life -- */

static int check_options(const struct weir_connector_options *options)
{
	const struct weir_address *local = options->local;

	if (options->sndbuf < 0 || options->rcvbuf < 0)
		return -EINVAL;
	if (local && (local->type != SOCK_STREAM ||
		      (local->sa.any.sa_family != AF_INET &&
		       local->sa.any.sa_family != AF_INET6)))
		return -EINVAL;
	return 0;
}

int weir_connector_open(struct weir_connector *c, struct weir_loop *loop,
			const struct weir_address *addresses, size_t n,
			const struct weir_connector_options *options,
			weir_connect_fn *on_connect)
{
	static const struct weir_connector_options defaults;
	size_t i;

	assert(!c->watch.loop);
	if (!options)
		options = &defaults;
	if (n == 0 || check_options(options) < 0)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (addresses[i].type != SOCK_STREAM)
			return -EINVAL;
	*c = (struct weir_connector){.on_connect = on_connect,
				     .addresses = addresses,
				     .n_addresses = n,
				     .deadline_ns = options->deadline_ns,
				     .sndbuf = options->sndbuf,
				     .rcvbuf = options->rcvbuf};
	if (c->deadline_ns == 0)
		c->deadline_ns = WEIR_NEVER;
	if (options->local)
		c->local = *options->local;
	weir_list_init(&c->attempts);
	/* without events it cannot fail */
	weir_watch_open(&c->watch, loop, NO_FD, 0, NULL);
	arm(c, weir_loop_now(loop));
	return 0;
}

void weir_connector_close(struct weir_connector *c)
{
	if (!c->watch.loop)
		return;
	while (!weir_list_is_empty(&c->attempts))
		end_attempt(weir_container_of(c->attempts.next, struct attempt,
					      link));
	weir_timer_cancel(&c->timer);
	weir_watch_close(&c->watch);
}

const struct weir_address *weir_connector_address(
	const struct weir_connector *c)
{
	return c->address;
}
