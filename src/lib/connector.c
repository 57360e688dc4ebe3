/* Connecting, one address after another. Every attempt, including the first, is
 * made from the loop, so an immediate outcome may be reported at once.
 *
 * One timer serves all: it starts the first attempt, repeats one that found a
 * backlog full, and ends one that waits at the deadline. The watch is open all
 * the time, and has no descriptor between attempts: it keeps the loop running,
 * and tells whether the connector is open. */
#include <weir/connector.h>
#include "sys.h"

#include <assert.h>
#include <errno.h>

enum {
	NO_FD = -1,
	RETRY_NS = 10000000
};

static void finish_attempt(struct weir_watch *watch, uint32_t events);

/* Without events it cannot fail. */
static void watch_nothing(struct weir_connector *c, struct weir_loop *loop)
{
	weir_watch_open(&c->watch, loop, NO_FD, 0, finish_attempt);
}

static int watch_attempt(struct weir_connector *c, int fd)
{
	struct weir_loop *loop = c->watch.loop;
	int error;

	weir_watch_close(&c->watch);
	error = weir_watch_open(&c->watch, loop, fd, EPOLLOUT, finish_attempt);
	if (error < 0)
		watch_nothing(c, loop);
	c->watch.kind = WEIR_WORK_CONNECTOR;
	return error;
}

/* The descriptor if it connects at once, -EINPROGRESS if it may still connect,
 * or the error. */
static int attempt(struct weir_connector *c, const struct weir_address *to)
{
	int fd = weir_sys_socket(to->sa.any.sa_family, SOCK_STREAM);
	int error;

	if (fd < 0)
		return fd;
	error = weir_sys_connect(fd, &to->sa.any, to->len);
	if (error == 0)
		return fd;
	if (error == -EINPROGRESS) {
		error = watch_attempt(c, fd);
		if (error == 0)
			return -EINPROGRESS;
	}
	weir_sys_close(fd);
	return error;
}

/* The last thing to do, since the callback may free the connector. */
static void finish(struct weir_connector *c, int outcome)
{
	weir_connector_close(c);
	c->on_connect(c, outcome);
}

static void wake_up(struct weir_timer *timer);

static void arm(struct weir_connector *c, uint64_t time_ns)
{
	if (time_ns > c->deadline_ns)
		time_ns = c->deadline_ns;
	weir_timer_arm(&c->timer, c->watch.loop, time_ns, wake_up);
}

static void try_addresses(struct weir_connector *c)
{
	while (c->i_address < c->n_addresses) {
		const struct weir_address *to = &c->addresses[c->i_address];
		int result = attempt(c, to);

		if (result >= 0) {
			finish(c, result);
			return;
		}
		if (result == -EINPROGRESS) {
			arm(c, c->deadline_ns);
			return;
		}
		if (result == -EAGAIN && to->sa.any.sa_family == AF_UNIX) {
			arm(c, weir_loop_now(c->watch.loop) + RETRY_NS);
			return;
		}
		c->error = result;
		c->i_address++;
	}
	finish(c, c->error);
}

static void wake_up(struct weir_timer *timer)
{
	struct weir_connector *c =
		weir_container_of(timer, struct weir_connector, timer);

	if (weir_loop_now(c->watch.loop) >= c->deadline_ns)
		finish(c, -ETIMEDOUT);
	else
		try_addresses(c);
}

static void finish_attempt(struct weir_watch *watch, uint32_t events)
{
	struct weir_connector *c =
		weir_container_of(watch, struct weir_connector, watch);
	struct weir_loop *loop = watch->loop;
	int fd = watch->fd;
	int error = weir_sys_socket_error(fd);

	(void)events;
	weir_watch_close(watch);
	watch_nothing(c, loop);
	if (error == 0) {
		finish(c, fd);
		return;
	}
	weir_sys_close(fd);
	c->error = error;
	c->i_address++;
	try_addresses(c);
}

int weir_connector_open(struct weir_connector *c, struct weir_loop *loop,
			const struct weir_address *addresses, size_t n,
			uint64_t deadline_ns, weir_connect_fn *on_connect)
{
	size_t i;

	assert(!c->watch.loop);
	if (n == 0)
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (addresses[i].type != SOCK_STREAM)
			return -EINVAL;
	watch_nothing(c, loop);
	c->on_connect = on_connect;
	c->addresses = addresses;
	c->n_addresses = n;
	c->i_address = 0;
	c->deadline_ns = deadline_ns;
	c->error = 0;
	arm(c, weir_loop_now(loop));
	return 0;
}

void weir_connector_close(struct weir_connector *c)
{
	int fd = c->watch.fd;

	if (!c->watch.loop)
		return;
	weir_timer_cancel(&c->timer);
	weir_watch_close(&c->watch);
	if (fd != NO_FD)
		weir_sys_close(fd);
}

const struct weir_address *weir_connector_address(
	const struct weir_connector *c)
{
	return c->i_address < c->n_addresses ? &c->addresses[c->i_address]
					     : NULL;
}
