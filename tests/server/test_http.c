/* The head of a request, whole, in pieces, and wrong. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "http.h"

static enum http_status parse(const char *text, struct http_request *request)
{
	return http_parse(text, strlen(text), request);
}

static void expect_path(const char *text, const char *path)
{
	struct http_request request;

	cr_expect_eq(parse(text, &request), HTTP_OK, "%s", text);
	cr_expect_eq(request.n_path, strlen(path));
	cr_expect_arr_eq(request.path, path, strlen(path));
}

static void expect_status(const char *text, enum http_status status)
{
	struct http_request request;

	cr_expect_eq(parse(text, &request), status, "%s", text);
}

Test(http, reads_what_a_get_asks_for)
{
	expect_path("GET /metrics HTTP/1.1\r\n\r\n", "/metrics");
	expect_path("GET / HTTP/1.0\r\nHost: here\r\n\r\n", "/");
	expect_path("GET /a?b=c HTTP/1.1\r\nA:b\r\nC-d:  e\r\n\r\n", "/a");
	expect_path("GET /lf HTTP/1.1\nHost: x\n\n", "/lf");
}

/* As a proxy sends it. */
Test(http, reads_the_path_of_an_absolute_target)
{
	expect_path("GET http://here:7070/metrics?a HTTP/1.1\r\n\r\n",
		    "/metrics");
	expect_path("GET HTTP://[::1]/ HTTP/1.1\r\n\r\n", "/");
	expect_path("GET http://here HTTP/1.1\r\n\r\n", "/");
}

static void expect_query(const char *text, const char *query)
{
	struct http_request request;

	cr_expect_eq(parse(text, &request), HTTP_OK, "%s", text);
	cr_expect_eq(request.n_query, strlen(query), "%s", text);
	cr_expect_arr_eq(request.query, query, strlen(query));
}

Test(http, reads_the_query)
{
	expect_query("GET /a?b=c HTTP/1.1\r\n\r\n", "b=c");
	expect_query("GET /a?b?c HTTP/1.1\r\n\r\n", "b?c");
	expect_query("GET /a? HTTP/1.1\r\n\r\n", "");
	expect_query("GET /a HTTP/1.1\r\n\r\n", "");
	expect_query("GET http://here/a?b HTTP/1.1\r\n\r\n", "b");
	expect_query("GET http://here?b/c HTTP/1.1\r\n\r\n", "b/c");
	expect_path("GET http://here?b/c HTTP/1.1\r\n\r\n", "/");
}

static void expect_method(const char *text, enum http_method method)
{
	struct http_request request;

	cr_expect_eq(parse(text, &request), HTTP_OK, "%s", text);
	cr_expect_eq(request.method, method);
}

Test(http, knows_the_methods_of_load_balancers)
{
	expect_method("GET /healthz HTTP/1.0\r\n\r\n", HTTP_GET);
	expect_method("HEAD /healthz HTTP/1.0\r\n\r\n", HTTP_HEAD);
	expect_method("OPTIONS /healthz HTTP/1.0\r\n\r\n", HTTP_OPTIONS);
	expect_method("OPTIONS * HTTP/1.0\r\n\r\n", HTTP_OPTIONS);
}

/* However the request is cut, it is incomplete until its last byte. */
Test(http, waits_for_the_empty_line)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\n"
				   "Host: 127.0.0.1:7070\r\n"
				   "Accept: */*\r\n\r\n";
	struct http_request request;
	size_t n;

	for (n = 0; n < sizeof text - 1; n++)
		cr_expect_eq(http_parse(text, n, &request), HTTP_INCOMPLETE,
			     "%zu", n);
	cr_expect_eq(http_parse(text, n, &request), HTTP_OK);
}

