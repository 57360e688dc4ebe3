/* weir-server's events: requests, right and wrong. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_events.h"

enum {
	REQUEST_SIZE = 1024,
	MANY = 900
};

TestSuite(server_events_http, .init = harness_begin, .fini = harness_end,
	  .timeout = EVENTS_PATIENCE_S);

static struct served served;
static struct viewer viewer;
static struct event event;
static char address[SERVED_ADDRESS_SIZE];
static const char *answer;

static void start(const char *service)
{
	served_start(&served, "--workers=2", service, NULL);
	served_address(&served, "events", address);
	viewer_open(&viewer, address, 0);
}

static void stop(void)
{
	viewer_close(&viewer);
	cr_assert_eq(served_stop(&served), 0);
}

/* A request with these fields, each with its CRLF. */
static int ask(const char *method, const char *path, const char *fields,
	       const char *content)
{
	char request[2 * REQUEST_SIZE];

	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\n%s\r\n%s", method,
		 path, fields, content);
	return events_ask(address, request, &answer);
}

static void expect_line(const char *text)
{
	cr_assert(viewer_next(&viewer, &event));
	cr_assert_str_eq(event.type, "message");
	cr_assert_str_eq(event.data, text);
}

static bool answers(const char *field)
{
	return strstr(answer, field) != NULL;
}

/* -- publishing -- */

Test(server_events_http, publishes_the_last_line_without_its_end)
{
	start("events=127.0.0.1:0");
	cr_assert_eq(events_post(address, "a\nb"), 204);
	cr_assert_eq(events_post(address, ""), 204);
	cr_assert_eq(events_post(address, "\n\nc\n"), 204);
	expect_line("a");
	expect_line("b");
	expect_line("");
	expect_line("");
	expect_line("c");
	stop();
}

Test(server_events_http, takes_a_request_in_any_pieces)
{
	static const char request[] = "POST / HTTP/1.1\r\n"
				      "Content-Length: 11\r\n\r\n"
				      "hello\nworld";
	char back[14];
	int fd;

	start("events=127.0.0.1:0");
	fd = dial(address, 0);
	for (size_t i = 0; i < sizeof request - 1; i++)
		harness_write(fd, request + i, 1);
	harness_read(fd, back, 12);
	cr_assert_arr_eq(back, "HTTP/1.1 204", 12);
	expect_line("hello");
	expect_line("world");
	close(fd);
	stop();
}

Test(server_events_http, tells_a_client_that_asks_first_to_go_on)
{
	static const char head[] = "POST / HTTP/1.1\r\nContent-Length: 1\r\n"
				   "Expect: 100-continue\r\n\r\n";
	char back[25];
	int fd;

	start("events=127.0.0.1:0");
	fd = dial(address, 0);
	harness_write(fd, head, sizeof head - 1);
	harness_read(fd, back, sizeof back);
	cr_assert_arr_eq(back, "HTTP/1.1 100 Continue\r\n\r\n", sizeof back);
	harness_write(fd, "x", 1);
	harness_read(fd, back, 12);
	cr_assert_arr_eq(back, "HTTP/1.1 204", 12);
	expect_line("x");
	close(fd);
	stop();
}

static char *long_line(size_t n)
{
	char *line = malloc(n + 1);

	memset(line, 'x', n);
	line[n] = '\0';
	return line;
}

Test(server_events_http, lets_a_line_of_64_kib_through_and_none_that_is_longer)
{
	char *longest = long_line(EVENTS_LINE - 1);
	char *longer = long_line(EVENTS_LINE);

	start("events=127.0.0.1:0");
	cr_assert_eq(events_post(address, longest), 204);
	cr_assert_eq(events_post(address, longer), 413);
	served_line(&served, ": a line of more than 65536 bytes");
	cr_assert_eq(events_post(address, "short"), 204);
	expect_line(longest);
	expect_line("short");
	free(longest);
	free(longer);
	stop();
}

