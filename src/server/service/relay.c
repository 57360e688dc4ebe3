/* relay: a pair of connections, to the client and to the target; what one
 * receives is sent to the other.
 *
 * A side whose output is above its high mark holds the reading of the other
 * side (by a link), but not its own. If it held its own, a client that sends
 * its whole request before it reads, and a target that answers before it has
 * read the request, would block each other, which they do not do without a
 * relay. So a pair costs at most two queues of --high and one read.
 *
 * A FIN is passed on after all data before it; the other direction stays open.
 * When both directions have ended the pair is finished. Any other end of one
 * side resets the other side: a FIN would make a part look like the whole. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "keepalive.h"
#include "log.h"
#include "proxy_header.h"

/* to connect to the target, all its addresses included */
static const uint64_t CONNECT_NS = 10 * CLOCK_NS_PER_S;
static const uint64_t RETRY_NS = 100 * CLOCK_NS_PER_MS;

/* 1. other is set if and only if both connections are open: from join to the
 *    first on_close */
struct side {
	struct weir_conn *other; /* NULL: not open yet, or closed */
	struct weir_link link;	 /* the other's output holds our input */
	bool has_ended;		 /* its FIN has come */
};

/* The client's side. */
struct front {
	struct side side; /* first, as in the target's state */
	struct weir_conn *client;
	/* until the target is connected: */
	struct weir_connector connector;
	struct address_list *targets; /* that the connector tries, or NULL */
	struct weir_timer retry;      /* no descriptor was left */
	uint64_t deadline_ns;
	int held; /* makes room for the target's descriptor; -1: none */
};

static struct side *side_of(const struct weir_conn *c)
{
	return client_state(c);
}

/* -- while both are open -- */

/* Data that the other has no room for is offered again when its link lets go.
 * If the other can send nothing more, its on_close follows and ends this side
 * too; until then the data counts as unread. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_conn *other = side_of(c)->other;

	if (weir_conn_sendall(other, data, n) == 0)
		return n;
	if (weir_conn_sendall(other, NULL, 0) < 0)
		weir_conn_pause(c);
	return 0;
}

/* All data has been passed on. There is a rest only if the other can send
 * nothing more; then the end cannot be passed on either. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct side *side = side_of(c);
	struct weir_conn *other = side->other;

	if (weir_conn_sendall(other, rest, n) < 0) {
		weir_conn_abort(c, true);
		return;
	}
	side->has_ended = true;
	weir_conn_shutdown(other);
	if (side_of(other)->has_ended) {
		weir_conn_finish(c);
		weir_conn_finish(other);
	}
}

/* A side is finished only when both have ended; then the other finishes by
 * itself. An idle pair owes nothing that could be lost, so an idle side
 * finishes the other. */
static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct weir_conn *other = side_of(c)->other;

	if (!other)
		return;
	side_of(other)->other = NULL;
	if (result->reason == WEIR_REASON_FINISHED)
		return;
	if (result->reason == WEIR_REASON_IDLE)
		weir_conn_finish(other);
	else
		weir_conn_abort(other, true);
}

/* A pair continues until both sides have ended. */
static void on_drain(struct weir_conn *c)
{
	(void)c;
}

/* -- connecting -- */

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

static void join(struct weir_conn *client, struct weir_conn *target)
{
	struct side *client_side = side_of(client);
	struct side *target_side = side_of(target);

	client_side->other = target;
	target_side->other = client;
	weir_link_open(&client_side->link, client, target);
	weir_link_open(&target_side->link, target, client);
	weir_conn_resume(client);
}

/* There is no target connection: reset the client. */
static void give_up(struct weir_conn *client, int error)
{
	struct endpoint *endpoint = client_endpoint(client);
	char peer[PEER_TEXT_SIZE];

	endpoint->counters.n_unconnected++;
	log_limited(endpoint->worker, &endpoint->lines.unconnected,
		    "%s %s: cannot connect to %s: %s", endpoint->service->name,
		    client_peer(client, peer), endpoint->config->target->text,
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
	join(client, target);
	return endpoint->config->settings.proxy_version > 0
		       ? send_proxy_header(client, target)
		       : 0;
}

static void close_held(struct front *front)
{
	if (front->held >= 0)
		close(front->held);
	front->held = -1;
}

static void on_connect(struct weir_connector *connector, int fd);

static void release_targets(struct front *front)
{
	address_list_release(front->targets);
	front->targets = NULL;
}

/* The addresses that the target has now. */
static void take_targets(struct front *front)
{
	struct endpoint *endpoint = client_endpoint(front->client);
	struct target *target = endpoint->config->target;
	int error;

	release_targets(front);
	front->targets = target_addresses(target, &error);
	if (error < 0)
		log_warn(endpoint->worker,
			 "%s: the addresses of %s stay as they were: %s",
			 endpoint->service->name, target->text,
			 weir_address_error(error));
}

static void connect_target(struct front *front)
{
	const struct weir_connector_options options = {
		.deadline_ns = front->deadline_ns};
	int error;

	take_targets(front);
	error = weir_connector_open(&front->connector,
				    weir_conn_loop(front->client),
				    front->targets->addresses,
				    front->targets->n, &options, on_connect);

	/* endpoint_config.c has checked that there is a target, a stream */
	assert(error == 0);
	(void)error;
}

static void on_retry(struct weir_timer *timer)
{
	connect_target(weir_container_of(timer, struct front, retry));
}

/* No descriptor was left: try again with the one that is held for this, and
 * later. False: it is another error, or too late. */
static bool try_again(struct front *front, int error)
{
	struct weir_loop *loop = weir_conn_loop(front->client);
	uint64_t now = weir_loop_now(loop);

	if ((error != -EMFILE && error != -ENFILE) || now >= front->deadline_ns)
		return false;
	if (front->held >= 0) {
		close_held(front);
		connect_target(front);
	} else {
		weir_timer_arm(&front->retry, loop, now + RETRY_NS, on_retry);
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
	close_held(front);
	if (fd >= 0)
		error = connect_pair(front, fd);
	release_targets(front);
	if (error < 0)
		give_up(front->client, error);
}

/* Until the target is connected the client is not read: what it sends, its FIN
 * and its reset wait in the kernel. */
static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct front *front = client_state(c);

	front->client = c;
	front->held = descriptors_hold(endpoint->worker);
	front->deadline_ns = weir_loop_now(endpoint->worker->loop) + CONNECT_NS;
	weir_conn_pause(c);
	connect_target(front);
}

static void on_client_close(struct weir_conn *c,
			    const struct weir_result *result)
{
	struct front *front = client_state(c);

	weir_connector_close(&front->connector);
	release_targets(front);
	weir_timer_cancel(&front->retry);
	close_held(front);
	on_close(c, result);
}

static const struct service target_service = {
	.name = "relay-target",
	.owes_input = true,
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = client_on_close},
	.state_size = sizeof(struct side),
	.on_close = on_close,
	.on_drain = on_drain,
};

const struct service relay_service = {
	.name = "relay",
	.takes_target = true,
	.owes_input = true,
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = client_on_close},
	.target = &target_service,
	.state_size = sizeof(struct front),
	.on_open = on_open,
	.on_close = on_client_close,
	.on_drain = on_drain,
};
