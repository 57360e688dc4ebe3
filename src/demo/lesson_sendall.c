/* A sendall that fails half-way: lessons about the count that the caller of
 * most languages' sendall does not get. */
#include "lesson_kit.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clock.h"

enum {
	SIZE = 1 << 20
};

static uint64_t in_ms(uint64_t ms)
{
	return clock_now() + ms * CLOCK_NS_PER_MS;
}

/* -- on a non-blocking socket -- */

/* sendall as languages have it: all, or an error and no count. */
static int plain_sendall(int fd, const unsigned char *data, size_t n)
{
	while (n > 0) {
		ssize_t n_sent = send(fd, data, n, MSG_NOSIGNAL);

		if (n_sent < 0)
			return errno;
		data += n_sent;
		n -= (size_t)n_sent;
	}
	return 0;
}

static void run_nonblocking(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair plain;
	struct lesson_pair weir;
	size_t told;
	int error;

	lesson_pair_open(&plain);
	error = plain_sendall(plain.fd, data, SIZE);
	lesson_pair_finish(&plain);
	lesson_pair_open(&weir);
	(void)weir_fd_sendall(weir.fd, data, SIZE, 0, &told);
	lesson_pair_finish(&weir);

	r->holds = error == 0;
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "error", (uint64_t)error);
	lesson_note(r, "delivered", plain.peer.n_received);
	lesson_note(r, "weir_told", told);
	lesson_note(r, "weir_delivered", weir.peer.n_received);
	lesson_say(r,
		   "asked for %d bytes it said %s, after %" PRIu64
		   " had left: the caller cannot know. weir_fd_sendall, in the "
		   "same place, says %zu, and %" PRIu64 " arrived.",
		   SIZE, lesson_error_name(error), plain.peer.n_received, told,
		   weir.peer.n_received);
	lesson_pair_close(&plain);
	lesson_pair_close(&weir);
	free(data);
}

const struct lesson lesson_sendall_nonblocking = {
	.name = "sendall-nonblocking",
	.belief = "sendall works on a non-blocking socket, too.",
	.right = "A sendall that must not wait needs a queue for the rest: "
		 "weir_conn_sendall. One that may wait must say how far it "
		 "came: weir_fd_sendall(fd, data, n, deadline, &sent).",
	.run = run_nonblocking,
};

/* -- with a time-out -- */

static void *read_to_the_end(void *peer)
{
	lesson_peer_finish(peer);
	return NULL;
}

/* A first sendall that times out, since the peer does not read; then, the peer
 * reading, one more that begins at byte 0, or where the first one stopped. */
static int send_twice(struct lesson_pair *pair, const unsigned char *data,
		      bool goes_on)
{
	pthread_t reader;
	size_t sent;
	int first_error;
	int error;

	lesson_pair_open(pair);
	first_error = -weir_fd_sendall(pair->fd, data, SIZE, in_ms(10), &sent);
	if (!goes_on)
		sent = 0; /* a sendall that raises has no count to give */
	error = pthread_create(&reader, NULL, read_to_the_end, &pair->peer);
	if (error)
		lesson_die("pthread_create", error);
	error = weir_fd_sendall(pair->fd, data + sent, SIZE - sent, WEIR_NEVER,
				NULL);
	if (error)
		lesson_die("weir_fd_sendall", -error);
	shutdown(pair->fd, SHUT_WR);
	pthread_join(reader, NULL);
	return first_error;
}

static void run_timeout(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair again;
	struct lesson_pair on;
	int error = send_twice(&again, data, false);
	uint64_t twice = again.peer.n_received - SIZE;

	(void)send_twice(&on, data, true);
	r->holds = twice == 0;
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "error", (uint64_t)error);
	lesson_note(r, "delivered", again.peer.n_received);
	lesson_note(r, "twice", twice);
	lesson_note(r, "first_wrong", again.peer.first_wrong);
	lesson_note(r, "weir_delivered", on.peer.n_received);
	lesson_note(r, "weir_first_wrong", on.peer.first_wrong);
	lesson_say(r,
		   "sendall of %d bytes ended in %s and was called again. The "
		   "peer received %" PRIu64 ": the first %" PRIu64
		   " of them twice. Continued from its count: %" PRIu64 ".",
		   SIZE, lesson_error_name(error), again.peer.n_received, twice,
		   on.peer.n_received);
	lesson_pair_close(&again);
	lesson_pair_close(&on);
	free(data);
}

const struct lesson lesson_sendall_timeout = {
	.name = "sendall-timeout",
	.belief = "After a time-out, sendall can simply be repeated.",
	.right = "Go on where it stopped: weir_fd_sendall(fd, data, n, "
		 "deadline, &sent), then the same from data + sent. If the "
		 "count is not known, the connection can only be closed.",
	.run = run_timeout,
};