/* Each of its carriage returns takes six bytes more. */
Test(server_events_http, lets_a_line_of_carriage_returns_through)
{
	char *line = long_line(EVENTS_LINE - 1);
	size_t n_fields = 1;
	const char *text;

	memset(line, '\r', EVENTS_LINE - 2);
	start("events=127.0.0.1:0");
	cr_assert_eq(events_post(address, line), 204);
	text = viewer_read(&viewer, "\n\n");
	while ((text = strstr(text, "\ndata: "))) {
		n_fields += text[7] == '\n';
		text++;
	}
	cr_assert_eq(n_fields, EVENTS_LINE - 1);
	free(line);
	stop();
}

Test(server_events_http, publishes_no_line_of_content_that_was_cut_off)
{
	static const char part[] = "POST / HTTP/1.1\r\nContent-Length: 100\r\n"
				   "\r\nwhole\npart";
	char back[12];
	int fd;

	start("events=127.0.0.1:0");
	fd = dial(address, 0);
	harness_write(fd, part, sizeof part - 1);
	shutdown(fd, SHUT_WR);
	harness_read(fd, back, sizeof back);
	cr_assert_arr_eq(back, "HTTP/1.1 400", sizeof back);
	close(fd);
	cr_assert_eq(events_post(address, "next"), 204);
	expect_line("whole");
	expect_line("next");
	stop();
}

/* -- what is no such request -- */

Test(server_events_http, refuses_what_it_does_not_serve)
{
	served_start(&served, "events=127.0.0.1:0,path=/a/b", NULL);
	served_address(&served, "events", address);
	cr_assert_eq(ask("GET", "/", "", ""), 404);
	cr_assert_eq(ask("GET", "/a/b/", "", ""), 404);
	cr_assert_eq(ask("POST", "/a", "Content-Length: 1\r\n", "x"), 404);
	cr_assert_eq(ask("PUT", "/a/b", "Content-Length: 1\r\n", "x"), 405);
	cr_assert(answers("\r\nAllow: GET, HEAD, OPTIONS, POST\r\n"));
	cr_assert_eq(ask("POST", "/a/b", "", ""), 411);
	cr_assert_eq(ask("POST", "/a/b", "Transfer-Encoding: chunked\r\n", ""),
		     501);
	cr_assert_eq(ask("GET", "/a/b", "broken\r\n", ""), 400);
	cr_assert_eq(ask("HEAD", "/a/b?x=y", "", ""), 200);
	cr_assert(answers("\r\nContent-Type: text/event-stream\r\n"));
	cr_assert_eq(ask("POST", "/a/b?x=y", "Content-Length: 1\r\n", "x"),
		     204);
	cr_assert_eq(served_stop(&served), 0);
}

/* It waits for 5 s, for both at a time. */
Test(server_events_http, ends_requests_that_do_not_come_whole)
{
	static const char head[] = "GET / HTTP/1.1\r\n";
	static const char part[] = "POST / HTTP/1.1\r\nContent-Length: 9\r\n"
				   "\r\npart";
	char back[12];
	int fds[2];

	start("events=127.0.0.1:0,heartbeat=1s");
	for (int i = 0; i < 2; i++)
		fds[i] = dial(address, 0);
	harness_write(fds[0], head, sizeof head - 1);
	harness_write(fds[1], part, sizeof part - 1);
	for (int i = 0; i < 2; i++) {
		harness_read(fds[i], back, sizeof back);
		cr_assert_arr_eq(back, "HTTP/1.1 408", sizeof back);
		close(fds[i]);
	}
	/* the stream that is there goes on */
	cr_assert_eq(events_post(address, "next"), 204);
	expect_line("next");
	stop();
}

/* How often the loop of the worker has turned. */
static unsigned long n_turns(const char *metrics)
{
	static const char name[] = "\nweir_loop_turns_total{worker=\"0\"} ";
	const char *line;

	cr_assert_eq(
		events_ask(metrics, "GET /metrics HTTP/1.0\r\n\r\n", &answer),
		200);
	line = strstr(answer, name);
	cr_assert_not_null(line);
	return strtoul(line + sizeof name - 1, NULL, 10);
}

