/* relay: from a client to a connected pair.
 *
 * The targets are tried one after the other, each with all its addresses and a
 * time of its own. One that fails is left out for a while: it is tried again
 * before that only if no other is left. When all have failed, their names are
 * resolved again, for the clients to come.
 *
 * Meanwhile the client is not read, and so epoll does not tell of its end: a
 * timer looks whether it is still there. */
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "keepalive.h"
#include "log.h"
#include "proxy_header.h"

static const uint64_t LOOK_NS = 100 * CLOCK_NS_PER_MS;

static struct endpoint *endpoint_of(const struct front *front)
{
	return client_endpoint(front->client);
}

static uint64_t now_of(const struct front *front)
{
	return weir_loop_now(weir_conn_loop(front->client));
}

/* -- when a target is connected -- */

/* The same as for accepted sockets. Failure is ignored there too: the kernel
 * may limit the sizes. */
static void set_buffers(int fd, const struct weir_listener_options *options)
{
	if (options->sndbuf > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options->sndbuf,
				 sizeof options->sndbuf);
	if (options->rcvbuf > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options->rcvbuf,
				 sizeof options->rcvbuf);
	if (options->notsent_lowat > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
				 &options->notsent_lowat,
				 sizeof options->notsent_lowat);
}

/* Open the target connection at fd. NULL: *error says why not. */
static struct weir_conn *open_target(struct endpoint *front, int fd,
				     const struct weir_address *address,
				     int *error)
{
	struct endpoint *endpoint = front->target;
	struct worker *worker = endpoint->worker;
	struct weir_conn *target = client_new(endpoint, fd, address, NULL);

	*error = -ENOMEM;
	if (!target)
		return NULL;
	set_buffers(fd, &endpoint->config->settings.listener);
	keepalive_set(fd, endpoint->config->settings.keepalive_ns);
	*error = weir_conn_open(target, worker->loop, fd,
				&endpoint->service->events, &endpoint->limits);
	if (*error == 0) {
		endpoint->counters.n_accepted++;
		return target;
	}
	client_free(target);
	return NULL;
}

/* Tell the target the client's address by a PROXY header. */
static int send_proxy_header(struct weir_conn *client, struct weir_conn *target)
{
	unsigned char header[PROXY_HEADER_WRITTEN_SIZE];
	struct weir_address source;
	struct weir_address destination;
	size_t n;

	client_address(client, &source);
	client_destination(client, &destination);
	n = proxy_header_write(
		header, client_endpoint(client)->config->settings.proxy_version,
		&source, &destination);
	return weir_conn_sendall(target, header, n);
}

/* There is no target connection: reset the client. */
static void give_up(struct front *front, int error)
{
	struct weir_conn *client = front->client;
	struct endpoint *endpoint = client_endpoint(client);
	char peer[PEER_TEXT_SIZE];

	endpoint->counters.n_unconnected++;
	log_limited(endpoint->worker, &endpoint->lines.unconnected,
		    "%s %s: cannot connect to %s: %s", endpoint->service->name,
		    client_peer(client, peer), front->target->text,
		    strerror(-error));
	weir_conn_abort(client, true);
}

/* fd is connected to the target. */
static int connect_pair(struct front *front, int fd)
{
	struct weir_conn *client = front->client;
	struct endpoint *endpoint = client_endpoint(client);
	struct weir_conn *target;
	int error;

	target = open_target(endpoint, fd,
			     weir_connector_address(&front->connector), &error);
	if (!target) {
		close(fd);
		return error;
	}
	relay_join(client, target);
	return endpoint->config->settings.proxy_version > 0
		       ? send_proxy_header(client, target)
		       : 0;
}

/* -- the targets -- */

/* The first that has not been tried, best one that is not left out. NULL: all
 * have been tried. */
static struct target *next_target(struct front *front)
{
	const struct endpoint_config *config = endpoint_of(front)->config;
	size_t best = config->n_targets;

	for (size_t i = config->n_targets; i-- > 0;) {
		struct target *target = &config->targets[i];

		if (front->tried & 1U << i)
			continue;
		if (best == config->n_targets ||
		    !target_is_left_out(target, now_of(front)) ||
		    target_is_left_out(&config->targets[best], now_of(front)))
			best = i;
	}
	if (best == config->n_targets)
		return NULL;
	front->tried |= 1U << best;
	return &config->targets[best];
}

