/* Waiting for room: lessons about EPOLLOUT and EAGAIN. */
#include "lesson_kit.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SIZE = 1 << 20,
	N_TURNS = 1000,
	/* a slow reader: bytes for each read, and our calls between two */
	SLOW_READ = 16384,
	SLOW_CALLS = 1000
};

/* -- keeping EPOLLOUT armed -- */

/* Nothing happens on fd, and there is nothing to send. How many of N_TURNS
 * waits are woken up all the same? They have no patience at all, since a loop
 * that is right would sleep here for ever. */
static size_t count_wakeups(int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	size_t n_wakeups = 0;

	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		lesson_die("epoll", errno);
	for (int i = 0; i < N_TURNS; i++)
		if (epoll_wait(epoll_fd, &event, 1, 0) > 0)
			n_wakeups++;
	close(epoll_fd);
	return n_wakeups;
}

/* The same after a transfer that had to wait for room n_arms times. */
static size_t count_wakeups_by_weir(const unsigned char *data, uint32_t *n_arms)
{
	struct weir_progress progress;
	struct lesson_pair pair;
	struct weir_loop *loop;
	size_t n_wakeups = 0;

	lesson_pair_open(&pair);
	loop = lesson_loop_open();
	lesson_conn_open(&pair, loop, NULL);
	lesson_conn_sendall(&pair, data, SIZE);
	lesson_peer_join(&pair.peer, loop, SIZE_MAX);
	lesson_loop_until(loop, &pair.peer, SIZE);
	weir_conn_progress(&pair.conn, &progress);
	*n_arms = progress.n_arms;
	for (int i = 0; i < N_TURNS; i++)
		if (weir_loop_turn(loop, 0) > 0)
			n_wakeups++;
	lesson_pair_close(&pair);
	lesson_loop_close(loop);
	return n_wakeups;
}

static void run_armed(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair pair;
	uint32_t n_arms;
	size_t n_weir = count_wakeups_by_weir(data, &n_arms);
	size_t n_wakeups;

	lesson_pair_open(&pair);
	n_wakeups = count_wakeups(pair.fd);
	lesson_pair_close(&pair);

	r->holds = n_wakeups <= n_weir;
	lesson_note(r, "turns", N_TURNS);
	lesson_note(r, "wakeups", n_wakeups);
	lesson_note(r, "weir_wakeups", n_weir);
	lesson_note(r, "weir_arms", n_arms);
	lesson_say(r,
		   "with nothing to send and nothing to read, %zu of %d waits "
		   "ended at once. Weir sent %d bytes, EPOLLOUT armed while "
		   "they waited (arms: %" PRIu32 "), and then %zu of %d did.",
		   n_wakeups, N_TURNS, SIZE, n_arms, n_weir, N_TURNS);
	free(data);
}

const struct lesson lesson_epollout_armed = {
	.name = "epollout-armed",
	.belief = "Keep EPOLLOUT armed, to be safe.",
	.right = "A socket nearly always has room, so the loop would never "
		 "sleep. Arm EPOLLOUT when a send was short, disarm it when "
		 "the queue is empty: Weir derives it from the queue, once a "
		 "turn.",
	.run = run_armed,
};

/* -- EPOLLOUT is room for something -- */

static void run_is_room(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair pair;
	size_t n_queued;
	size_t n;

	lesson_pair_open(&pair);
	(void)weir_fd_sendall(pair.fd, data, SIZE, 0, &n_queued);
	lesson_make_room(&pair);
	n = lesson_send(&pair, data + n_queued, SIZE - n_queued);

	r->holds = n == SIZE - n_queued;
	lesson_note(r, "waiting", SIZE - n_queued);
	lesson_note(r, "taken", n);
	lesson_note(r, "peer_read", pair.peer.n_received);
	lesson_say(r,
		   "%zu bytes waited for room. The peer read %" PRIu64
		   ", EPOLLOUT came, and send took %zu.",
		   SIZE - n_queued, pair.peer.n_received, n);
	lesson_pair_close(&pair);
	free(data);
}

const struct lesson lesson_epollout_is_room = {
	.name = "epollout-is-room",
	.belief = "EPOLLOUT means that all of it will fit.",
	.right = "It means room for something (on TCP a third of the buffer). "
		 "The send after it may be short like any other: keep the "
		 "rest and wait again.",
	.run = run_is_room,
};

/* -- retrying on EAGAIN -- */

/* sendall by trying again at once; the peer reads a piece whenever SLOW_CALLS
 * more calls have been made. Returns the calls of send. */
static uint64_t send_by_spinning(const unsigned char *data)
{
	struct lesson_pair pair;
	uint64_t n_calls = 0;
	size_t sent = 0;

	lesson_pair_open(&pair);
	while (sent < SIZE) {
		ssize_t n =
			send(pair.fd, data + sent, SIZE - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			lesson_die("send", errno);
		if (++n_calls % SLOW_CALLS == 0)
			lesson_peer_read(&pair.peer, SLOW_READ);
	}
	lesson_pair_close(&pair);
	return n_calls;
}

struct counter {
	struct weir_observer observer;
	uint64_t n_calls;
};

static void on_offer(struct weir_observer *o, struct weir_conn *c,
		     size_t offered, size_t taken)
{
	(void)c;
	(void)offered;
	(void)taken;
	weir_container_of(o, struct counter, observer)->n_calls++;
}

static void on_move(struct weir_observer *o, struct weir_conn *c, size_t taken,
		    uint64_t n_queued)
{
	(void)c;
	(void)taken;
	(void)n_queued;
	weir_container_of(o, struct counter, observer)->n_calls++;
}

/* The same by a queue and EPOLLOUT, the peer reading a piece a turn. */
static uint64_t send_by_queue(const unsigned char *data)
{
	struct counter counter = {
		.observer = {.on_offer = on_offer, .on_move = on_move}};
	struct lesson_pair pair;
	struct weir_loop *loop;

	lesson_pair_open(&pair);
	loop = lesson_loop_open();
	weir_loop_observe(loop, &counter.observer);
	lesson_conn_open(&pair, loop, NULL);
	lesson_peer_join(&pair.peer, loop, SLOW_READ);
	lesson_conn_sendall(&pair, data, SIZE);
	lesson_loop_until(loop, &pair.peer, SIZE);
	lesson_pair_close(&pair);
	lesson_loop_close(loop);
	return counter.n_calls;
}

static void run_eagain(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	uint64_t n_spinning = send_by_spinning(data);
	uint64_t n_queue = send_by_queue(data);

	r->holds = n_spinning <= 2 * n_queue;
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "calls", n_spinning);
	lesson_note(r, "weir_calls", n_queue);
	lesson_say(r,
		   "%d bytes to a reader that takes %d whenever %d calls were "
		   "made cost %" PRIu64 " calls of send (%" PRIu64
		   " a KiB), and the thread did nothing else. By a queue and "
		   "EPOLLOUT, the reader taking %d a turn: %" PRIu64 " sends.",
		   SIZE, SLOW_READ, SLOW_CALLS, n_spinning,
		   n_spinning / (SIZE / 1024), SLOW_READ, n_queue);
	free(data);
}

const struct lesson lesson_eagain_loop = {
	.name = "eagain-loop",
	.belief = "On EAGAIN, just try again.",
	.right = "EAGAIN means that there is nothing to do here for now: keep "
		 "the bytes, arm EPOLLOUT, and serve the others until it "
		 "comes.",
	.run = run_eagain,
};
