/* A channel is created by its first endpoint and freed by its last. */
#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "bridge.h"

/* -- handing out lines -- */

static struct channel_outlet *outlet_of(struct weir_list *link)
{
	return weir_container_of(link, struct channel_outlet, link);
}

static bool is_full(const struct channel_worker *channel)
{
	weir_list_for_each(link, &channel->outlets)
		if (outlet_of(link)->calls->is_full(outlet_of(link)))
			return true;
	return false;
}

static bool reserve(struct channel_worker *channel, const char *line, size_t n)
{
	weir_list_for_each(link, &channel->outlets)
		if (!outlet_of(link)->calls->reserve(outlet_of(link), line, n))
			return false;
	return true;
}

static void hand_out(struct channel_worker *channel, struct weir_conn *from,
		     const char *line, size_t n)
{
	weir_list_for_each(link, &channel->outlets)
		outlet_of(link)->calls->take(outlet_of(link), line, n, from);
}

static bool take(void *context, const void *line, size_t n)
{
	struct channel_worker *channel = context;

	if (!reserve(channel, line, n))
		return false;
	hand_out(channel, NULL, line, n);
	return true;
}

static bool take_if_room(void *context, const void *line, size_t n)
{
	return !is_full(context) && take(context, line, n);
}

/* Hand out what other workers have published. False: not all, for lack of room
 * or memory; then channel_go_on follows. */
static bool read_ring(struct channel_worker *channel)
{
	return !channel->ring ||
	       ring_read(channel->ring, channel->worker->number, take_if_room,
			 channel) == 0;
}

void channel_catch_up(struct channel_worker *channel)
{
	if (channel->ring)
		(void)ring_read(channel->ring, channel->worker->number, take,
				channel);
}

void channel_go_on(struct channel_worker *channel)
{
	struct weir_list *link;

	(void)read_ring(channel);
	while ((link = weir_list_pop(&channel->held)))
		weir_conn_resume(
			weir_container_of(link, struct channel_source, held)
				->conn);
}

void channel_on_room(struct weir_feed *feed)
{
	channel_go_on(
		weir_container_of(feed, struct channel_feed, feed)->channel);
}

void channel_on_wakeup(struct endpoint *endpoint)
{
	channel_go_on(channel_feed(endpoint)->channel);
}

/* -- publishing -- */

size_t channel_line_size(const char *text, size_t n)
{
	const char *end =
		memchr(text, '\n', n < CHANNEL_MAX_LINE ? n : CHANNEL_MAX_LINE);

	return end ? (size_t)(end + 1 - text) : 0;
}

static enum ring_outcome tell_others(struct channel_worker *channel,
				     const char *line, size_t n)
{
	if (!channel->ring)
		return RING_WRITTEN;
	return ring_write(channel->ring, channel->worker->number, line, n);
}

bool channel_publish(struct channel_worker *channel, struct weir_conn *from,
		     const char *line, size_t n)
{
	enum ring_outcome outcome;

	do {
		if (is_full(channel) || !reserve(channel, line, n))
			return false;
		outcome = tell_others(channel, line, n);
		if (outcome == RING_BEHIND && !read_ring(channel))
			return false;
	} while (outcome == RING_BEHIND);
	if (outcome == RING_FULL)
		return false;
	hand_out(channel, from, line, n);
	return true;
}

/* A full outlet has work left, which a server that drains must know of. */
void channel_hold(struct channel_worker *channel, struct channel_source *source)
{
	weir_conn_pause(source->conn);
	weir_list_append(&channel->held, &source->held);
	if (is_full(channel))
		weir_wakeup_send(&channel->worker->wakeup);
}

void channel_release(struct channel_source *source)
{
	weir_list_remove(&source->held);
}

/* -- feeds as outlets -- */

static struct channel_feed *feed_of(struct channel_outlet *outlet)
{
	return weir_container_of(outlet, struct channel_feed, outlet);
}

static bool is_feed_full(struct channel_outlet *outlet)
{
	return weir_feed_is_full(&feed_of(outlet)->feed);
}

static bool reserve_in_feed(struct channel_outlet *outlet, const char *line,
			    size_t n)
{
	struct channel_feed *feed = feed_of(outlet);

	if (feed->format)
		n = feed->format->size(line, n);
	return weir_feed_reserve(&feed->feed, n, &feed->room) == 0;
}

static void append_to_feed(struct channel_outlet *outlet, const char *line,
			   size_t n, struct weir_conn *from)
{
	struct channel_feed *feed = feed_of(outlet);

	if (feed->format)
		n = feed->format->write(feed, feed->room, line, n);
	else
		memcpy(feed->room, line, n);
	weir_feed_commit(&feed->feed, n, from);
}

static const struct channel_outlet_calls feed_calls = {.is_full = is_feed_full,
						       .reserve =
							       reserve_in_feed,
						       .take = append_to_feed};

void channel_add_outlet(struct channel_worker *channel,
			struct channel_outlet *outlet,
			const struct channel_outlet_calls *calls)
{
	outlet->calls = calls;
	weir_list_append(&channel->outlets, &outlet->link);
}

void channel_remove_outlet(struct channel_outlet *outlet)
{
	weir_list_remove(&outlet->link);
}

/* -- opening and closing -- */

