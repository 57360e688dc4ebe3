#include "trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir.h>

#include "clock.h"
#include "quantity.h"
#include "contest.h"
#include "dial.h"

enum {
	BUFFER = 131072, /* SO_SNDBUF and SO_RCVBUF, which Linux doubles */
	TICK_NS = CLOCK_NS_PER_MS,
	N_IDLE_TURNS = 5000,
	MARKS = 4 * TRACE_SIZE
};

struct transfer {
	struct weir_loop *loop;
	struct weir_conn conn;
	struct weir_observer observer;
	struct trace *trace;
	int reader;
	unsigned char *data; /* what is sent */
	unsigned char *got;
	size_t sent; /* by the caller of send, which keeps count */
};

static void note(struct transfer *transfer, enum trace_kind kind, size_t n,
		 size_t left)
{
	struct trace *trace = transfer->trace;

	if (trace->n_events < TRACE_N_EVENTS)
		trace->events[trace->n_events++] =
			(struct trace_event){kind, n, left};
}

/* -- what the library does -- */

static struct transfer *observed(struct weir_observer *observer)
{
	return weir_container_of(observer, struct transfer, observer);
}

static void on_offer(struct weir_observer *o, struct weir_conn *c,
		     size_t offered, size_t taken)
{
	(void)c;
	note(observed(o), TRACE_TAKEN, taken, offered - taken);
}

static void on_queue(struct weir_observer *o, struct weir_conn *c, uint64_t n,
		     uint64_t n_queued)
{
	(void)c;
	note(observed(o), TRACE_QUEUED, (size_t)n, (size_t)n_queued);
}

static void on_arm(struct weir_observer *o, struct weir_conn *c)
{
	(void)c;
	note(observed(o), TRACE_ARMED, 0, 0);
}

static void on_move(struct weir_observer *o, struct weir_conn *c, size_t taken,
		    uint64_t n_queued)
{
	(void)c;
	if (taken > 0)
		note(observed(o), TRACE_MOVED, taken, (size_t)n_queued);
}

static void on_drain(struct weir_observer *o, struct weir_conn *c,
		     uint64_t stalled_ns)
{
	(void)c, (void)stalled_ns;
	note(observed(o), TRACE_DRAINED, 0, 0);
}

static void on_disarm(struct weir_observer *o, struct weir_conn *c)
{
	(void)c;
	note(observed(o), TRACE_DISARMED, 0, 0);
}

/* -- what the caller does -- */

/* With send the caller keeps the rest, and where it begins. */
static void send_some(struct transfer *transfer)
{
	size_t n = TRACE_SIZE - transfer->sent;
	ssize_t taken;

	note(transfer, TRACE_CALL, n, 0);
	taken = weir_conn_send(&transfer->conn, transfer->data + transfer->sent,
			       n);
	if (taken > 0)
		transfer->sent += (size_t)taken;
	if (transfer->sent < TRACE_SIZE)
		note(transfer, TRACE_KEPT, TRACE_SIZE - transfer->sent, 0);
}

static void on_writable(struct weir_conn *conn)
{
	struct transfer *transfer =
		weir_container_of(conn, struct transfer, conn);

	note(transfer, TRACE_WRITABLE, 0, 0);
	send_some(transfer);
}

/* With sendall that is all. */
static void send_all(struct transfer *transfer)
{
	note(transfer, TRACE_CALL, TRACE_SIZE, 0);
	if (weir_conn_sendall(&transfer->conn, transfer->data, TRACE_SIZE) == 0)
		note(transfer, TRACE_RETURNED, 0, 0);
}

static size_t on_data(struct weir_conn *conn, const void *data, size_t n)
{
	(void)conn, (void)data;
	return n;
}

static void on_close(struct weir_conn *conn, const struct weir_result *result)
{
	(void)conn, (void)result;
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_writable = on_writable, .on_close = on_close};

/* Room for all of it, so that one sendall shows the whole way. */
static const struct weir_conn_limits limits = {.high = MARKS / 2, .max = MARKS};

/* -- both ends -- */

/* The server's end of a new connection, or -errno; transfer->reader is the
 * other. */
static int connect_pair(struct transfer *transfer)
{
	struct sockaddr_in address;
	int listener = dial_listen(&address, BUFFER);
	int fd = listener;

	transfer->reader = -1;
	if (listener >= 0) {
		transfer->reader = dial_connect(&address, BUFFER);
		fd = transfer->reader;
	}
	if (transfer->reader >= 0) {
		fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (listener >= 0)
		(void)close(listener);
	return fd;
}

/* The reader takes what there is. */
static size_t take(struct transfer *transfer)
{
	struct trace *trace = transfer->trace;
	size_t before = trace->n_received;
	ssize_t n = 1;

	while (n > 0 && trace->n_received < TRACE_SIZE) {
		n = recv(transfer->reader, transfer->got + trace->n_received,
			 TRACE_SIZE - trace->n_received, MSG_DONTWAIT);
		if (n > 0)
			trace->n_received += (size_t)n;
	}
	return trace->n_received - before;
}

/* A turn of the loop, and the reader's turn; a transfer that stands still
 * is given up. */
static void move_all(struct transfer *transfer)
{
	unsigned n_idle = 0;

	if (transfer->trace->is_sendall)
		send_all(transfer);
	else
		send_some(transfer);
	while (transfer->trace->n_received < TRACE_SIZE &&
	       n_idle < N_IDLE_TURNS) {
		int n = weir_loop_turn(transfer->loop, TICK_NS);

		n_idle = take(transfer) > 0 || n > 0 ? 0 : n_idle + 1;
	}
	(void)weir_loop_turn(transfer->loop, 0);
	transfer->trace->is_intact =
		transfer->trace->n_received == TRACE_SIZE &&
		memcmp(transfer->got, transfer->data, TRACE_SIZE) == 0;
}

static int prepare(struct transfer *transfer)
{
	int fd;
	int error;

	transfer->data = contest_debt_new(TRACE_SIZE);
	transfer->got = malloc(TRACE_SIZE);
	if (!transfer->data || !transfer->got)
		return ENOMEM;
	fd = connect_pair(transfer);
	if (fd < 0)
		return -fd;
	error = -weir_conn_open(&transfer->conn, transfer->loop, fd, &events,
				&limits);
	if (error)
		(void)close(fd);
	return error;
}

static int run(struct trace *trace, bool is_sendall)
{
	struct transfer transfer = {.reader = -1,
				    .trace = trace,
				    .observer = {.on_offer = on_offer,
						 .on_queue = on_queue,
						 .on_arm = on_arm,
						 .on_move = on_move,
						 .on_drain = on_drain,
						 .on_disarm = on_disarm}};
	int error = -weir_loop_new(&transfer.loop);

	*trace = (struct trace){.is_sendall = is_sendall};
	if (error)
		return error;
	error = prepare(&transfer);
	if (!error) {
		weir_loop_observe(transfer.loop, &transfer.observer);
		move_all(&transfer);
		weir_loop_observe(transfer.loop, NULL);
		weir_conn_abort(&transfer.conn, true);
		(void)weir_loop_run(transfer.loop);
	}
	if (transfer.reader >= 0)
		(void)close(transfer.reader);
	free(transfer.data);
	free(transfer.got);
	(void)weir_loop_free(transfer.loop);
	return error;
}

int trace_send(struct trace *trace)
{
	return run(trace, false);
}

int trace_sendall(struct trace *trace)
{
	return run(trace, true);
}
