/* A channel: what the endpoints of one broadcast=ADDRESS, or all those with the
 * same channel=NAME, share, across address families and workers.
 *
 * Lines are published at a worker, and handed to the outlets of all workers:
 * to all at once, or to none while one of the publisher's own worker, or the
 * ring to the others, has no room. The n-th line of a channel is the same one
 * at every worker.
 *
 * Channels open and close while there is one thread; the first worker's
 * endpoints open first. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "ring.h"
#include "client.h"

enum {
	CHANNEL_MAX_LINE = 65536 /* including its newline */
};

_Static_assert(CHANNEL_MAX_LINE <= (int)RING_MAX_MESSAGE,
	       "a message holds a line");

struct bridge;
struct channel_outlet;

struct channel_outlet_calls {
	/* No more lines for now; channel_go_on follows. */
	bool (*is_full)(struct channel_outlet *outlet);
	/* Make room for this line. False: there is none; channel_go_on
	 * follows. */
	bool (*reserve)(struct channel_outlet *outlet, const char *line,
			size_t n);
	/* Take the line that room was made for. from published it at this
	 * worker; NULL: another did, or no connection. */
	void (*take)(struct channel_outlet *outlet, const char *line, size_t n,
		     struct weir_conn *from);
};

/* Where the lines go at one worker. Embedded by its owner. */
struct channel_outlet {
	struct weir_list link;
	const struct channel_outlet_calls *calls;
};

/* A connection that publishes. */
struct channel_source {
	struct weir_conn *conn;
	struct weir_list held; /* paused until there is room for more */
};

/* One worker's part, in cache lines of its own. */
struct channel_worker {
	_Alignas(64) struct channel *channel;
	struct worker *worker;
	struct weir_list outlets;
	struct weir_list held; /* sources */
	struct ring *ring;     /* NULL: there are no other workers */
};

struct channel {
	uint64_t epoch;	       /* when it began, in ms; tells it from others */
	struct ring ring;      /* if there are several workers, or a bridge */
	size_t n_feeds;	       /* of all workers */
	struct bridge *bridge; /* NULL: it has no subject of NATS */
	struct channel_worker workers[];
};

struct channel_feed;

/* How a line is written to a feed. */
struct channel_format {
	size_t (*size)(const char *line, size_t n); /* at most */
	size_t (*write)(const struct channel_feed *feed, void *room,
			const char *line, size_t n);
};

/* The feed of one endpoint configuration at one worker, which its clients
 * follow; in cache lines of its own, too. */
struct channel_feed {
	_Alignas(64) struct channel_outlet outlet;
	struct channel_worker *channel;
	struct weir_feed feed;
	const struct channel_format *format; /* NULL: as it is */
	void *room;
	void *owner;	    /* the service's */
	size_t n_endpoints; /* which share it: one for each address */
};

/* Set endpoint->state to the feed of its configuration, which has these events
 * and this format. -ENOMEM. */
int channel_open(struct endpoint *endpoint,
		 const struct weir_feed_events *events,
		 const struct channel_format *format);
/* The last endpoint frees the feed, the last feed the channel. */
void channel_close(struct endpoint *endpoint);

static inline struct channel_feed *channel_feed(const struct endpoint *endpoint)
{
	return endpoint->state;
}

/* The on_room of these events, and the on_wakeup of every such service. */
void channel_on_room(struct weir_feed *feed);
void channel_on_wakeup(struct endpoint *endpoint);

void channel_add_outlet(struct channel_worker *channel,
			struct channel_outlet *outlet,
			const struct channel_outlet_calls *calls);
void channel_remove_outlet(struct channel_outlet *outlet);
/* An outlet has room again: read on, and let sources go on. */
void channel_go_on(struct channel_worker *channel);

/* The size of the line at the beginning of text, with its newline; 0: it is
 * incomplete or longer than CHANNEL_MAX_LINE. */
size_t channel_line_size(const char *text, size_t n);
/* Publish a line, for all but from (NULL: for all). False: there is no room, or
 * no memory, and nobody gets it; hold its source. */
bool channel_publish(struct channel_worker *channel, struct weir_conn *from,
		     const char *line, size_t n);
/* Pause the source until there is room. It must be released before its last
 * call ends. */
void channel_hold(struct channel_worker *channel,
		  struct channel_source *source);
void channel_release(struct channel_source *source);
/* Hand out all that other workers have published, however full the outlets
 * are. What there is no memory for is left. */
void channel_catch_up(struct channel_worker *channel);

#endif
