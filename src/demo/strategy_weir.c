/* weir: sendall takes a piece whole or not at all. What the kernel does not
 * take it queues, and EPOLLOUT is armed for as long as something is queued.
 * At the mark max it refuses (-ENOBUFS): the source pauses, until on_pressure
 * tells that the queue is back at the mark low.
 *
 * Every byte arrives, every client is served, and the queue stays small. */
#include <stdlib.h>
#include <unistd.h>

#include <weir.h>

#include "server.h"
#include "strategy.h"

struct client {
	struct weir_conn conn;
	struct server *server;
	size_t fetched; /* of what it is owed */
	bool has_asked;
};

static const struct weir_conn_limits limits = {
	.low = 65536, .high = 262144, .max = 524288};

/* Give until all is given, or sendall refuses. */
static void feed(struct client *client)
{
	struct server *server = client->server;
	const unsigned char *debt = server->debt;
	int error = 0;

	while (!error && client->fetched < server->n_debt) {
		size_t n = server->n_debt - client->fetched;

		if (n > STRATEGY_PIECE)
			n = STRATEGY_PIECE;
		error = weir_conn_sendall(&client->conn, debt + client->fetched,
					  n);
		if (!error)
			client->fetched += n;
	}
	if (client->fetched == server->n_debt)
		weir_conn_finish(&client->conn);
}

static void on_pressure(struct weir_conn *conn, bool above)
{
	struct client *client = weir_container_of(conn, struct client, conn);

	if (!above && client->has_asked)
		feed(client);
}

static size_t on_data(struct weir_conn *conn, const void *data, size_t n)
{
	struct client *client = weir_container_of(conn, struct client, conn);

	if (*(const char *)data != '?')
		return weir_conn_sendall(conn, data, n) == 0 ? n : 0;
	client->has_asked = true;
	feed(client);
	return n;
}

static void on_close(struct weir_conn *conn, const struct weir_result *result)
{
	(void)result;
	free(weir_container_of(conn, struct client, conn));
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

/* -- the server around it -- */

struct loop_server {
	struct weir_loop *loop;
	struct weir_listener listener;
	struct weir_observer observer;
	struct server *server;
};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	struct loop_server *loop_server =
		weir_container_of(listener, struct loop_server, listener);
	struct client *client = calloc(1, sizeof *client);
	struct weir_listener_stats stats;

	(void)peer;
	if (client)
		client->server = loop_server->server;
	if (!client || weir_conn_open(&client->conn, loop_server->loop, fd,
				      &events, &limits) < 0) {
		free(client);
		close(fd);
	}
	weir_listener_stats(listener, &stats);
	if (stats.n_accepted == loop_server->server->n_clients)
		weir_listener_close(listener);
}

/* All that the queues hold of the heap, nodes and unused room too. */
static void note_queue(struct weir_observer *observer)
{
	struct loop_server *loop_server =
		weir_container_of(observer, struct loop_server, observer);
	struct weir_loop_stats stats;

	weir_loop_stats(loop_server->loop, &stats);
	server_queued(loop_server->server, stats.n_queue_bytes);
}

static void on_queue(struct weir_observer *observer, struct weir_conn *conn,
		     uint64_t n, uint64_t n_queued)
{
	(void)conn, (void)n, (void)n_queued;
	note_queue(observer);
}

static void on_move(struct weir_observer *observer, struct weir_conn *conn,
		    size_t taken, uint64_t n_queued)
{
	(void)conn, (void)taken, (void)n_queued;
	note_queue(observer);
}

static void serve(struct server *server)
{
	struct loop_server loop_server = {
		.server = server,
		.observer = {.on_queue = on_queue, .on_move = on_move}};
	struct weir_listener_stats stats;

	server->error = -weir_loop_new(&loop_server.loop);
	if (!server->error) {
		weir_loop_observe(loop_server.loop, &loop_server.observer);
		server->error = -weir_listener_adopt(
			&loop_server.listener, loop_server.loop,
			server->listener_fd, NULL, on_accept);
		if (!server->error)
			server->error = -weir_loop_run(loop_server.loop);
		weir_loop_free(loop_server.loop);
	}
	weir_listener_stats(&loop_server.listener, &stats);
	if (stats.n_accepted == 0)
		(void)close(server->listener_fd);
}

const struct strategy strategy_weir = {
	.name = "weir",
	.how = "send, queue the rest, re-arm; a mark pauses the source",
	.expected = 0,
	.serve = serve,
	.queue_max = 524288,
};
