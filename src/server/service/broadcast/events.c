/* events: a channel for browsers, by HTTP. GET subscribes to its lines as
 * Server-Sent Events, POST publishes the lines of its content; one request on
 * each connection.
 *
 * A subscriber follows a feed as those of broadcast do, with the same policies.
 * The feed's messages are the events, and it keeps the last of them for
 * browsers that lost their connection.
 *
 * Requests have a deadline, and subscribers get a comment now and then, so that
 * whatever is between the browser and this server sees traffic. Both wait in
 * lists in the order in which that is due, for one timer at each worker. */
#include "events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

static const char heartbeat[] = ":\n\n";

/* For the head, and for each piece of content. */
static const uint64_t timeout_ns = 5 * CLOCK_NS_PER_S;
static const uint64_t longest_tick_ns = CLOCK_NS_PER_S;

enum {
	MIN_TICKS = 16 /* in an interval of heartbeats */
};

/* One worker's part of an endpoint configuration. */
struct events {
	struct endpoint *endpoint; /* the first of them */
	struct weir_timer timer;   /* armed while a list is not empty */
	uint64_t tick_ns;
	uint64_t n_ticks; /* a time without the loop is one */
	bool is_refusing; /* requests that were due in this tick are left */
	struct weir_list requests;
	struct weir_list subscribers;
};

static struct events *events_of(const struct endpoint *endpoint)
{
	return channel_feed(endpoint)->owner;
}

static struct weir_conn *conn_of(const struct events_client *client)
{
	return client->member.source.conn;
}

/* -- what is due -- */

static void on_timer(struct weir_timer *timer);

static void arm(struct events *events)
{
	struct weir_loop *loop = events->endpoint->worker->loop;
	uint64_t ns = events->is_refusing ? 0 : events->tick_ns;

	if (!weir_timer_is_armed(&events->timer))
		weir_timer_arm(&events->timer, loop, weir_loop_now(loop) + ns,
			       on_timer);
}

/* At the end of list, from now on. */
static void wait_in(struct events *events, struct weir_list *list,
		    struct events_client *client)
{
	client->since = events->n_ticks;
	weir_list_remove(&client->link);
	weir_list_append(list, &client->link);
	arm(events);
}

/* The first of list, if it has waited for so many ticks. */
static struct events_client *find_due(const struct events *events,
				      const struct weir_list *list,
				      uint64_t n_ticks)
{
	struct events_client *client;

	if (weir_list_is_empty(list))
		return NULL;
	client = weir_container_of(list->next, struct events_client, link);
	return events->n_ticks - client->since > n_ticks ? client : NULL;
}

/* Only a part of them at a time, however many came at once. A kernel that is
 * full has something to send. A server that was replaced lets its connections
 * be idle, for --drain-idle. */
static void send_heartbeats(struct events *events)
{
	const struct endpoint *endpoint = events->endpoint;
	uint64_t n_ticks =
		endpoint->config->settings.heartbeat_ns / events->tick_ns;
	size_t n_subscribers =
		weir_feed_n_followers(&channel_feed(endpoint)->feed);
	size_t n_left = 2 * n_subscribers / (size_t)n_ticks + 1;
	struct events_client *client;

	if (server_phase(endpoint->worker->server) >= PHASE_REPLACED)
		return;
	while (n_left-- > 0 &&
	       (client = find_due(events, &events->subscribers, n_ticks))) {
		struct weir_conn *c = conn_of(client);

		wait_in(events, &events->subscribers, client);
		if (!weir_conn_is_full(c))
			(void)weir_conn_sendall(c, heartbeat,
						sizeof heartbeat - 1);
	}
}

/* One of them. The others follow by further timers, of which a turn runs some,
 * however many requests came at once. */
static void refuse_late(struct events *events)
{
	uint64_t n_ticks = timeout_ns / events->tick_ns;
	struct events_client *client =
		find_due(events, &events->requests, n_ticks);

	if (client)
		events_refuse(conn_of(client), HTTP_TIMEOUT);
	events->is_refusing = find_due(events, &events->requests, n_ticks);
}

