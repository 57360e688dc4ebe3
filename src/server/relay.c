/* relay: a pair of connections, the client's and one to the target, and what
 * comes from one goes to the other.
 *
 * A side that owes more than its high mark holds the reading of the other side
 * (a link), and nothing else: not its own reading. A client that sends all of
 * its request before it reads an answer, from a target that answers before it
 * has read all, would wait for ever otherwise; without a relay between the two
 * it does not. So a pair costs two queues of --high and one read at most.
 *
 * A FIN passes when all before it has passed; the other direction goes on.
 * When both have ended the pair is finished. Whatever else ends a side resets
 * the other: an end that looks orderly would make a part look like all. */
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "proxy_header.h"

/* to connect to the target, all its addresses included */
static const uint64_t CONNECT_NS = UINT64_C(10) * 1000000000;

/* 1. other is set if and only if both connections are there: from join until
 *    the first on_close */
struct side {
	struct weir_conn *other; /* NULL: not yet there, or gone */
	struct weir_link link;	 /* the other's output holds our input */
	bool has_ended;		 /* its FIN has come */
};

/* The client's side. */
struct front {
	struct side side; /* first: both kinds of state begin with one */
	struct weir_conn *client;
	struct weir_connector connector; /* while there is no target */
};

static struct side *side_of(const struct weir_conn *c)
{
	return client_state(c);
}

/* -- while both are there -- */

/* What the other has no room for is offered again when its link lets go. If it
 * takes nothing more at all, its on_close is near and ends this side too;
 * until then what has come counts as unread. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_conn *other = side_of(c)->other;

	if (weir_conn_sendall(other, data, n) == 0)
		return n;
	if (weir_conn_sendall(other, NULL, 0) < 0)
		weir_conn_pause(c);
	return 0;
}

/* All has been passed on by now. There is a rest only if the other takes
 * nothing more; then this is no end to be passed on either. */
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

/* Finished is a side only when both have ended: then the other comes to its
 * end by itself. One that was silent for too long leaves nothing undone; what
 * the other is owed it gets. */
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

/* A pair that is in the midst of something runs on until it ends. */
static void on_drain(struct weir_conn *c)
{
	(void)c;
}

/* -- how a pair comes about -- */

/* As the accepted sockets have them: they bound what the kernel holds. It is a
 * wish, as it is there. */
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

/* The connection to the target of the door's offer at fd; NULL: error says
 * why not. */
static struct weir_conn *open_target(struct door *front, int fd,
				     const struct weir_address *address,
				     int *error)
{
	struct door *door = front->back;
	struct worker *worker = door->worker;
	struct weir_conn *target = clients_add(door, fd, address);

	*error = -ENOMEM;
	if (!target)
		return NULL;
	set_buffers(fd, &worker->settings->listener);
	*error = weir_conn_open(target, worker->loop, fd,
				&door->service->events, &door->limits);
	if (*error == 0) {
		door->tally.n_accepted++;
		return target;
	}
	clients_remove(target);
	return NULL;
}

/* Whom the target would see if there were no relay. */
static int introduce(struct weir_conn *client, struct weir_conn *target)
{
	unsigned char header[PROXY_HEADER_WRITTEN_SIZE];
	struct weir_address source;
	struct weir_address destination = {.len = sizeof destination.sa};
	size_t n;

	client_address(client, &source);
	if (getsockname(weir_conn_fd(client), &destination.sa.any,
			&destination.len) < 0)
		destination.sa.any.sa_family = AF_UNSPEC;
	n = proxy_header_write(header, &source, &destination);
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

/* No target, or none that could be told who comes: no service. */
static void give_up(struct weir_conn *client, int error)
{
	struct door *door = client_door(client);
	char peer[PEER_TEXT_SIZE];

	door->tally.n_unconnected++;
	log_say(door->worker, "%s %s: cannot connect to %s: %s",
		door->service->name, client_peer(client, peer),
		door->offer->target_text, strerror(-error));
	weir_conn_abort(client, true);
}

/* fd leads to the target. */
static int connect_pair(struct front *front, int fd)
{
	struct weir_conn *client = front->client;
	struct door *door = client_door(client);
	struct weir_conn *target;
	int error;

	target = open_target(door, fd,
			     weir_connector_address(&front->connector), &error);
	if (!target) {
		close(fd);
		return error;
	}
	join(client, target);
	return door->worker->settings->sends_proxy ? introduce(client, target)
						   : 0;
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct front *front =
		weir_container_of(connector, struct front, connector);
	int error = fd;

	if (fd >= 0)
		error = connect_pair(front, fd);
	if (error < 0)
		give_up(front->client, error);
}

/* Until the target is there the client waits, with all that it has sent, in
 * the kernel; also its FIN, or its reset. */
static void on_open(struct door *door, struct weir_conn *c)
{
	const struct offer *offer = door->offer;
	struct front *front = client_state(c);
	struct weir_loop *loop = door->worker->loop;
	int error;

	front->client = c;
	weir_conn_pause(c);
	error = weir_connector_open(
		&front->connector, loop, offer->targets, offer->n_targets,
		weir_loop_now(loop) + CONNECT_NS, on_connect);
	/* there is a target, and it is a stream: offers.c has seen to that */
	assert(error == 0);
	(void)error;
}

static void on_client_close(struct weir_conn *c,
			    const struct weir_result *result)
{
	struct front *front = client_state(c);

	weir_connector_close(&front->connector);
	on_close(c, result);
}

static const struct service target_service = {
	.name = "relay-target",
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = server_on_close},
	.state_size = sizeof(struct side),
	.on_close = on_close,
	.on_drain = on_drain,
};

const struct service relay_service = {
	.name = "relay",
	.takes_target = true,
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = server_on_close},
	.back = &target_service,
	.state_size = sizeof(struct front),
	.on_open = on_open,
	.on_close = on_client_close,
	.on_drain = on_drain,
};