/* The workers are the first readers. */
static int open_ring(struct channel *channel, struct server *server,
		     const char *subject)
{
	size_t n = server->settings->n_workers;
	int error = ring_init(&channel->ring, n + (subject != NULL));

	if (error < 0)
		return error;
	for (size_t i = 0; i < n; i++)
		channel->ring.readers[i].wakeup = &server->workers[i].wakeup;
	if (!subject)
		return 0;
	channel->bridge =
		bridge_new(&server->workers[0], &channel->ring, n, subject);
	if (channel->bridge)
		return 0;
	ring_deinit(&channel->ring);
	return -ENOMEM;
}

static struct channel *channel_new(struct server *server, const char *subject)
{
	size_t n = server->settings->n_workers;
	bool has_ring = n > 1 || subject;
	struct channel *channel =
		aligned_alloc(_Alignof(struct channel),
			      sizeof *channel + n * sizeof *channel->workers);

	if (!channel)
		return NULL;
	*channel = (struct channel){.epoch = clock_read(CLOCK_REALTIME) /
					     CLOCK_NS_PER_MS};
	if (has_ring && open_ring(channel, server, subject) < 0) {
		free(channel);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		channel->workers[i] = (struct channel_worker){
			.channel = channel,
			.worker = &server->workers[i],
			.ring = has_ring ? &channel->ring : NULL};
		weir_list_init(&channel->workers[i].outlets);
		weir_list_init(&channel->workers[i].held);
	}
	return channel;
}

static void channel_free(struct channel *channel)
{
	bridge_free(channel->bridge);
	if (channel->ring.n_readers > 0)
		ring_deinit(&channel->ring);
	free(channel);
}

static bool share_channel(const struct endpoint_config *a,
			  const struct endpoint_config *b)
{
	const char *name = a->settings.channel;

	return a == b || (name && b->settings.channel &&
			  strcmp(name, b->settings.channel) == 0);
}

/* The first worker has endpoints of every configuration, and opens them first;
 * the one that is about to open is not among them. */
static struct channel *find_channel(const struct endpoint *endpoint)
{
	const struct worker *first = &endpoint->worker->server->workers[0];

	for (size_t i = 0; i < first->n_endpoints; i++) {
		const struct endpoint *other = &first->endpoints[i];

		if (other->service->has_channel &&
		    share_channel(other->config, endpoint->config))
			return channel_feed(other)->channel->channel;
	}
	return NULL;
}

/* That of any endpoint of the channel. */
static const char *find_subject(const struct endpoint *endpoint)
{
	const struct settings *settings = endpoint->worker->settings;

	for (size_t i = 0; i < settings->n_endpoints; i++) {
		const struct endpoint_config *config = &settings->endpoints[i];

		if (config->service->has_channel && config->settings.subject &&
		    share_channel(config, endpoint->config))
			return config->settings.subject;
	}
	return NULL;
}

/* That of an endpoint of the same configuration, for another address. */
static struct channel_feed *find_feed(const struct endpoint *endpoint)
{
	const struct worker *worker = endpoint->worker;

	for (size_t i = 0; i < worker->n_endpoints; i++)
		if (worker->endpoints[i].config == endpoint->config)
			return channel_feed(&worker->endpoints[i]);
	return NULL;
}

/* The first one makes the channel. */
static struct channel_feed *feed_new(const struct endpoint *endpoint)
{
	struct channel *channel = find_channel(endpoint);
	struct channel_feed *feed =
		aligned_alloc(_Alignof(struct channel_feed), sizeof *feed);

	if (!feed)
		return NULL;
	if (!channel)
		channel = channel_new(endpoint->worker->server,
				      find_subject(endpoint));
	if (!channel) {
		free(feed);
		return NULL;
	}
	channel->n_feeds++;
	*feed = (struct channel_feed){
		.channel = &channel->workers[endpoint->worker->number]};
	channel_add_outlet(feed->channel, &feed->outlet, &feed_calls);
	return feed;
}

/* A loop comes with its worker's first endpoint. */
int channel_open(struct endpoint *endpoint,
		 const struct weir_feed_events *events,
		 const struct channel_format *format)
{
	bool drops_oldest = endpoint->config->settings.slow == SLOW_DROP_OLDEST;
	struct channel_feed *feed = find_feed(endpoint);

	if (!feed) {
		feed = feed_new(endpoint);
		if (!feed)
			return -ENOMEM;
		feed->format = format;
		weir_feed_init(&feed->feed, endpoint->worker->loop, events,
			       drops_oldest ? WEIR_FEED_DROP_OLDEST
					    : WEIR_FEED_DROP_NEWEST);
	}
	feed->n_endpoints++;
	endpoint->state = feed;
	return 0;
}

void channel_close(struct endpoint *endpoint)
{
	struct channel_feed *feed = channel_feed(endpoint);
	struct channel *channel = feed->channel->channel;

	if (--feed->n_endpoints > 0)
		return;
	weir_feed_deinit(&feed->feed);
	channel_remove_outlet(&feed->outlet);
	if (feed->channel == channel->workers &&
	    weir_list_is_empty(&feed->channel->outlets)) {
		bridge_free(channel->bridge);
		channel->bridge = NULL;
	}
	free(feed);
	if (--channel->n_feeds == 0)
		channel_free(channel);
}
