/* What one client that does not read costs the others, and the server's memory:
 * lessons about sendall among many connections. */
#include "lesson_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	N_CLIENTS = 8,
	STALLED = 3, /* which of them does not read */
	N_ROUNDS = 200,
	MESSAGE = 4096,
	BLOCK = 16384,
	SMALL_DEBT = 1 << 20,
	LARGE_DEBT = 2 << 20,
	QUEUE_HIGH = 65536,
	QUEUE_MAX = QUEUE_HIGH + WEIR_READ_SIZE
};

static const struct weir_conn_limits limits = {.high = QUEUE_HIGH,
					       .max = QUEUE_MAX};

/* -- sendall in an event loop -- */

/* A blocking socket, but for the 20 ms after which send gives up: a server
 * would hang for as long as its client likes, a lesson has to end. */
static void make_blocking(int fd)
{
	const struct timeval patience = {.tv_usec = 20000};

	if (fcntl(fd, F_SETFL, 0) < 0)
		lesson_die("fcntl", errno);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof patience) < 0)
		lesson_die("setsockopt", errno);
}

/* Each round gives every client the same message, one client after the other.
 * Returns the rounds that were finished before a send hung. */
static size_t broadcast_blocking(struct lesson_pair *clients,
				 const unsigned char *data)
{
	for (size_t i = 0; i < N_CLIENTS; i++)
		make_blocking(clients[i].fd);
	for (size_t round = 0; round < N_ROUNDS; round++) {
		const unsigned char *message = data + round * MESSAGE;

		for (size_t i = 0; i < N_CLIENTS; i++) {
			struct lesson_peer *peer = &clients[i].peer;

			if (send(clients[i].fd, message, MESSAGE,
				 MSG_NOSIGNAL) != MESSAGE)
				return round;
			while (i != STALLED &&
			       peer->n_received < (round + 1) * MESSAGE) {
				lesson_await(peer->fd, POLLIN);
				lesson_peer_read(peer, SIZE_MAX);
			}
		}
	}
	return N_ROUNDS;
}

/* The same by weir_conn_sendall. Returns how many messages were refused, the
 * stalled client's queue being full. */
static size_t broadcast_weir(struct weir_loop *loop,
			     struct lesson_pair *clients,
			     const unsigned char *data)
{
	size_t n_refused = 0;

	for (size_t i = 0; i < N_CLIENTS; i++) {
		lesson_conn_open(&clients[i], loop, &limits);
		if (i != STALLED)
			lesson_peer_join(&clients[i].peer, loop, SIZE_MAX);
	}
	for (size_t round = 0; round < N_ROUNDS; round++) {
		for (size_t i = 0; i < N_CLIENTS; i++)
			if (weir_conn_sendall(&clients[i].conn,
					      data + round * MESSAGE,
					      MESSAGE) < 0)
				n_refused++;
		for (size_t i = 0; i < N_CLIENTS; i++)
			if (i != STALLED)
				lesson_loop_until(loop, &clients[i].peer,
						  (round + 1) * MESSAGE);
	}
	return n_refused;
}

static void open_all(struct lesson_pair *clients)
{
	for (size_t i = 0; i < N_CLIENTS; i++)
		lesson_pair_open(&clients[i]);
}

static void close_all(struct lesson_pair *clients)
{
	for (size_t i = 0; i < N_CLIENTS; i++)
		lesson_pair_close(&clients[i]);
}

/* Of the clients that read: how many right bytes the worst off has received. */
static uint64_t least_received(const struct lesson_pair *clients)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < N_CLIENTS; i++) {
		const struct lesson_peer *peer = &clients[i].peer;

		if (i != STALLED && peer->n_received < least)
			least = peer->n_received;
		if (i != STALLED && peer->first_wrong < least)
			least = peer->first_wrong;
	}
	return least;
}

