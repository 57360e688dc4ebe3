/* metrics: answers GET and HEAD, one request on each connection, and feeds the
 * live page. It runs in the first worker's loop like the other services, so a
 * slow or broken scraper or browser costs the other clients nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "answer.h"
#include "client.h"
#include "exposition.h"
#include "live.h"
#include "page_html.h"
#include "snapshot.h"

/* For a whole request, from accept on. */
static const uint64_t timeout_ns = 5000000000;
/* From one event to the next: what stalls is red within a second. */
static const uint64_t interval_ns = 500000000;

enum {
	/* enough for the answer of 256 workers */
	MAX_ANSWER = 64 << 20,
	/* what a browser has not read in the kernel's buffer is old news */
	MAX_UNSENT = 16384,
	/* they stay: half of the places are for those that go again, such as
	 * health checks */
	MAX_VIEWERS = 16
};

/* What is answered from snapshots. */
enum wish {
	WISH_METRICS,
	WISH_CONNECTIONS,
	N_WISHES
};

/* Requests that wait for the snapshots, and those of /events. */
struct feed {
	struct endpoint *endpoint;
	struct weir_list waiting[N_WISHES];
	struct weir_list viewers;
	struct weir_timer timer; /* to the next event; runs while one views */
	bool is_due;		 /* and it waits for the snapshots */
};

static int open_feed(struct endpoint *endpoint)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (!feed)
		return -ENOMEM;
	feed->endpoint = endpoint;
	for (int i = 0; i < N_WISHES; i++)
		weir_list_init(&feed->waiting[i]);
	weir_list_init(&feed->viewers);
	endpoint->state = feed;
	/* an answer may be longer than --max allows */
	endpoint->limits = (struct weir_conn_limits){
		.low = WEIR_CONN_DEFAULT_HIGH / 4,
		.high = WEIR_CONN_DEFAULT_HIGH,
		.max = MAX_ANSWER,
		.input = HTTP_MAX_REQUEST,
		.stall_ns = timeout_ns,
		.linger_ns = timeout_ns,
	};
	return 0;
}

static void close_feed(struct endpoint *endpoint)
{
	struct feed *feed = endpoint->state;

	weir_timer_cancel(&feed->timer);
	free(feed);
}

/* -- from snapshots -- */

static void answer_waiting(struct feed *feed, enum wish wish,
			   enum content content,
			   char *(*body_new)(struct server *server, size_t *n))
{
	struct weir_list *waiting = &feed->waiting[wish];
	size_t n;
	char *body;

	if (weir_list_is_empty(waiting))
		return;
	body = body_new(feed->endpoint->worker->server, &n);
	while (!weir_list_is_empty(waiting)) {
		struct request *request =
			weir_container_of(waiting->next, struct request, link);

		if (body)
			answer(request, HTTP_OK, content, body, n);
		else
			answer_refuse(request, HTTP_UNAVAILABLE);
	}
	free(body);
}

static void answer_health(struct request *request, struct server *server)
{
	if (server_phase(server) == PHASE_SERVING)
		answer_briefly(request, HTTP_OK, "ok\n");
	else
		answer_briefly(request, HTTP_UNAVAILABLE, "draining\n");
}

/* -- events -- */

/* A browser that still owes us the reading of an event does not get the next
 * one: weir_conn_send takes nothing then. So it has the newest whole one as
 * soon as it reads, and one at most is queued for it. */
static void send_event(struct weir_conn *c, const char *event, size_t n)
{
	ssize_t n_taken = weir_conn_send(c, event, n);

	if (n_taken > 0 && (size_t)n_taken < n)
		(void)weir_conn_sendall(c, event + n_taken,
					n - (size_t)n_taken);
}

static char *event_new(struct server *server, size_t *n)
{
	char *data = live_new(server, n);
	char *event = NULL;
	int n_event = -1;

	if (data)
		n_event = asprintf(&event, "data: %s\n", data);
	free(data);
	if (n_event < 0)
		return NULL;
	*n = (size_t)n_event;
	return event;
}

static void send_events(struct feed *feed)
{
	struct weir_list *link = feed->viewers.next;
	size_t n;
	char *event;

	if (!feed->is_due)
		return;
	feed->is_due = false;
	event = event_new(feed->endpoint->worker->server, &n);
	for (; event && link != &feed->viewers; link = link->next)
		send_event(weir_container_of(link, struct request, link)->conn,
			   event, n);
	free(event);
}

static void on_due(struct weir_timer *timer)
{
	struct feed *feed = weir_container_of(timer, struct feed, timer);
	struct worker *worker = feed->endpoint->worker;

	if (weir_list_is_empty(&feed->viewers))
		return;
	feed->is_due = true;
	snapshots_ask(worker->server, true);
	weir_timer_arm(timer, worker->loop,
		       weir_loop_now(worker->loop) + interval_ns, on_due);
}

static bool is_full(const struct feed *feed)
{
	const struct weir_list *link = feed->viewers.next;
	int n = 0;

	for (; link != &feed->viewers; link = link->next)
		n++;
	return n >= MAX_VIEWERS;
}