Test(http, refuses_what_is_no_request)
{
	expect_status("\r\n", HTTP_BAD_REQUEST);
	expect_status("GET\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET /\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET  / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1 \r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET metrics HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("G\x01T / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET /\x7f HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / FTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.x\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/x.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1,1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET ftp://here/ HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\nno field\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\n: no name\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\n folded: x\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\nA : b\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\nA: \x01\r\n\r\n", HTTP_BAD_REQUEST);
	expect_status("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", HTTP_BAD_REQUEST);
}

Test(http, refuses_what_it_does_not_do)
{
	expect_status("DELETE / HTTP/1.1\r\n\r\n", HTTP_NOT_ALLOWED);
	expect_status("PUT / HTTP/1.1\r\n\r\n", HTTP_NOT_ALLOWED);
	expect_status("get / HTTP/1.1\r\n\r\n", HTTP_NOT_ALLOWED);
	expect_status("GET / HTTP/2.0\r\n\r\n", HTTP_VERSION);
}

static void expect_field(const char *text, const char *name, const char *value)
{
	struct http_request request;
	const char *found;
	size_t n;

	cr_assert_eq(parse(text, &request), HTTP_OK, "%s", text);
	found = http_field(&request, name, &n);
	cr_assert_not_null(found, "%s", name);
	cr_expect_eq(n, strlen(value), "%s: %zu", name, n);
	cr_expect_arr_eq(found, value, strlen(value));
}

Test(http, finds_a_field_by_its_name)
{
	static const char text[] = "GET / HTTP/1.1\r\n"
				   "Host: here\r\n"
				   "Hosts: there\r\n"
				   "last-event-id: \t 7 8\t \r\n"
				   "Host: twice\r\n"
				   "Blank:  \r\n"
				   "Empty:\r\n\r\n"
				   "Behind: the head\r\n\r\n";
	struct http_request request;
	size_t n;

	expect_field(text, "Host", "here");
	expect_field(text, "HOSTS", "there");
	expect_field(text, "Last-Event-ID", "7 8");
	expect_field(text, "Blank", "");
	expect_field(text, "Empty", "");
	cr_assert_eq(parse(text, &request), HTTP_OK);
	cr_expect_null(http_field(&request, "Behind", &n));
	cr_expect_null(http_field(&request, "Hos", &n));
}

/* POST with these fields; HTTP_OK: content_length is length. */
static void expect_length(const char *fields, enum http_status status,
			  uint64_t length)
{
	struct http_request request = {0};
	char text[256];
	int n = snprintf(text, sizeof text, "POST / HTTP/1.1\r\n%s\r\n",
			 fields);

	strcat(text, "content");
	cr_expect_eq(parse(text, &request), status, "%s", fields);
	if (status != HTTP_OK)
		return;
	cr_expect_eq(request.content_length, length, "%s", fields);
	cr_expect_eq(request.n_head, (size_t)n, "%s", fields);
}

Test(http, knows_how_much_follows_the_head)
{
	expect_length("Content-Length: 7\r\n", HTTP_OK, 7);
	expect_length("A: b\ncontent-length:\t0007 \n", HTTP_OK, 7);
	expect_length("Content-Length: 0\r\n", HTTP_OK, 0);
	expect_length("Content-Length: 1000000000000000000\r\n", HTTP_OK,
		      1000000000000000000);
}

Test(http, refuses_a_length_that_others_may_read_differently)
{
	expect_length("", HTTP_LENGTH_REQUIRED, 0);
	expect_length("Content-Length:\r\n", HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: +7\r\n", HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: 7 7\r\n", HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: 7, 7\r\n", HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: 0x7\r\n", HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: 7\r\nContent-Length: 7\r\n",
		      HTTP_BAD_REQUEST, 0);
	expect_length("Content-Length: 18446744073709551617\r\n",
		      HTTP_CONTENT_TOO_LARGE, 0);
	expect_length("Transfer-Encoding: chunked\r\n", HTTP_NOT_IMPLEMENTED,
		      0);
	expect_length("Content-Length: 7\r\ntransfer-encoding: chunked\r\n",
		      HTTP_NOT_IMPLEMENTED, 0);
	expect_status("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		      HTTP_BAD_REQUEST);
}

/* However much of it comes at once. */
Test(http, reads_no_long_request)
{
	static char text[2 * HTTP_MAX_REQUEST] = "GET / HTTP/1.1\r\nA: ";
	struct http_request request;

	memset(text + strlen(text), 'x', HTTP_MAX_REQUEST);
	strcat(text, "\r\n\r\n");
	cr_expect_eq(parse(text, &request), HTTP_TOO_LARGE);
}

Test(http, reads_no_endless_request)
{
	static char text[HTTP_MAX_REQUEST];
	struct http_request request;

	memset(text, 'x', sizeof text);
	memcpy(text, "GET /", 5);
	cr_expect_eq(http_parse(text, sizeof text - 1, &request),
		     HTTP_INCOMPLETE);
	cr_expect_eq(http_parse(text, sizeof text, &request), HTTP_TOO_LARGE);
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	cr_expect_eq(http_parse(text, sizeof text, &request), HTTP_TOO_LARGE);
}
