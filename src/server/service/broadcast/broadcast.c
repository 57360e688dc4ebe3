/* broadcast: each line of a client is sent to all other clients of the same
 * endpoint, of any address family and worker, each at its own pace.
 *
 * A line is one buffer for all clients of a worker, and one message in the ring
 * for the other workers. It is published to all at once: while the ring has no
 * room for it, it is published to none, and its sender is not read. No client
 * waits for a slow subscriber: --slow says what happens to the lines that the
 * subscriber has no room for.
 *
 * For the same reason a client's own output does not hold its input: two
 * clients that write everything before they read would block each other. A
 * client that never reads is still read from until --stall ends it.
 *
 * A client that ends its side is finished: it still gets what is queued. */
#include <string.h>

#include "channel.h"
#include "client.h"
#include "log.h"
#include "subscriber.h"

enum {
	MAX_LINE = 65536, /* including its newline */
	/* of one publisher, or of the other workers, in one turn */
	MAX_DELIVERIES = 4096
};

_Static_assert(MAX_LINE <= (int)RING_MAX_MESSAGE, "a message holds a line");

static const char too_long[] = "# line too long\n";

static const char *const consequences[] = {
	[SLOW_DROP_NEWEST] = "new lines are dropped",
	[SLOW_DROP_OLDEST] = "its oldest lines are dropped",
	[SLOW_DISCONNECT] = "it is disconnected",
};

/* A client's state. */
struct member {
	struct subscriber subscriber;
	uint64_t n_missed;     /* lines, since it last was below low */
	struct weir_list link; /* in the members of its worker */
	struct weir_list held; /* in held: it has more lines, and is not read */
};

static struct worker *worker_of(const struct weir_conn *c)
{
	return client_endpoint(c)->worker;
}

/* -- delivering to the clients of this worker -- */

/* Each episode is logged in two lines, at its begin and its end. */
static void count_missed(struct member *m, struct subscriber_loss loss,
			 size_t n)
{
	struct endpoint *endpoint = client_endpoint(m->subscriber.conn);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed == 0)
		log_warn(endpoint->worker, "broadcast %s: no room: %s",
			 client_peer(m->subscriber.conn, peer),
			 consequences[endpoint->config->settings.slow]);
	m->n_missed += loss.n_lines;
	endpoint->counters.n_missed += loss.n_lines;
	/* lines that were queued are counted by the connection */
	if (loss.is_refused)
		endpoint->counters.dropped += n;
}

static void end_episode(struct member *m)
{
	struct weir_conn *c = m->subscriber.conn;
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed > 0)
		log_say(worker_of(c), "broadcast %s: lines missed: %llu",
			client_peer(c, peer), (unsigned long long)m->n_missed);
	m->n_missed = 0;
}

/* Send the line of n bytes to all members but from. NULL: no memory for it. */
static void deliver(struct channel_worker *ours, struct weir_buf *line,
		    size_t n, const struct weir_conn *from)
{
	struct weir_list *link = ours->members.next;

	for (; link != &ours->members; link = link->next) {
		struct member *m = weir_container_of(link, struct member, link);
		struct subscriber_loss loss;

		if (m->subscriber.conn == from)
			continue;
		loss = subscriber_send(
			&m->subscriber, line,
			&client_endpoint(m->subscriber.conn)->config->settings);
		if (loss.n_lines > 0)
			count_missed(m, loss, n);
	}
	weir_buf_unref(line);
}

/* -- publishing -- */

/* The size of the line at text; 0: it is incomplete. */
static size_t line_size(const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n < MAX_LINE ? n : MAX_LINE);

	return end ? (size_t)(end + 1 - text) : 0;
}

/* To all others; or, while the ring is full, to none: false. */
static bool publish(struct weir_conn *c, const char *line, size_t n)
{
	const struct endpoint *endpoint = client_endpoint(c);
	struct channel_worker *ours = channel_worker(endpoint);
	struct ring *ring = channel_ring(endpoint);
	struct weir_buf *buf;

	if (ring && !ring_write(ring, endpoint->worker->number, line, n))
		return false;
	if (ours->n_members == 1)
		return true;
	buf = weir_buf_new(n);
	if (buf)
		memcpy(weir_buf_data(buf), line, n);
	deliver(ours, buf, n, c);
	return true;
}