static void on_timer(struct weir_timer *timer)
{
	struct events *events = weir_container_of(timer, struct events, timer);
	bool is_tick = !events->is_refusing;

	if (is_tick)
		events->n_ticks++;
	refuse_late(events);
	if (is_tick)
		send_heartbeats(events);
	if (!weir_list_is_empty(&events->requests) ||
	    !weir_list_is_empty(&events->subscribers))
		arm(events);
}

/* -- publishing -- */

static void refuse_line(struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_warn(client_endpoint(c)->worker,
		 "events %s: a line of more than %d bytes",
		 client_peer(c, peer), CHANNEL_MAX_LINE);
	events_refuse(c, HTTP_CONTENT_TOO_LARGE);
}

/* The content may end without a newline. */
static bool publish_rest(struct weir_conn *c, const char *text, size_t n)
{
	char line[CHANNEL_MAX_LINE];

	memcpy(line, text, n);
	line[n] = '\n';
	return member_publish(c, line, n + 1);
}

/* Publish the lines of content at text; returns how much of it is done. */
static size_t take_lines(struct weir_conn *c, const char *text, size_t n)
{
	const struct events_client *client = client_state(c);
	bool is_all = n >= client->n_left;
	size_t n_used = 0;
	size_t n_line;

	if (is_all)
		n = (size_t)client->n_left;
	while ((n_line = channel_line_size(text + n_used, n - n_used)) > 0) {
		if (!member_publish(c, text + n_used, n_line))
			return n_used;
		n_used += n_line;
	}
	if (n - n_used >= CHANNEL_MAX_LINE)
		refuse_line(c);
	else if (is_all && n > n_used &&
		 publish_rest(c, text + n_used, n - n_used))
		n_used = n;
	return n_used;
}

static size_t take_content(struct weir_conn *c, const char *text, size_t n)
{
	struct events *events = events_of(client_endpoint(c));
	struct events_client *client = client_state(c);
	size_t n_used = take_lines(c, text, n);

	client->n_left -= n_used;
	if (client->state != EVENTS_BODY)
		return n;
	if (client->n_left == 0) {
		events_answer(c, HTTP_NO_CONTENT, "");
		return n;
	}
	if (weir_list_is_linked(&client->member.source.held))
		weir_list_remove(&client->link);
	else
		wait_in(events, &events->requests, client);
	return n_used;
}

/* -- requests -- */

/* A client that has much to send may ask first. */
static void await_content(struct weir_conn *c,
			  const struct http_request *request)
{
	struct events *events = events_of(client_endpoint(c));
	struct events_client *client = client_state(c);
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t n;

	client->state = EVENTS_BODY;
	client->n_left = request->content_length;
	wait_in(events, &events->requests, client);
	if (http_field(request, "Expect", &n))
		(void)weir_conn_sendall(c, go_on, sizeof go_on - 1);
}

static void subscribe(struct weir_conn *c, const struct http_request *request)
{
	struct events *events = events_of(client_endpoint(c));
	struct events_client *client = client_state(c);

	if (!events_subscribe(c, request)) {
		weir_conn_abort(c, true);
		return;
	}
	client->state = EVENTS_SUBSCRIBED;
	wait_in(events, &events->subscribers, client);
}

static void serve(struct weir_conn *c, const struct http_request *request)
{
	const struct endpoint *endpoint = client_endpoint(c);

	if (!events_is_path(endpoint, request))
		events_refuse(c, HTTP_NOT_FOUND);
	else if (!events_is_allowed(endpoint, request))
		events_refuse(c, HTTP_FORBIDDEN);
	else if (request->method == HTTP_OPTIONS)
		events_answer_options(c);
	else if (request->method == HTTP_HEAD)
		events_answer(c, HTTP_OK,
			      "Content-Type: text/event-stream\r\n");
	else if (request->method == HTTP_POST)
		await_content(c, request);
	else
		subscribe(c, request);
}