static void run_in_loop(struct lesson_result *r)
{
	unsigned char *data = lesson_data((size_t)N_ROUNDS * MESSAGE);
	struct lesson_pair clients[N_CLIENTS];
	struct weir_progress progress;
	struct weir_loop *loop;
	size_t n_blocking;
	size_t n_refused;
	uint64_t n_weir;

	open_all(clients);
	n_blocking = broadcast_blocking(clients, data);
	close_all(clients);
	open_all(clients);
	loop = lesson_loop_open();
	n_refused = broadcast_weir(loop, clients, data);
	n_weir = least_received(clients) / MESSAGE;
	weir_conn_progress(&clients[STALLED].conn, &progress);
	close_all(clients);
	lesson_loop_close(loop);

	r->holds = n_blocking == N_ROUNDS;
	lesson_note(r, "rounds", N_ROUNDS);
	lesson_note(r, "blocking_rounds", n_blocking);
	lesson_note(r, "weir_rounds", n_weir);
	lesson_note(r, "weir_refused", n_refused);
	lesson_note(r, "weir_queue_peak", progress.queue_peak);
	lesson_note(r, "weir_queue_max", QUEUE_MAX);
	lesson_say(r,
		   "one of %d clients did not read. Of %d rounds to all of "
		   "them by blocking sends %zu were finished%s. By "
		   "weir_conn_sendall the others got %" PRIu64
		   "; for the one, %zu bytes were queued at most, and %zu "
		   "messages refused.",
		   N_CLIENTS, N_ROUNDS, n_blocking,
		   n_blocking < N_ROUNDS ? "; then all waited for that one"
					 : "",
		   n_weir, (size_t)progress.queue_peak, n_refused);
	free(data);
}

const struct lesson lesson_sendall_in_loop = {
	.name = "sendall-in-loop",
	.belief = "sendall in an event loop is fine.",
	.right = "One thread for many connections must never wait for one of "
		 "them: weir_conn_sendall queues what the kernel does not "
		 "take, and waits for EPOLLOUT together with everything else.",
	.run = run_in_loop,
};

/* -- a queue and nothing else -- */

struct queue {
	unsigned char *data;
	size_t n;
};

/* A queue that takes whatever it is given. */
static void append(struct queue *queue, const unsigned char *data, size_t n)
{
	queue->data = lesson_alloc(queue->data, queue->n + n);
	memcpy(queue->data + queue->n, data, n);
	queue->n += n;
}

/* n_owed bytes for a client that does not read. Returns how many of them the
 * queue holds in the end. */
static size_t queue_all(const unsigned char *data, size_t n_owed)
{
	struct queue queue = {.n = 0};
	struct lesson_pair pair;

	lesson_pair_open(&pair);
	for (size_t at = 0; at < n_owed; at += BLOCK) {
		ssize_t n = 0;

		if (queue.n == 0)
			n = send(pair.fd, data + at, BLOCK, MSG_NOSIGNAL);
		if (n < 0)
			n = 0;
		if (n < BLOCK)
			append(&queue, data + at + n, BLOCK - (size_t)n);
	}
	free(queue.data);
	lesson_pair_close(&pair);
	return queue.n;
}

/* The same with marks. Returns the queue's peak. */
static size_t queue_by_weir(const unsigned char *data, size_t n_owed)
{
	struct weir_progress progress;
	struct lesson_pair pair;
	struct weir_loop *loop;

	lesson_pair_open(&pair);
	loop = lesson_loop_open();
	lesson_conn_open(&pair, loop, &limits);
	for (size_t at = 0; at < n_owed; at += BLOCK)
		if (weir_conn_sendall(&pair.conn, data + at, BLOCK) < 0)
			break; /* -ENOBUFS: on_pressure tells when to go on */
	weir_conn_progress(&pair.conn, &progress);
	lesson_pair_close(&pair);
	lesson_loop_close(loop);
	return (size_t)progress.queue_peak;
}

static void run_without_cap(struct lesson_result *r)
{
	unsigned char *data = lesson_data(LARGE_DEBT);
	size_t small = queue_all(data, SMALL_DEBT);
	size_t large = queue_all(data, LARGE_DEBT);
	size_t weir_small = queue_by_weir(data, SMALL_DEBT);
	size_t weir_large = queue_by_weir(data, LARGE_DEBT);

	r->holds = large - small < (LARGE_DEBT - SMALL_DEBT) / 2;
	lesson_note(r, "small_debt", SMALL_DEBT);
	lesson_note(r, "large_debt", LARGE_DEBT);
	lesson_note(r, "small_queue", small);
	lesson_note(r, "large_queue", large);
	lesson_note(r, "weir_small_queue", weir_small);
	lesson_note(r, "weir_large_queue", weir_large);
	lesson_note(r, "weir_queue_max", QUEUE_MAX);
	lesson_say(r,
		   "owing %d bytes to a client that does not read, the queue "
		   "held %zu; owing %d, it held %zu. Weir's held %zu and %zu, "
		   "its max being %d.",
		   SMALL_DEBT, small, LARGE_DEBT, large, weir_small, weir_large,
		   QUEUE_MAX);
	free(data);
}

const struct lesson lesson_queue_without_cap = {
	.name = "queue-without-cap",
	.belief = "A queue for what was not sent solves it.",
	.right = "A queue needs a mark at which its source is stopped, and a "
		 "limit at which messages are refused: struct weir_conn_limits "
		 "has both, and on_pressure tells when to stop and go on.",
	.run = run_without_cap,
};