/* Keep the rest of its input until the worker's wakeup. */
static void hold(struct weir_conn *c)
{
	struct member *m = client_state(c);

	weir_conn_pause(c);
	weir_list_append(&channel_worker(client_endpoint(c))->held, &m->held);
}

static void resume_held(struct channel_worker *ours)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&ours->held)))
		weir_conn_resume(weir_container_of(link, struct member, held)
					 ->subscriber.conn);
}

static void leave(struct weir_conn *c)
{
	struct member *m = client_state(c);

	subscriber_tell(&m->subscriber);
	weir_conn_finish(c);
}

static void refuse_line(struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_warn(worker_of(c), "broadcast %s: a line of more than %d bytes",
		 client_peer(c, peer), MAX_LINE);
	subscriber_tell(&((struct member *)client_state(c))->subscriber);
	/* without room for this the FIN must do */
	(void)weir_conn_sendall(c, too_long, sizeof too_long - 1);
	leave(c);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const struct channel_worker *ours = channel_worker(client_endpoint(c));
	const char *text = data;
	size_t n_used = 0;
	size_t n_deliveries = 0;
	size_t n_line;

	while ((n_line = line_size(text + n_used, n - n_used)) > 0) {
		if (n_deliveries >= MAX_DELIVERIES) {
			hold(c);
			weir_wakeup_send(&worker_of(c)->wakeup);
			return n_used;
		}
		if (!publish(c, text + n_used, n_line)) {
			hold(c);
			return n_used;
		}
		n_used += n_line;
		n_deliveries += ours->n_members;
	}
	if (n - n_used >= MAX_LINE)
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
	leave(c);
}

/* -- reading the ring -- */

/* Stop after about n_deliveries. True: there is more. */
static bool read_ring(struct endpoint *endpoint, size_t n_deliveries)
{
	struct channel_worker *ours = channel_worker(endpoint);
	struct ring_view view =
		ring_open(channel_ring(endpoint), endpoint->worker->number);
	struct ring_message message;
	size_t n = 0;

	while (n < n_deliveries && ring_next(&view, &message)) {
		struct weir_buf *line;

		n += 1 + ours->n_members;
		if (ours->n_members == 0)
			continue;
		line = weir_buf_new(message.n);
		if (line)
			ring_copy(&view, &message, weir_buf_data(line));
		deliver(ours, line, message.n, NULL);
	}
	return ring_close(&view);
}

static void on_wakeup(struct endpoint *endpoint)
{
	if (channel_ring(endpoint) && read_ring(endpoint, MAX_DELIVERIES))
		weir_wakeup_send(&endpoint->worker->wakeup);
	resume_held(channel_worker(endpoint));
}

/* -- opening and closing -- */

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct channel_worker *ours = channel_worker(endpoint);
	struct member *m = client_state(c);

	*m = (struct member){.subscriber = {.conn = c}};
	weir_list_append(&ours->members, &m->link);
	ours->n_members++;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	struct member *m = client_state(c);

	if (above)
		return;
	subscriber_tell(&m->subscriber);
	end_episode(m);
}

/* No worker reads from its publishers any more, so the ring holds the last
 * messages. */
static void on_drain(struct weir_conn *c)
{
	struct endpoint *endpoint = client_endpoint(c);

	while (channel_ring(endpoint) && read_ring(endpoint, SIZE_MAX))
		;
	leave(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = client_state(c);

	(void)result;
	end_episode(m);
	subscriber_deinit(&m->subscriber);
	weir_list_remove(&m->held);
	weir_list_remove(&m->link);
	channel_worker(client_endpoint(c))->n_members--;
}

static uint64_t n_trimmed(const struct weir_conn *c)
{
	const struct member *m = client_state(c);

	return m->subscriber.n_trimmed;
}

const struct service broadcast_service = {
	.name = "broadcast",
	.address = "127.0.0.1:7011",
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_pressure = on_pressure,
		   .on_close = client_on_close},
	.flags = WEIR_CONN_NO_THROTTLE,
	.state_size = sizeof(struct member),
	.shared_memory = RING_SIZE,
	.open = channel_open,
	.close = channel_close,
	.on_open = on_open,
	.on_close = on_close,
	.on_wakeup = on_wakeup,
	.on_drain = on_drain,
	.n_trimmed = n_trimmed,
};
