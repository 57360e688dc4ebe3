#include "harness_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "harness.h"

static unsigned n_calls_in_all;

void probe_note(struct weir_watch *watch, uint32_t events)
{
	struct probe *probe = weir_container_of(watch, struct probe, watch);

	probe->n_calls++;
	probe->sequence = ++n_calls_in_all;
	probe->turn = watch->loop->n_turns;
	probe->events = events;
	if (probe->then)
		probe->then(probe);
}

void probe_open(struct probe *probe, struct weir_loop *loop, uint32_t events)
{
	int error;

	harness_unix_pair(probe->fd, 0);
	error = weir_watch_open(&probe->watch, loop, probe->fd[0], events,
				probe_note);
	if (error < 0)
		harness_die("a probe cannot open: %s", strerror(-error));
}

static void close_fd(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = 0;
}

void probe_hang_up(struct probe *probe)
{
	close_fd(&probe->fd[1]);
}

void probe_close(struct probe *probe)
{
	weir_watch_close(&probe->watch);
	close_fd(&probe->fd[0]);
	close_fd(&probe->fd[1]);
}

void probe_poke(struct probe *probe)
{
	harness_write(probe->fd[1], "!", 1);
}

void probe_drain(struct probe *probe)
{
	char bytes[256];

	while (harness_drain(probe->fd[0], bytes, sizeof bytes) > 0)
		;
}