/* It takes many turns, so that no other client waits for all of them. */
Test(server_events_http, ends_few_requests_at_a_time)
{
	char metrics[SERVED_ADDRESS_SIZE];
	char back[12];
	int fds[MANY];
	unsigned long before;

	served_start(&served, "--metrics=127.0.0.1:0", "events=127.0.0.1:0",
		     NULL);
	served_address(&served, "metrics", metrics);
	served_address(&served, "events", address);
	for (int i = 0; i < MANY; i++)
		fds[i] = dial(address, 0);
	before = n_turns(metrics);
	for (int i = 0; i < MANY; i++) {
		harness_read(fds[i], back, sizeof back);
		cr_assert_arr_eq(back, "HTTP/1.1 408", sizeof back);
	}
	cr_assert_geq(n_turns(metrics), before + MANY / 32);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&served), 0);
}

/* -- pages of other origins -- */

static int post_from(const char *origin)
{
	char fields[REQUEST_SIZE];

	snprintf(fields, sizeof fields,
		 "Host: a.example:80\r\nOrigin: %s\r\nContent-Length: 1\r\n",
		 origin);
	return ask("POST", "/", fields, "x");
}

Test(server_events_http, serves_pages_of_its_own_origin_alone)
{
	start("events=127.0.0.1:0");
	cr_assert_eq(post_from("http://a.example:80"), 204);
	cr_assert_eq(post_from("https://a.example:80"), 204);
	cr_assert_not(answers("Access-Control"));
	cr_assert_eq(post_from("http://b.example"), 403);
	cr_assert_eq(post_from("http://a.example"), 403);
	cr_assert_eq(post_from("http://xa.example:80"), 403);
	cr_assert_eq(post_from("http://x.a.example:80"), 403);
	cr_assert_eq(post_from("a.example:80"), 403);
	cr_assert_eq(post_from("null"), 403);
	cr_assert_eq(ask("GET", "/", "Origin: http://b.example\r\n", ""), 403);
	cr_assert_eq(ask("OPTIONS", "/", "Origin: http://b.example\r\n", ""),
		     403);
	/* only those came through */
	expect_line("x");
	expect_line("x");
	cr_assert_eq(events_post(address, "end"), 204);
	expect_line("end");
	stop();
}

Test(server_events_http, serves_pages_of_another_origin_that_may)
{
	start("events=127.0.0.1:0,cors=https://b.example");
	cr_assert_eq(post_from("https://b.example"), 204);
	cr_assert(answers("\r\nAccess-Control-Allow-Origin: https://b.example"
			  "\r\nVary: Origin\r\n"));
	cr_assert_eq(post_from("http://b.example"), 403);
	cr_assert_eq(ask("OPTIONS", "/",
			 "Origin: https://b.example\r\n"
			 "Access-Control-Request-Method: POST\r\n",
			 ""),
		     204);
	cr_assert(answers("\r\nAccess-Control-Allow-Methods: GET, POST\r\n"));
	cr_assert(answers("\r\nAccess-Control-Allow-Headers: "
			  "Content-Type, Last-Event-ID\r\n"));
	cr_assert(answers("\r\nAccess-Control-Allow-Origin: "));
	stop();
}

Test(server_events_http, serves_pages_of_every_origin_if_all_may)
{
	start("events=127.0.0.1:0,cors=*");
	cr_assert_eq(post_from("null"), 204);
	cr_assert(answers("\r\nAccess-Control-Allow-Origin: *\r\n"));
	stop();
}

/* -- options -- */

Test(server_events_http, options_that_are_none_are_refused)
{
	expect_refusal_of("events=:0,path=x",
			  "events=:0,path=x: path=x: expected a path, such as "
			  "/events");
	expect_refusal_of("events=:0,cors=a b",
			  "events=:0,cors=a b: cors=a b: expected an origin, "
			  "such as https://example.com, or *");
	expect_refusal_of("events=:0,cors=b.example",
			  "events=:0,cors=b.example: cors=b.example: expected "
			  "an origin, such as https://example.com, or *");
	expect_refusal_of("events=:0,heartbeat=1ms",
			  "events=:0,heartbeat=1ms: heartbeat=1ms: expected a "
			  "time from 100ms to 1h, such as 15s");
	expect_refusal((const char *[]){"--budget=256K", "events=:0", NULL},
		       "--budget 262144: expected at least 327680 for 1 "
		       "workers");
}