static void resolve_all(struct front *front)
{
	const struct endpoint_config *config = endpoint_of(front)->config;

	for (size_t i = 0; i < config->n_targets; i++)
		target_resolve_lately(&config->targets[i], now_of(front));
}

static void leave_out(struct front *front, int error)
{
	struct endpoint *endpoint = endpoint_of(front);
	uint64_t ns = endpoint->config->settings.leave_out_ns;

	if (target_fail(front->target, now_of(front), ns) &&
	    endpoint->config->n_targets > 1)
		log_limited(endpoint->worker, &endpoint->lines.target,
			    "%s: %s is left out for now: %s",
			    endpoint->service->name, front->target->text,
			    strerror(-error));
}

static void bring_back(struct front *front)
{
	struct endpoint *endpoint = endpoint_of(front);

	if (target_succeed(front->target) && endpoint->config->n_targets > 1)
		log_limited(endpoint->worker, &endpoint->lines.target,
			    "%s: %s is back", endpoint->service->name,
			    front->target->text);
}

/* -- connecting -- */

static void on_connect(struct weir_connector *connector, int fd);

static void release_list(struct front *front)
{
	address_list_release(front->list);
	front->list = NULL;
}

/* The addresses that the target has now. */
static void take_list(struct front *front)
{
	struct endpoint *endpoint = endpoint_of(front);
	int error;

	release_list(front);
	front->list = target_addresses(front->target, &error);
	if (error < 0)
		log_warn(endpoint->worker,
			 "%s: the addresses of %s stay as they were: %s",
			 endpoint->service->name, front->target->text,
			 weir_address_error(error));
}

static void open_connector(struct front *front)
{
	const struct weir_connector_options options = {
		.deadline_ns = front->deadline_ns};
	int error;

	take_list(front);
	error = weir_connector_open(
		&front->connector, weir_conn_loop(front->client),
		front->list->addresses, front->list->n, &options, on_connect);
	/* endpoint_config.c has checked that there is a target, a stream */
	assert(error == 0);
	(void)error;
}

/* False: there is none. */
static bool try_next(struct front *front)
{
	struct target *target = next_target(front);

	if (!target)
		return false;
	front->target = target;
	front->deadline_ns =
		now_of(front) +
		endpoint_of(front)->config->settings.connect_timeout_ns;
	open_connector(front);
	return true;
}

/* By reset: after a FIN it may still wait for an answer. */
static bool has_gone(const struct weir_conn *client)
{
	struct pollfd pollfd = {.fd = weir_conn_fd(client)};

	return poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLERR);
}

static void on_look(struct weir_timer *timer);

static void arm_look(struct front *front)
{
	weir_timer_arm(&front->timer, weir_conn_loop(front->client),
		       now_of(front) + LOOK_NS, on_look);
}

static void on_look(struct weir_timer *timer)
{
	struct front *front = weir_container_of(timer, struct front, timer);

	if (has_gone(front->client)) {
		relay_connect_end(front);
		weir_conn_abort(front->client, true);
		return;
	}
	arm_look(front);
	if (!weir_connector_is_open(&front->connector))
		open_connector(front);
}

static void close_held(struct front *front)
{
	if (front->held >= 0)
		close(front->held);
	front->held = -1;
}

/* No descriptor was left: try again with the one that is held for this, or at
 * the next look. False: it is another error, or too late. */
static bool try_again(struct front *front, int error)
{
	if ((error != -EMFILE && error != -ENFILE) ||
	    now_of(front) >= front->deadline_ns)
		return false;
	if (front->held >= 0) {
		close_held(front);
		open_connector(front);
	}
	return true;
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct front *front =
		weir_container_of(connector, struct front, connector);
	int error = fd;

	if (try_again(front, error))
		return;
	if (fd < 0) {
		leave_out(front, error);
		if (try_next(front))
			return;
		resolve_all(front);
	} else {
		bring_back(front);
		close_held(front);
		error = connect_pair(front, fd);
	}
	relay_connect_end(front);
	if (error < 0)
		give_up(front, error);
}

void relay_connect(struct front *front)
{
	front->held = descriptors_hold(endpoint_of(front)->worker);
	arm_look(front);
	(void)try_next(front);
}

void relay_connect_end(struct front *front)
{
	weir_connector_close(&front->connector);
	weir_timer_cancel(&front->timer);
	release_list(front);
	close_held(front);
}
