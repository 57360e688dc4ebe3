/* A channel is created by its first endpoint and freed by its last. */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>

static int open_ring(struct channel *channel, struct server *server,
		     size_t n_workers)
{
	int error = ring_init(&channel->ring, n_workers);

	for (size_t i = 0; i < n_workers && error == 0; i++)
		channel->ring.readers[i].wakeup = &server->workers[i].wakeup;
	return error;
}

static struct channel *channel_new(struct server *server)
{
	size_t n = server->settings->n_workers;
	struct channel *channel = calloc(1, sizeof *channel);

	if (!channel)
		return NULL;
	channel->workers = aligned_alloc(_Alignof(struct channel_worker),
					 n * sizeof *channel->workers);
	if (!channel->workers || (n > 1 && open_ring(channel, server, n) < 0)) {
		free(channel->workers);
		free(channel);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		channel->workers[i] = (struct channel_worker){
			.number = i, .ring = n > 1 ? &channel->ring : NULL};
		weir_list_init(&channel->workers[i].held);
	}
	return channel;
}

static void channel_free(struct channel *channel)
{
	if (channel->ring.n_readers > 0)
		ring_deinit(&channel->ring);
	free(channel->workers);
	free(channel);
}

/* The first worker has endpoints of every configuration, and opens them first. */
static struct channel *find_channel(const struct endpoint *endpoint)
{
	const struct worker *first = &endpoint->worker->server->workers[0];

	for (size_t i = 0; i < first->n_endpoints; i++)
		if (first->endpoints[i].config == endpoint->config)
			return first->endpoints[i].state;
	return NULL;
}

/* A loop comes with its worker's first endpoint. */
static void open_worker(const struct endpoint *endpoint,
			const struct weir_feed_events *events)
{
	const struct worker *worker = endpoint->worker;
	struct channel_worker *ours = channel_worker(endpoint);
	bool drops_oldest = endpoint->config->settings.slow == SLOW_DROP_OLDEST;

	if (ours->n_endpoints++ == 0)
		weir_feed_init(&ours->feed, worker->loop, events,
			       drops_oldest ? WEIR_FEED_DROP_OLDEST
					    : WEIR_FEED_DROP_NEWEST);
}

int channel_open(struct endpoint *endpoint,
		 const struct weir_feed_events *events)
{
	struct channel *channel = find_channel(endpoint);

	if (!channel)
		channel = channel_new(endpoint->worker->server);
	if (!channel)
		return -ENOMEM;
	channel->n_endpoints++;
	endpoint->state = channel;
	open_worker(endpoint, events);
	return 0;
}

void channel_close(struct endpoint *endpoint)
{
	struct channel_worker *ours = channel_worker(endpoint);
	struct channel *channel = endpoint->state;

	if (--ours->n_endpoints == 0)
		weir_feed_deinit(&ours->feed);
	if (--channel->n_endpoints == 0)
		channel_free(channel);
}
