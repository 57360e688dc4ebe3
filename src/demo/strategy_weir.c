/* weir: sendall takes a piece whole or not at all. What the kernel does not
 * take it queues, and EPOLLOUT is armed for as long as something is queued.
 * At the mark max it refuses (-ENOBUFS): the source pauses, until on_pressure
 * tells that the queue is back at the mark low.
 *
 * Every byte arrives, everybody is served, and the queue stays small. */
#include <stdlib.h>
#include <unistd.h>

#include <weir.h>

#include "strategy.h"

struct visitor {
	struct weir_conn conn;
	struct stage *stage;
	size_t fetched; /* of what it is owed */
	bool has_asked;
};

static const struct weir_conn_limits limits = {
	.low = 65536, .high = 262144, .max = 524288};

/* Give until all is given, or sendall refuses. */
static void feed(struct visitor *visitor)
{
	struct stage *stage = visitor->stage;
	const unsigned char *debt = stage->debt;
	int error = 0;

	while (!error && visitor->fetched < stage->n_debt) {
		size_t n = stage->n_debt - visitor->fetched;

		if (n > STRATEGY_PIECE)
			n = STRATEGY_PIECE;
		error = weir_conn_sendall(&visitor->conn,
					  debt + visitor->fetched, n);
		if (!error)
			visitor->fetched += n;
	}
	if (visitor->fetched == stage->n_debt)
		weir_conn_finish(&visitor->conn);
}

static void on_pressure(struct weir_conn *conn, bool above)
{
	struct visitor *visitor = weir_container_of(conn, struct visitor, conn);

	if (!above && visitor->has_asked)
		feed(visitor);
}

static size_t on_data(struct weir_conn *conn, const void *data, size_t n)
{
	struct visitor *visitor = weir_container_of(conn, struct visitor, conn);

	if (*(const char *)data != '?')
		return weir_conn_sendall(conn, data, n) == 0 ? n : 0;
	visitor->has_asked = true;
	feed(visitor);
	return n;
}

static void on_close(struct weir_conn *conn, const struct weir_result *result)
{
	(void)result;
	free(weir_container_of(conn, struct visitor, conn));
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

/* -- the stage around it -- */

struct house {
	struct weir_loop *loop;
	struct weir_listener listener;
	struct weir_observer observer;
	struct stage *stage;
};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	struct house *house =
		weir_container_of(listener, struct house, listener);
	struct visitor *visitor = calloc(1, sizeof *visitor);
	struct weir_listener_stats stats;

	(void)peer;
	if (visitor)
		visitor->stage = house->stage;
	if (!visitor || weir_conn_open(&visitor->conn, house->loop, fd, &events,
				       &limits) < 0) {
		free(visitor);
		close(fd);
	}
	weir_listener_stats(listener, &stats);
	if (stats.n_accepted == house->stage->n_audience)
		weir_listener_close(listener);
}

/* All that the queues hold of the heap, nodes and unused room too. */
static void note_queue(struct weir_observer *observer)
{
	struct house *house =
		weir_container_of(observer, struct house, observer);
	struct weir_loop_stats stats;

	weir_loop_stats(house->loop, &stats);
	stage_queued(house->stage, stats.n_queue_bytes);
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

static void serve(struct stage *stage)
{
	struct house house = {
		.stage = stage,
		.observer = {.on_queue = on_queue, .on_move = on_move}};
	struct weir_listener_stats stats;

	stage->error = -weir_loop_new(&house.loop);
	if (!stage->error) {
		weir_loop_observe(house.loop, &house.observer);
		stage->error = -weir_listener_adopt(&house.listener, house.loop,
						    stage->listener_fd, NULL,
						    on_accept);
		if (!stage->error)
			stage->error = -weir_loop_run(house.loop);
		weir_loop_free(house.loop);
	}
	weir_listener_stats(&house.listener, &stats);
	if (stats.n_accepted == 0)
		(void)close(stage->listener_fd);
}

const struct strategy strategy_weir = {
	.name = "weir",
	.how = "send, queue the rest, re-arm; a mark pauses the source",
	.expected = 0,
	.serve = serve,
	.queue_max = 524288,
};
