/* The hub of a broadcast: made by its first door, freed by its last. */
#include "hub.h"

#include <errno.h>
#include <stdlib.h>

static int open_board(struct hub *hub, struct server *server, size_t n_workers)
{
	int error = board_init(&hub->board, n_workers);

	for (size_t i = 0; i < n_workers && error == 0; i++)
		hub->board.readers[i].bell = &server->workers[i].bell;
	return error;
}

static struct hub *hub_new(struct server *server)
{
	size_t n = server->settings->n_workers;
	struct hub *hub = calloc(1, sizeof *hub);

	if (!hub)
		return NULL;
	hub->branches = aligned_alloc(_Alignof(struct branch),
				      n * sizeof *hub->branches);
	if (!hub->branches || (n > 1 && open_board(hub, server, n) < 0)) {
		free(hub->branches);
		free(hub);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		hub->branches[i] = (struct branch){.n_members = 0};
		weir_list_init(&hub->branches[i].members);
		weir_list_init(&hub->branches[i].held);
	}
	return hub;
}

static void hub_free(struct hub *hub)
{
	if (hub->board.n_readers > 0)
		board_deinit(&hub->board);
	free(hub->branches);
	free(hub);
}

/* The first worker has doors of every offer, and opens them first. */
static struct hub *find_hub(const struct door *door)
{
	const struct worker *first = &door->worker->server->workers[0];

	for (size_t i = 0; i < first->n_doors; i++)
		if (first->doors[i].offer == door->offer)
			return first->doors[i].state;
	return NULL;
}

int hub_open(struct door *door)
{
	struct hub *hub = find_hub(door);

	if (!hub)
		hub = hub_new(door->worker->server);
	if (!hub)
		return -ENOMEM;
	hub->n_doors++;
	door->state = hub;
	return 0;
}

void hub_close(struct door *door)
{
	struct hub *hub = door->state;

	if (--hub->n_doors == 0)
		hub_free(hub);
}
