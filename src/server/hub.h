/* What the doors of one broadcast share, across address families and workers.
 *
 * Doors open and close in one thread, while there is no other: the first
 * worker's first. */
#ifndef HUB_H
#define HUB_H

#include "board.h"
#include "server.h"

/* What one worker has of it; no other thread's data are in its cache lines. */
struct branch {
	_Alignas(64) struct weir_list members;
	struct weir_list held; /* those that are not read until the bell */
	size_t n_members;
};

/* All doors of one offer. */
struct hub {
	struct branch *branches; /* one a worker */
	struct board board;	 /* between them, if there are several */
	size_t n_doors;
};

/* Make door->state the hub of its offer. -ENOMEM. */
int hub_open(struct door *door);
/* The last one closes it. */
void hub_close(struct door *door);

static inline struct branch *hub_branch(const struct door *door)
{
	const struct hub *hub = door->state;

	return &hub->branches[door->worker->number];
}

/* The board, if there are other workers; else NULL. */
static inline struct board *hub_board(const struct door *door)
{
	struct hub *hub = door->state;

	return hub->board.n_readers > 0 ? &hub->board : NULL;
}

#endif
