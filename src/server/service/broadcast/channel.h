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
	_Alignas(64) struct weir_feed feed; /* of all lines, for its clients */
	struct weir_list held; /* not read until there is room for more */
	struct ring *ring;     /* NULL: there are no other workers */
	size_t number;	       /* of the worker: its reader in the ring */
	size_t n_endpoints;
};

/* Of one endpoint configuration. */
struct channel {
	struct channel_worker *workers;
	struct ring ring; /* if there are several workers */
	size_t n_endpoints;
};

/* Set endpoint->state to the channel of its configuration; the worker's feed,
 * if this is its first endpoint, has these events. -ENOMEM. */
int channel_open(struct endpoint *endpoint,
		 const struct weir_feed_events *events);
/* The last endpoint of a worker frees its feed, the last of all the channel. */
void channel_close(struct endpoint *endpoint);

static inline struct channel_worker *channel_worker(
	const struct endpoint *endpoint)
{
	const struct channel *channel = endpoint->state;

	return &channel->workers[endpoint->worker->number];
}

#endif
