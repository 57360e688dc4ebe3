/* broadcast: each line of a client is sent to all other clients of the same
 * channel, of any address family and worker, each at its own pace.
 *
 * The clients of a worker follow one feed, whose messages are the lines. While
 * there is no room for a line it is published to none, and its sender is not
 * read. No client waits for a slow subscriber: --slow says what happens to the
 * lines that the subscriber has no room for. Where it missed lines it reads
 * "# missed N".
 *
 * For the same reason a client's own output does not hold its input: two
 * clients that write everything before they read would block each other. A
 * client that never reads is still read from until --stall ends it.
 *
 * A client that ends its side is finished: it still gets what is queued. */
#include <inttypes.h>
#include <stdio.h>

#include "client.h"
#include "log.h"
#include "member.h"

static const char too_long[] = "# line too long\n";

static struct worker *worker_of(const struct weir_conn *c)
{
	return client_endpoint(c)->worker;
}

static size_t write_gap(const struct weir_conn *c, uint64_t n_lines, char *text)
{
	(void)c;
	return (size_t)snprintf(text, WEIR_FEED_GAP_SIZE,
				"# missed %" PRIu64 "\n", n_lines);
}

static void refuse_line(struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_warn(worker_of(c), "broadcast %s: a line of more than %d bytes",
		 client_peer(c, peer), CHANNEL_MAX_LINE);
	/* without room for this the FIN must do */
	(void)weir_conn_sendall(c, too_long, sizeof too_long - 1);
	weir_conn_finish(c);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const char *text = data;
	size_t n_used = 0;
	size_t n_line;

	while ((n_line = channel_line_size(text + n_used, n - n_used)) > 0) {
		if (!member_publish(c, text + n_used, n_line))
			return n_used;
		n_used += n_line;
	}
	if (n - n_used >= CHANNEL_MAX_LINE)
		refuse_line(c);
	return n_used;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	char peer[PEER_TEXT_SIZE];

	(void)rest;
	if (n > 0)
		log_warn(worker_of(c),
			 "broadcast %s: %zu bytes without an end of line "
			 "not sent",
			 client_peer(c, peer), n);
	weir_conn_finish(c);
}

static const struct weir_feed_events feed_events = {
	.on_missed = member_on_missed,
	.write_gap = write_gap,
	.on_room = channel_on_room,
};

static int open_channel(struct endpoint *endpoint)
{
	return channel_open(endpoint, &feed_events, NULL);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct member *m = client_state(c);

	m->source.conn = c;
	if (weir_feed_follow(&channel_feed(endpoint)->feed, c) < 0)
		weir_conn_abort(c, true);
}

const struct service broadcast_service = {
	.name = "broadcast",
	.address = "127.0.0.1:7011",
	.has_channel = true,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_pressure = member_on_pressure,
		   .on_close = client_on_close},
	.flags = WEIR_CONN_NO_THROTTLE,
	.state_size = sizeof(struct member),
	.shared_memory = RING_MEMORY,
	.open = open_channel,
	.close = channel_close,
	.on_open = on_open,
	.on_close = member_on_close,
	.on_wakeup = channel_on_wakeup,
	.on_drain = member_on_drain,
	.n_trimmed = member_n_trimmed,
};
