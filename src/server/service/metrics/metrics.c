/* metrics: answers GET and HEAD of /metrics and /healthz, one request on each
 * connection. It runs in the first worker's loop like the other services, so a
 * slow or broken scraper costs the other clients nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "exposition.h"
#include "http.h"

/* For a whole request, from accept on. */
static const uint64_t timeout_ns = 5000000000;

enum {
	/* enough for the answer of 256 workers */
	MAX_ANSWER = 64 << 20,
	HEAD_SIZE = 256
};

/* A connection's state. */
struct request {
	struct weir_conn *conn;
	enum http_method method;
	struct weir_timer timer; /* to timeout_ns */
	struct weir_list link;	 /* in scrapes.waiting, or in no list */
	bool is_answered;
};

/* Requests for /metrics that wait for the snapshots. */
struct scrapes {
	struct weir_list waiting;
};

static int open_scrapes(struct endpoint *endpoint)
{
	struct scrapes *scrapes = malloc(sizeof *scrapes);

	if (!scrapes)
		return -ENOMEM;
	weir_list_init(&scrapes->waiting);
	endpoint->state = scrapes;
	/* an answer may be longer than --max allows */
	endpoint->limits = (struct weir_conn_limits){
		.max = MAX_ANSWER,
		.input = HTTP_MAX_REQUEST,
		.stall_ns = timeout_ns,
		.linger_ns = timeout_ns,
	};
	return 0;
}

static void close_scrapes(struct endpoint *endpoint)
{
	free(endpoint->state);
}

/* -- answers -- */

/* Try weir_conn_send first: what it sends is not queued, so the scrape does not
 * count in the budget, and closes no client when the budget is spent. */
static int put(struct weir_conn *c, const char *data, size_t n)
{
	ssize_t n_taken = weir_conn_send(c, data, n);

	if (n_taken < 0)
		return (int)n_taken;
	return weir_conn_sendall(c, data + n_taken, n - (size_t)n_taken);
}

/* If there is no memory for the answer the scraper sees the connection end
 * without one, and tries again. */
static void answer(struct request *request, enum http_status status,
		   const char *body, size_t n)
{
	char head[HEAD_SIZE];
	int n_head = snprintf(
		head, sizeof head,
		"HTTP/1.1 %s\r\n"
		"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\n"
		"%s"
		"Connection: close\r\n\r\n",
		http_status_line(status), n,
		status == HTTP_NOT_ALLOWED || request->method == HTTP_OPTIONS
			? "Allow: GET, HEAD, OPTIONS\r\n"
			: "");

	request->is_answered = true;
	weir_timer_cancel(&request->timer);
	weir_list_remove(&request->link);
	if (put(request->conn, head, (size_t)n_head) == 0 &&
	    request->method != HTTP_HEAD)
		(void)put(request->conn, body, n);
	weir_conn_finish(request->conn);
}

static void answer_briefly(struct request *request, enum http_status status,
			   const char *body)
{
	answer(request, status, body, strlen(body));
}

static void refuse(struct request *request, enum http_status status)
{
	char body[HEAD_SIZE];

	(void)snprintf(body, sizeof body, "%s\n", http_status_line(status));
	answer_briefly(request, status, body);
}

static void answer_metrics(struct scrapes *scrapes, struct server *server)
{
	struct weir_list *waiting = &scrapes->waiting;
	size_t n;
	char *body = exposition_new(server, &n);

	while (!weir_list_is_empty(waiting)) {
		struct request *request =
			weir_container_of(waiting->next, struct request, link);

		if (body)
			answer(request, HTTP_OK, body, n);
		else
			refuse(request, HTTP_UNAVAILABLE);
	}
	free(body);
}

static void on_wakeup(struct endpoint *endpoint)
{
	struct scrapes *scrapes = endpoint->state;
	struct server *server = endpoint->worker->server;

	if (!weir_list_is_empty(&scrapes->waiting) &&
	    snapshots_are_ready(server))
		answer_metrics(scrapes, server);
}

static void answer_health(struct request *request, struct server *server)
{
	if (server_phase(server) == PHASE_SERVING)
		answer_briefly(request, HTTP_OK, "ok\n");
	else
		answer_briefly(request, HTTP_UNAVAILABLE, "draining\n");
}

/* -- requests -- */

static void on_timeout(struct weir_timer *timer)
{
	refuse(weir_container_of(timer, struct request, timer), HTTP_TIMEOUT);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct request *request = client_state(c);
	struct weir_loop *loop = endpoint->worker->loop;

	request->conn = c;
	weir_timer_arm(&request->timer, loop, weir_loop_now(loop) + timeout_ns,
		       on_timeout);
}

static bool is_path(const struct http_request *asked, const char *path)
{
	return asked->n_path == strlen(path) &&
	       memcmp(asked->path, path, asked->n_path) == 0;
}

static void serve(struct endpoint *endpoint, struct request *request,
		  const struct http_request *asked)
{
	struct scrapes *scrapes = endpoint->state;
	struct server *server = endpoint->worker->server;

	request->method = asked->method;
	if (asked->method == HTTP_OPTIONS) {
		answer_briefly(request, HTTP_OK, "");
	} else if (asked->method == HTTP_POST) {
		refuse(request, HTTP_NOT_ALLOWED);
	} else if (is_path(asked, "/healthz")) {
		answer_health(request, server);
	} else if (is_path(asked, "/metrics")) {
		weir_timer_cancel(&request->timer);
		weir_list_append(&scrapes->waiting, &request->link);
		weir_conn_pause(request->conn);
		snapshots_ask(server);
	} else {
		refuse(request, HTTP_NOT_FOUND);
	}
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct request *request = client_state(c);
	struct http_request asked;
	enum http_status status = http_parse(data, n, &asked);

	if (status == HTTP_INCOMPLETE)
		return 0;
	if (status == HTTP_OK)
		serve(client_endpoint(c), request, &asked);
	else
		refuse(request, status);
	return n;
}

/* A connection that waits for its answer is not read, so no request came. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	(void)rest;
	if (n > 0)
		refuse(client_state(c), HTTP_BAD_REQUEST);
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
		refuse(request, HTTP_UNAVAILABLE);
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
	.open = open_scrapes,
	.close = close_scrapes,
	.on_open = on_open,
	.on_close = on_close,
	.on_wakeup = on_wakeup,
	.on_drain = on_drain,
};
