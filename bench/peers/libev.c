/* The echo on libev: a bare watcher for each connection. libev has no send
 * queue, so as in raw_epoll.c a short send ends the connection. */
#include <ev.h>

#include "listen.h"

static char block[READ_SIZE];

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	ssize_t n = recv(io->fd, block, sizeof block, 0);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && send(io->fd, block, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	ev_io_stop(loop, io);
	close(io->fd);
	free(io);
}

static void on_connection(struct ev_loop *loop, ev_io *listener, int events)
{
	int fd;

	(void)events;
	while ((fd = accept4(listener->fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		ev_io *io = malloc(sizeof *io);

		if (!io) {
			close(fd);
			continue;
		}
		no_delay(fd);
		ev_io_init(io, on_readable, fd, EV_READ);
		ev_io_start(loop, io);
	}
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
	ev_io listener;

	ev_io_init(&listener, on_connection,
		   listen_on("libev", port_of(argc, argv)), EV_READ);
	ev_io_start(loop, &listener);
	ev_run(loop, 0);
	return 0;
}
