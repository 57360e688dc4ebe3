/* What events answers: a few fields, or a stream without an end. */
#include "events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sse.h"

enum {
	ANSWER_SIZE = 1024,
	/* Browsers come back after 1 to 5 s, not all at once. */
	MIN_RETRY_MS = 1000,
	RETRY_SPREAD_MS = 4000,
	RETRY_STEP_MS = 997
};

/* -- events -- */

static size_t write_event(const struct channel_feed *feed, void *room,
			  const char *line, size_t n)
{
	struct sse_id id = {.epoch = feed->channel->channel->epoch,
			    .n = weir_feed_next_message(&feed->feed) + 1};

	return sse_write(room, &id, line, n);
}

const struct channel_format events_format = {.size = sse_size,
					     .write = write_event};

/* -- answers -- */

/* The fields by which a browser lets pages of another origin read. */
static void write_cors(const struct weir_conn *c, char text[ANSWER_SIZE])
{
	const char *origin = client_endpoint(c)->config->settings.cors;

	text[0] = '\0';
	if (origin)
		(void)snprintf(text, ANSWER_SIZE,
			       "Access-Control-Allow-Origin: %s\r\n"
			       "Vary: Origin\r\n",
			       origin);
}

void events_answer(struct weir_conn *c, enum http_status status,
		   const char *fields)
{
	struct events_client *client = client_state(c);
	char cors[ANSWER_SIZE];
	char text[2 * ANSWER_SIZE];
	int n;

	write_cors(c, cors);
	n = snprintf(text, sizeof text,
		     "HTTP/1.1 %s\r\n%s%sConnection: close\r\n\r\n",
		     http_status_line(status), fields, cors);
	weir_list_remove(&client->link);
	client->state = EVENTS_ANSWERED;
	/* without room for this the FIN must do */
	(void)weir_conn_sendall(c, text, (size_t)n);
	weir_conn_finish(c);
}

void events_refuse(struct weir_conn *c, enum http_status status)
{
	events_answer(c, status,
		      status == HTTP_NOT_ALLOWED
			      ? "Allow: GET, HEAD, OPTIONS, POST\r\n"
				"Content-Length: 0\r\n"
			      : "Content-Length: 0\r\n");
}

void events_answer_options(struct weir_conn *c)
{
	events_answer(c, HTTP_NO_CONTENT,
		      client_endpoint(c)->config->settings.cors
			      ? "Allow: GET, HEAD, OPTIONS, POST\r\n"
				"Access-Control-Allow-Methods: GET, POST\r\n"
				"Access-Control-Allow-Headers: "
				"Content-Type, Last-Event-ID\r\n"
			      : "Allow: GET, HEAD, OPTIONS, POST\r\n");
}

/* -- what may be asked -- */

bool events_is_path(const struct endpoint *endpoint,
		    const struct http_request *request)
{
	return http_is_path(request, endpoint->config->settings.path) ||
	       (request->method == HTTP_OPTIONS && http_is_path(request, "*"));
}

/* Pages of other origins may neither read nor publish, unless they may: a
 * browser would send their POST without asking first. */
bool events_is_allowed(const struct endpoint *endpoint,
		       const struct http_request *request)
{
	const char *cors = endpoint->config->settings.cors;
	size_t n;
	size_t n_host;
	const char *origin = http_field(request, "Origin", &n);
	const char *host = http_field(request, "Host", &n_host);

	if (!origin || (cors && (http_is_word("*", 1, cors) ||
				 http_is_word(origin, n, cors))))
		return true;
	return host && n >= n_host + 3 &&
	       memcmp(origin + n - n_host - 3, "://", 3) == 0 &&
	       memcmp(origin + n - n_host, host, n_host) == 0;
}

/* -- subscribing -- */

/* How many lines it has by what it says, and in text what it is to be told of
 * those that are gone. Without an id it wants what comes from now on. */
static uint64_t find_begin(const struct channel_feed *feed,
			   const struct http_request *request,
			   char text[ANSWER_SIZE])
{
	uint64_t oldest = weir_feed_oldest(&feed->feed);
	size_t n = 0;
	const char *value = http_field(request, "Last-Event-ID", &n);
	struct sse_id id;

	text[0] = '\0';
	if (!value)
		return weir_feed_next_message(&feed->feed);
	if (!sse_parse_id(value, n, &id) ||
	    id.epoch != feed->channel->channel->epoch) {
		(void)snprintf(text, ANSWER_SIZE,
			       "event: missed\ndata: unknown\n\n");
		return oldest;
	}
	if (id.n < oldest)
		(void)snprintf(text, ANSWER_SIZE,
			       "event: missed\ndata: %" PRIu64 "\n\n",
			       oldest - id.n);
	return id.n;
}

/* Behind what it may have seen at another worker. */
bool events_subscribe(struct weir_conn *c, const struct http_request *request)
{
	struct channel_feed *feed = channel_feed(client_endpoint(c));
	char missed[ANSWER_SIZE];
	char cors[ANSWER_SIZE];
	char text[3 * ANSWER_SIZE];
	uint64_t begin;
	uint64_t spread;
	int n;

	channel_catch_up(feed->channel);
	begin = find_begin(feed, request, missed);
	write_cors(c, cors);
	spread = weir_feed_n_followers(&feed->feed) * RETRY_STEP_MS %
		 RETRY_SPREAD_MS;
	n = snprintf(text, sizeof text,
		     "HTTP/1.1 200 OK\r\n"
		     "Content-Type: text/event-stream\r\n"
		     "Cache-Control: no-store\r\n"
		     "X-Accel-Buffering: no\r\n"
		     "%sConnection: close\r\n\r\n"
		     "retry: %" PRIu64 "\n\n%s",
		     cors, MIN_RETRY_MS + spread, missed);
	return weir_conn_sendall(c, text, (size_t)n) == 0 &&
	       weir_feed_follow_from(&feed->feed, c, begin) == 0;
}
