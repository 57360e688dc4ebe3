/* A channel: what all endpoints of one broadcast=ADDRESS share, across address
 * families and workers.
 *
 * Endpoints open and close while there is one thread; the first worker's open
 * first. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "ring.h"
#include "client.h"

/* One worker's part, in cache lines of its own. */
struct channel_worker {
	_Alignas(64) struct weir_list members;
	struct weir_list held; /* not read until the worker's wakeup */
	size_t n_members;
};

/* Of one endpoint configuration. */
struct channel {
	struct channel_worker *workers;
	struct ring ring; /* if there are several workers */
	size_t n_endpoints;
};

/* Set endpoint->state to the channel of its configuration. -ENOMEM. */
int channel_open(struct endpoint *endpoint);
/* The last endpoint frees it. */
void channel_close(struct endpoint *endpoint);

static inline struct channel_worker *channel_worker(
	const struct endpoint *endpoint)
{
	const struct channel *channel = endpoint->state;

	return &channel->workers[endpoint->worker->number];
}

/* NULL: there are no other workers. */
static inline struct ring *channel_ring(const struct endpoint *endpoint)
{
	struct channel *channel = endpoint->state;

	return channel->ring.n_readers > 0 ? &channel->ring : NULL;
}

#endif
