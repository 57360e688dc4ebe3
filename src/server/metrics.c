/* metrics: GET /metrics and GET /healthz, each answered by one response that
 * ends the connection. The reactor that serves everybody else serves it too,
 * so a scraper that is slow, or makes no sense, costs the others nothing. */
#include "metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* A request that takes longer is not meant. */
static const uint64_t patience_ns = 5000000000;

enum {
	/* the answer for 256 workers is as long as that */
	MOST_ANSWER = 64 << 20,
	HEAD_SIZE = 256
};

/* Of a connection, until it is answered. */
struct request {
	struct weir_conn *conn;
	struct weir_timer timer; /* to the end of our patience */
	struct weir_list link;	 /* in waiting, for the snapshots; or alone */
	bool is_answered;
};

/* Those who have asked for /metrics. */
struct desk {
	struct weir_list waiting;
};

static int open_desk(struct door *door)
{
	struct desk *desk = malloc(sizeof *desk);

	if (!desk)
		return -ENOMEM;
	weir_list_init(&desk->waiting);
	door->state = desk;
	/* more than --max may allow, and not held up by what it asks for */
	door->limits = (struct weir_conn_limits){
		.max = MOST_ANSWER,
		.input = HTTP_MAX_REQUEST,
		.stall_ns = patience_ns,
		.linger_ns = patience_ns,
	};
	return 0;
}

static void close_desk(struct door *door)
{
	free(door->state);
}

/* -- answers -- */

/* What the kernel takes at once is not a matter of the budget, as a queue
 * would be: a scrape shall not cost a client his place when it is spent. */
static int put(struct weir_conn *c, const char *data, size_t n)
{
	ssize_t n_taken = weir_conn_send(c, data, n);

	if (n_taken < 0)
		return (int)n_taken;
	return weir_conn_sendall(c, data + n_taken, n - (size_t)n_taken);
}

/* One that cannot be sent for want of memory is none: the scraper sees an end
 * without a response, and comes again. */
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
		status == HTTP_NOT_ALLOWED ? "Allow: GET\r\n" : "");

	request->is_answered = true;
	weir_timer_cancel(&request->timer);
	weir_list_remove(&request->link);
	if (put(request->conn, head, (size_t)n_head) == 0)
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

static void answer_metrics(struct desk *desk, struct server *server)
{
	struct weir_list *waiting = &desk->waiting;
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

static void on_bell(struct door *door)
{
	struct desk *desk = door->state;
	struct server *server = door->worker->server;

	if (!weir_list_is_empty(&desk->waiting) && snapshots_are_ready(server))
		answer_metrics(desk, server);
}

static void answer_health(struct request *request, struct server *server)
{
	if (server_phase(server) == PHASE_SERVING)
		answer_briefly(request, HTTP_OK, "ok\n");
	else
		answer_briefly(request, HTTP_UNAVAILABLE, "draining\n");
}

/* -- requests -- */

static void on_impatience(struct weir_timer *timer)
{
	refuse(weir_container_of(timer, struct request, timer), HTTP_TIMEOUT);
}

static void on_open(struct door *door, struct weir_conn *c)
{
	struct request *request = client_state(c);
	struct weir_loop *loop = door->worker->loop;

	request->conn = c;
	weir_timer_arm(&request->timer, loop, weir_loop_now(loop) + patience_ns,
		       on_impatience);
}

static bool is_path(const struct http_target *target, const char *path)
{
	return target->n == strlen(path) &&
	       memcmp(target->path, path, target->n) == 0;
}

static void serve(struct door *door, struct request *request,
		  const struct http_target *target)
{
	struct desk *desk = door->state;
	struct server *server = door->worker->server;

	if (is_path(target, "/healthz")) {
		answer_health(request, server);
	} else if (is_path(target, "/metrics")) {
		weir_timer_cancel(&request->timer);
		weir_list_append(&desk->waiting, &request->link);
		weir_conn_pause(request->conn);
		snapshots_ask(server);
	} else {
		refuse(request, HTTP_NOT_FOUND);
	}
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct request *request = client_state(c);
	struct http_target target;
	enum http_status status = http_parse(data, n, &target);

	if (status == HTTP_INCOMPLETE)
		return 0;
	if (status == HTTP_OK)
		serve(client_door(c), request, &target);
	else
		refuse(request, status);
	return n;
}

/* One who waits for his answer is not heard: so far there was no request. */
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

/* The server goes: whoever waits for snapshots gets none. */
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
		   .on_close = server_on_close},
	.state_size = sizeof(struct request),
	.open = open_desk,
	.close = close_desk,
	.on_open = on_open,
	.on_close = on_close,
	.on_bell = on_bell,
	.on_drain = on_drain,
};