/* One that comes while others view waits for their next event. */
static void begin_events(struct feed *feed, struct request *request)
{
	const int max_unsent = MAX_UNSENT;
	struct weir_loop *loop = feed->endpoint->worker->loop;
	bool is_first = weir_list_is_empty(&feed->viewers);

	if (is_full(feed)) {
		answer_refuse(request, HTTP_UNAVAILABLE);
		return;
	}
	/* a Unix socket has no such option, and no such buffer */
	(void)setsockopt(weir_conn_fd(request->conn), IPPROTO_TCP,
			 TCP_NOTSENT_LOWAT, &max_unsent, sizeof max_unsent);
	if (!answer_begin_events(request))
		return;
	weir_list_append(&feed->viewers, &request->link);
	if (is_first)
		weir_timer_arm(&feed->timer, loop, weir_loop_now(loop), on_due);
}

static void on_wakeup(struct endpoint *endpoint)
{
	struct feed *feed = endpoint->state;

	if (!snapshots_are_ready(endpoint->worker->server))
		return;
	answer_waiting(feed, WISH_METRICS, CONTENT_TEXT, exposition_new);
	answer_waiting(feed, WISH_CONNECTIONS, CONTENT_JSON, live_new);
	send_events(feed);
}

/* -- requests -- */

static void on_timeout(struct weir_timer *timer)
{
	answer_refuse(weir_container_of(timer, struct request, timer),
		      HTTP_TIMEOUT);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct request *request = client_state(c);
	struct weir_loop *loop = endpoint->worker->loop;

	request->conn = c;
	weir_timer_arm(&request->timer, loop, weir_loop_now(loop) + timeout_ns,
		       on_timeout);
}

static void await_snapshots(struct feed *feed, struct request *request,
			    enum wish wish)
{
	weir_timer_cancel(&request->timer);
	weir_list_append(&feed->waiting[wish], &request->link);
	weir_conn_pause(request->conn);
	snapshots_ask(feed->endpoint->worker->server, wish != WISH_METRICS);
}

static void serve_page(struct endpoint *endpoint, struct request *request,
		       const struct http_request *asked)
{
	if (http_is_path(asked, "/"))
		answer(request, HTTP_OK, CONTENT_HTML, page_html,
		       page_html_size);
	else if (http_is_path(asked, "/connections.json"))
		await_snapshots(endpoint->state, request, WISH_CONNECTIONS);
	else if (http_is_path(asked, "/events"))
		begin_events(endpoint->state, request);
	else
		answer_refuse(request, HTTP_NOT_FOUND);
}

static void serve(struct endpoint *endpoint, struct request *request,
		  const struct http_request *asked)
{
	bool is_metrics = http_is_path(asked, "/metrics");
	enum http_status status;
	const char *why;

	request->method = asked->method;
	if (asked->method == HTTP_OPTIONS) {
		answer_briefly(request, HTTP_OK, "");
		return;
	}
	if (asked->method == HTTP_POST) {
		answer_refuse(request, HTTP_NOT_ALLOWED);
		return;
	}
	if (http_is_path(asked, "/healthz")) {
		answer_health(request, endpoint->worker->server);
		return;
	}
	status = access_check(endpoint, asked, !is_metrics, &why);
	if (status != HTTP_OK)
		answer_briefly(request, status, why);
	else if (is_metrics)
		await_snapshots(endpoint->state, request, WISH_METRICS);
	else
		serve_page(endpoint, request, asked);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct request *request = client_state(c);
	struct http_request asked;
	enum http_status status;

	/* of /events: nothing more is asked */
	if (request->is_answered)
		return n;
	status = http_parse(data, n, &asked);
	if (status == HTTP_INCOMPLETE)
		return 0;
	if (status == HTTP_OK)
		serve(client_endpoint(c), request, &asked);
	else
		answer_refuse(request, status);
	return n;
}

/* A connection that waits for its answer is not read, so no request came. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct request *request = client_state(c);

	(void)rest;
	if (n > 0 && !request->is_answered)
		answer_refuse(request, HTTP_BAD_REQUEST);
	else
		weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct request *request = client_state(c);

	(void)result;
	weir_timer_cancel(&request->timer);
	weir_list_remove(&request->link);
}

/* Requests that wait for snapshots get none: the server ends. */
static void on_drain(struct weir_conn *c)
{
	struct request *request = client_state(c);

	if (!request->is_answered)
		answer_refuse(request, HTTP_UNAVAILABLE);
	else
		weir_conn_finish(c);
}

const struct service metrics_service = {
	.name = "metrics",
	.address = "127.0.0.1:7070",
	.is_endless = true,
	.is_private = true,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = client_on_close},
	.state_size = sizeof(struct request),
	.open = open_feed,
	.close = close_feed,
	.on_open = on_open,
	.on_close = on_close,
	.on_wakeup = on_wakeup,
	.on_drain = on_drain,
};
