#include "answer.h"

#include <stdio.h>
#include <string.h>

enum {
	HEAD_SIZE = 1024
};

static const char *const types[] = {
	[CONTENT_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[CONTENT_JSON] = "application/json",
	[CONTENT_HTML] = "text/html; charset=utf-8",
	[CONTENT_EVENTS] = "text/event-stream",
};

/* Nothing in the page comes from elsewhere, or is sent there. */
static const char page_policy[] =
	"Content-Security-Policy: default-src 'none'; img-src data:; "
	"style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'\r\n";

/* Try weir_conn_send first: what it sends is not queued, so the scrape does not
 * count in the budget, and closes no client when the budget is spent. */
static int put(struct weir_conn *c, const char *data, size_t n)
{
	ssize_t n_taken = weir_conn_send(c, data, n);

	if (n_taken < 0)
		return (int)n_taken;
	return weir_conn_sendall(c, data + n_taken, n - (size_t)n_taken);
}

static const char *field_for(const struct request *request,
			     enum http_status status, enum content content)
{
	if (status == HTTP_NOT_ALLOWED || request->method == HTTP_OPTIONS)
		return "Allow: GET, HEAD, OPTIONS\r\n";
	if (status == HTTP_UNAUTHORIZED)
		return "WWW-Authenticate: Bearer\r\n";
	return content == CONTENT_HTML ? page_policy : "";
}

/* What a browser would store of an answer is soon old news. */
static int put_head(struct request *request, enum http_status status,
		    enum content content, const char *length)
{
	char head[HEAD_SIZE];
	int n = snprintf(head, sizeof head,
			 "HTTP/1.1 %s\r\n"
			 "Content-Type: %s\r\n"
			 "%s"
			 "%s"
			 "Cache-Control: no-store\r\n"
			 "Referrer-Policy: no-referrer\r\n"
			 "X-Content-Type-Options: nosniff\r\n"
			 "Connection: close\r\n\r\n",
			 http_status_line(status), types[content], length,
			 field_for(request, status, content));

	request->is_answered = true;
	weir_timer_cancel(&request->timer);
	weir_list_remove(&request->link);
	return put(request->conn, head, (size_t)n);
}

/* If there is no memory for the answer the scraper sees the connection end
 * without one, and tries again. */
void answer(struct request *request, enum http_status status,
	    enum content content, const void *body, size_t n)
{
	char length[64];

	(void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
	if (put_head(request, status, content, length) == 0 &&
	    request->method != HTTP_HEAD)
		(void)put(request->conn, body, n);
	weir_conn_finish(request->conn);
}

void answer_briefly(struct request *request, enum http_status status,
		    const char *body)
{
	answer(request, status, CONTENT_TEXT, body, strlen(body));
}

void answer_refuse(struct request *request, enum http_status status)
{
	char body[64];

	(void)snprintf(body, sizeof body, "%s\n", http_status_line(status));
	answer_briefly(request, status, body);
}

bool answer_begin_events(struct request *request)
{
	static const char retry[] = "retry: 1000\n\n"; /* ms */

	if (put_head(request, HTTP_OK, CONTENT_EVENTS, "") == 0 &&
	    request->method != HTTP_HEAD &&
	    put(request->conn, retry, sizeof retry - 1) == 0)
		return true;
	weir_conn_finish(request->conn);
	return false;
}