static size_t take_request(struct weir_conn *c, const char *text, size_t n)
{
	const struct events_client *client = client_state(c);
	struct http_request request;
	enum http_status status = http_parse(text, n, &request);

	if (status == HTTP_INCOMPLETE)
		return 0;
	if (status != HTTP_OK) {
		events_refuse(c, status);
		return n;
	}
	serve(c, &request);
	if (client->state != EVENTS_BODY)
		return n;
	return request.n_head +
	       take_content(c, text + request.n_head, n - request.n_head);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const struct events_client *client = client_state(c);

	if (client->state == EVENTS_REQUEST)
		return take_request(c, data, n);
	if (client->state == EVENTS_BODY)
		return take_content(c, data, n);
	return n;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	const struct events_client *client = client_state(c);

	(void)rest;
	if (client->state == EVENTS_BODY ||
	    (client->state == EVENTS_REQUEST && n > 0))
		events_refuse(c, HTTP_BAD_REQUEST);
	else
		weir_conn_finish(c);
}

/* -- opening and closing -- */

static size_t write_gap(const struct weir_conn *c, uint64_t n_lines, char *text)
{
	(void)c;
	return (size_t)snprintf(text, WEIR_FEED_GAP_SIZE,
				"event: missed\ndata: %" PRIu64 "\n\n",
				n_lines);
}

static const struct weir_feed_events feed_events = {
	.on_missed = member_on_missed,
	.write_gap = write_gap,
	.on_room = channel_on_room,
};

static uint64_t tick_of(const struct endpoint *endpoint)
{
	uint64_t ns = endpoint->config->settings.heartbeat_ns / MIN_TICKS;

	return ns < longest_tick_ns ? ns : longest_tick_ns;
}

/* The number of a message in the feed is the line's in the channel, so at least
 * the last one is kept. */
static int open_events(struct endpoint *endpoint)
{
	struct channel_feed *feed;
	struct events *events;
	int error = channel_open(endpoint, &feed_events, &events_format);

	if (error < 0)
		return error;
	feed = channel_feed(endpoint);
	if (feed->owner)
		return 0;
	events = calloc(1, sizeof *events);
	if (!events) {
		channel_close(endpoint);
		return -ENOMEM;
	}
	events->endpoint = endpoint;
	events->tick_ns = tick_of(endpoint);
	weir_list_init(&events->requests);
	weir_list_init(&events->subscribers);
	feed->owner = events;
	weir_feed_keep(&feed->feed, endpoint->config->settings.replay);
	return 0;
}

static void close_events(struct endpoint *endpoint)
{
	struct events *events = events_of(endpoint);

	if (channel_feed(endpoint)->n_endpoints == 1) {
		weir_timer_cancel(&events->timer);
		free(events);
	}
	channel_close(endpoint);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct events *events = events_of(endpoint);
	struct events_client *client = client_state(c);

	client->member.source.conn = c;
	wait_in(events, &events->requests, client);
}

/* A browser whose stream ends connects again, and says what it has. */
static void on_drain(struct weir_conn *c)
{
	const struct events_client *client = client_state(c);

	channel_catch_up(channel_feed(client_endpoint(c))->channel);
	if (client->state == EVENTS_BODY)
		events_refuse(c, HTTP_UNAVAILABLE);
	else
		weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct events_client *client = client_state(c);

	weir_list_remove(&client->link);
	member_on_close(c, result);
}

const struct service events_service = {
	.name = "events",
	.has_channel = true,
	.is_endless = true,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_pressure = member_on_pressure,
		   .on_close = client_on_close},
	.flags = WEIR_CONN_NO_THROTTLE,
	.state_size = sizeof(struct events_client),
	.shared_memory = RING_MEMORY,
	.keeps_lines = true,
	.open = open_events,
	.close = close_events,
	.on_open = on_open,
	.on_close = on_close,
	.on_wakeup = channel_on_wakeup,
	.on_drain = on_drain,
	.n_trimmed = member_n_trimmed,
};
