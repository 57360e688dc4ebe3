/* The descriptor is shared with the program that started us and may be
 * blocking. A pipe that poll(2) calls writable takes at least PIPE_BUF bytes
 * without blocking (pipe(7)), so each poll is followed by one write of no more.
 * A socket has at least as much room; a slow terminal may block until it has
 * shown the piece. Files are always writable. */
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

/* Also true when the next write would only tell an error. */
static bool has_room(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) > 0;
}

static void on_ready(struct weir_watch *watch, uint32_t events)
{
	struct output *output = weir_container_of(watch, struct output, watch);

	(void)events;
	(void)weir_watch_set(watch, 0); /* to 0 it cannot fail */
	output->on_room(output);
}

static int wait_for_room(struct output *output)
{
	if (weir_watch_is_open(&output->watch))
		return weir_watch_set(&output->watch, EPOLLOUT);
	return weir_watch_open(&output->watch, output->loop, STDOUT_FILENO,
			       EPOLLOUT, on_ready);
}

void output_open(struct output *output, struct weir_loop *loop,
		 output_room_fn *on_room)
{
	output->loop = loop;
	output->on_room = on_room;
}

ssize_t output_write(struct output *output, const void *data, size_t n)
{
	size_t n_written = 0;
	int error = 0;

	while (n_written < n && has_room()) {
		size_t n_left = n - n_written;
		ssize_t m = write(STDOUT_FILENO, (const char *)data + n_written,
				  n_left < PIPE_BUF ? n_left : PIPE_BUF);

		if (m < 0 && errno == EAGAIN)
			break; /* somebody has made it non-blocking */
		if (m < 0 && errno != EINTR)
			return -errno;
		if (m > 0)
			n_written += (size_t)m;
	}
	if (n_written < n)
		error = wait_for_room(output);
	return error ? error : (ssize_t)n_written;
}

void output_close(struct output *output)
{
	weir_watch_close(&output->watch);
}
