/* Who comes in by a door: counted, let in, or turned away. */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const whys[N_TURNED_AWAY] = {
	[TURNED_AWAY_MEMORY] = "no memory",
	[TURNED_AWAY_MAX_CONNS] = "as many as --max-conns are here",
	[TURNED_AWAY_PROXY] = "no PROXY header",
};

void door_turn_away(struct door *door, int fd, enum turned_away why,
		    const char *text)
{
	uint64_t n = ++door->tally.n_turned_away[why];

	close(fd);
	log_say(door->worker, "%s: a client turned away: %s (%llu so far)",
		door->service->name, text ? text : whys[why],
		(unsigned long long)n);
}

void door_serve(struct door *door, int fd, const struct weir_address *peer)
{
	struct worker *worker = door->worker;
	struct weir_conn *c = clients_add(door, fd, peer);
	int error = -ENOMEM;

	if (c)
		error = weir_conn_open(c, worker->loop, fd,
				       &door->service->events, &door->limits);
	if (error == 0) {
		door->tally.n_accepted++;
		if (door->service->on_open)
			door->service->on_open(door, c);
		return;
	}
	if (c)
		clients_remove(c);
	door_turn_away(door, fd, TURNED_AWAY_MEMORY, strerror(-error));
	door_dismiss(door);
}

/* A place among --max-conns. */
static bool admit(struct door *door)
{
	struct server *server = door->worker->server;
	uint64_t max = server->settings->max_conns;

	if (door->service->is_private)
		return true;
	if (atomic_fetch_add(&server->n_conns, 1) < max || max == 0)
		return true;
	atomic_fetch_sub(&server->n_conns, 1);
	return false;
}

void door_dismiss(struct door *door)
{
	if (!door->service->is_private)
		atomic_fetch_sub(&door->worker->server->n_conns, 1);
}

/* A crowd before a full house is told of once. */
static void refuse_newcomer(struct door *door, int fd)
{
	if (!door->is_full) {
		door->is_full = true;
		door_turn_away(door, fd, TURNED_AWAY_MAX_CONNS, NULL);
		return;
	}
	door->tally.n_turned_away[TURNED_AWAY_MAX_CONNS]++;
	close(fd);
}

void door_receive(struct door *door, int fd, const struct weir_address *peer)
{
	if (!admit(door)) {
		refuse_newcomer(door, fd);
		return;
	}
	door->is_full = false;
	if (door->worker->settings->accepts_proxy && !door->service->is_private)
		proxy_receive(door, fd, peer);
	else
		door_serve(door, fd, peer);
}
