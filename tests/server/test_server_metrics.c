/* What weir-server tells of itself: /metrics, /healthz, and SIGUSR1. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "test_server_relay.h"

enum {
	PATIENCE_S = 60,
	ANSWER_SIZE = 1 << 20,
	NAME_SIZE = 256,
	TEXT_SIZE = 512,
	SMALL_RCVBUF = 16384,
	MAX_PRIVATE = 32, /* connections to the metrics */
	N_OWED = 200000,  /* less than high */
	N_CLIENTS = 30
};

TestSuite(server_metrics, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char echo[SERVED_ADDRESS_SIZE];
static char metrics[SERVED_ADDRESS_SIZE];
static char answer[ANSWER_SIZE];

/* Send request and perhaps a FIN, and read to the end what comes. */
static const char *ask_and(bool ends, const char *request)
{
	int fd = dial(metrics, 0);
	size_t n = 0;
	ssize_t n_read;

	if (*request)
		harness_write(fd, request, strlen(request));
	if (ends)
		shutdown(fd, SHUT_WR);
	while ((n_read = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	cr_assert_eq(n_read, 0, "%s", strerror(errno));
	answer[n] = '\0';
	close(fd);
	return answer;
}

static const char *ask(const char *request)
{
	return ask_and(false, request);
}

static const char *get(const char *path)
{
	char request[NAME_SIZE];

	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n\r\n", path);
	return ask(request);
}

static bool starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The sum of a metric over all lines whose labels have part in them. */
static double sum(const char *text, const char *name, const char *part)
{
	const char *line = text;
	double n = 0;

	while ((line = strchr(line, '\n'))) {
		const char *end = strchr(++line, '\n');
		const char *value = strchr(line, '}');
		const char *label = strstr(line, part);

		if (!end || !starts(line, name) || line[strlen(name)] != '{' ||
		    !value || value > end || !label || label > value)
			continue;
		n += strtod(value + 1, NULL);
	}
	return n;
}

static void start(const char *option)
{
	served_start(&s, "--metrics=127.0.0.1:0", "--sndbuf=8K", option,
		     "echo=127.0.0.1:0", NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", echo);
}

/* -- requests -- */

/* The length that is announced is that of the body. */
static void check_length(void)
{
	const char *body = strstr(answer, "\r\n\r\n");
	const char *length = strstr(answer, "\r\nContent-Length: ");

	cr_assert(starts(answer, "HTTP/1.1 200 OK\r\n"));
	cr_assert(body && length);
	cr_assert_eq(strtoul(length + 18, NULL, 10), strlen(body + 4));
}

Test(server_metrics, come_whole)
{
	start("--workers=1");
	get("/metrics?name=value");
	check_length();
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_metrics, says_whether_it_is_well)
{
	start("--grace=60m");
	cr_expect(starts(get("/healthz"), "HTTP/1.1 200 OK\r\n"));
	kill(s.pid, SIGTERM);
	served_line(&s, "serving on for the grace");
	cr_expect(starts(get("/healthz"), "HTTP/1.1 503 "));
	cr_expect(strstr(get("/metrics"), "\nweir_draining 1\n"));
	cr_assert_eq(served_stop(&s), 0);
}

/* A HEAD has the head of its GET, and no body. */
Test(server_metrics, answer_load_balancers)
{
	char head[TEXT_SIZE];

	start("--workers=1");
	get("/healthz");
	snprintf(head, sizeof head, "%.*s",
		 (int)(strstr(answer, "\r\n\r\n") + 4 - answer), answer);
	ask("HEAD /healthz HTTP/1.1\r\n\r\n");
	cr_expect_str_eq(answer, head);
	ask("HEAD /metrics HTTP/1.1\r\n\r\n");
	cr_expect_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	ask("OPTIONS * HTTP/1.1\r\n\r\n");
	cr_expect(starts(answer, "HTTP/1.1 200 OK\r\n"));
	cr_expect(strstr(answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	ask("GET http://here/healthz HTTP/1.1\r\n\r\n");
	cr_expect(starts(answer, "HTTP/1.1 200 OK\r\n"));
	cr_assert_eq(served_stop(&s), 0);
}

/* The listener of the metrics closes last: while others are finished it says
 * that it is draining. */
Test(server_metrics, are_there_to_the_end)
{
	int fd;

	start("--workers=2");
	fd = dial(echo, 0);
	expect_echo(fd, "let in");
	kill(s.pid, SIGTERM);
	served_line(&s, "finishing 1 connections");
	cr_expect(starts(get("/healthz"), "HTTP/1.1 503 "));
	cr_expect(strstr(get("/metrics"), "\nweir_draining 1\n"));
	close(fd);
	cr_assert_eq(served_end(&s), 0);
}

Test(server_metrics, refuse_what_is_wrong)
{
	static char endless[9000];

	start("--workers=1");
	cr_expect(starts(get("/other"), "HTTP/1.1 404 "));
	cr_expect(starts(ask("nonsense\r\n\r\n"), "HTTP/1.1 400 "));
	cr_expect(
		starts(ask("PUT /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 "));
	cr_expect(strstr(answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	ask("POST /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
	cr_expect(starts(answer, "HTTP/1.1 405 "));
	memset(endless, 'x', sizeof endless - 1);
	memcpy(endless, "GET /", 5);
	cr_expect(starts(ask(endless), "HTTP/1.1 431 "));
	/* five seconds are all that a request may take */
	cr_expect(starts(ask("GET /metrics HT"), "HTTP/1.1 408 "));
	cr_assert_eq(served_stop(&s), 0);
}

/* A client that has nothing more to say may say so at once. */
Test(server_metrics, answer_who_has_ended_his_side)
{
	start("--workers=2");
	ask_and(true, "GET /metrics HTTP/1.0\r\n\r\n");
	cr_expect(starts(answer, "HTTP/1.1 200 "));
	ask_and(true, "GET /healthz HTTP/1.0\r\n\r\n");
	cr_expect(starts(answer, "HTTP/1.1 200 "));
	ask_and(true, "GET /healthz HT");
	cr_expect(starts(answer, "HTTP/1.1 400 "), "%s", answer);
	ask_and(true, "");
	cr_expect_str_empty(answer);
	cr_assert_eq(served_stop(&s), 0);
}

/* Connections to the metrics have a limit of their own, and say nothing of
 * --max-conns. */
Test(server_metrics, are_asked_by_few_at_a_time)
{
	int fds[MAX_PRIVATE];
	int fd;

	start("--max-conns=1");
	for (int i = 0; i < MAX_PRIVATE; i++)
		fds[i] = dial(metrics, 0);
	fd = dial(metrics, 0);
	served_line(&s, "metrics: a client turned away: too many at a time");
	expect_reset(fd);
	fd = dial(echo, 0);
	expect_echo(fd, "served all the same");
	close(fd);
	for (int i = 0; i < MAX_PRIVATE; i++) {
		shutdown(fds[i], SHUT_WR);
		expect_end(fds[i]);
		close(fds[i]);
	}
	cr_expect(starts(get("/healthz"), "HTTP/1.1 200 "));
	cr_assert_eq(served_stop(&s), 0);
}

/* More than a share of the budget: what the kernel takes needs none of it. */
Test(server_metrics, are_no_matter_of_the_budget)
{
	served_start(&s, "--metrics=127.0.0.1:0", "--workers=8",
		     "--budget=512K", "echo=127.0.0.1:0", "discard=127.0.0.1:0",
		     "greet=127.0.0.1:0", NULL);
	served_address(&s, "metrics", metrics);
	get("/metrics");
	cr_expect_gt(strlen(answer), 65536);
	check_length();
	cr_assert_eq(served_stop(&s), 0);
}

/* -- what they say -- */

static void check_counts(const char *workers)
{
	const char *service = "service=\"echo\"";
	int fds[N_CLIENTS];

	start(workers);
	for (int i = 0; i < N_CLIENTS; i++) {
		fds[i] = dial(echo, 0);
		expect_echo(fds[i], "12345678");
	}
	get("/metrics");
	cr_expect_eq(sum(answer, "weir_connections", service), N_CLIENTS);
	cr_expect_eq(sum(answer, "weir_received_bytes_total", service),
		     8 * N_CLIENTS);
	cr_expect_eq(sum(answer, "weir_sent_bytes_total", service),
		     8 * N_CLIENTS);
	cr_expect_eq(sum(answer, "weir_connections_closed_total", service), 0);
	for (int i = 0; i < N_CLIENTS; i++) {
		shutdown(fds[i], SHUT_WR);
		expect_end(fds[i]);
		close(fds[i]);
	}
	while (sum(get("/metrics"), "weir_connections", service) > 0)
		;
	cr_expect_eq(sum(answer, "weir_connections_accepted_total", service),
		     N_CLIENTS);
	cr_expect_eq(sum(answer, "weir_connections_closed_total",
			 "reason=\"finished\""),
		     sum(answer, "weir_connections_closed_total", ""));
	cr_expect_eq(sum(answer, "weir_connections_closed_total", service),
		     N_CLIENTS);
	cr_expect_eq(sum(answer, "weir_sent_bytes_total", service),
		     8 * N_CLIENTS);
	cr_expect_gt(sum(answer, "weir_loop_turns_total", ""), N_CLIENTS);
	cr_expect_gt(sum(answer, "weir_loop_longest_turn_seconds", ""), 0);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_metrics, count_open_connections_and_closed_ones)
{
	check_counts("--workers=1");
}

Test(server_metrics, count_those_of_every_worker)
{
	check_counts("--workers=3");
}

/* Until the whole of N_OWED has been read by the server. */
static int be_owed(void)
{
	static unsigned char data[N_OWED];
	int fd = dial(echo, SMALL_RCVBUF);

	harness_write(fd, data, N_OWED);
	while (sum(get("/metrics"), "weir_received_bytes_total",
		   "service=\"echo\"") < N_OWED)
		;
	return fd;
}

Test(server_metrics, show_who_is_stalled)
{
	double queued;
	int fd;

	start("--workers=2");
	fd = be_owed();
	queued = sum(answer, "weir_queued_bytes", "echo");
	cr_expect_gt(queued, 0);
	cr_expect_eq(queued + sum(answer, "weir_sent_bytes_total", "echo"),
		     N_OWED);
	cr_expect_geq(sum(answer, "weir_queue_memory_bytes", ""), queued);
	cr_expect_eq(sum(answer, "weir_queue_memory_budget_bytes", ""),
		     1 << 30);
	cr_expect_eq(sum(answer, "weir_stalled_connections", "echo"), 1);
	cr_expect_gt(sum(answer, "weir_stalled_seconds_total", "echo"), 0);
	cr_expect_gt(sum(answer, "weir_short_sends_total", "echo"), 0);
	cr_expect_gt(sum(answer, "weir_epollout_arms_total", "echo"), 0);
	close(fd);
	served_line(&s, "bytes unsent");
	get("/metrics");
	/* the kernel may have taken a little more meanwhile */
	cr_expect_leq(sum(answer, "weir_dropped_bytes_total", "echo"), queued);
	cr_expect_gt(sum(answer, "weir_dropped_bytes_total", "echo"), 0);
	cr_expect_eq(sum(answer, "weir_dropped_bytes_total", "echo") +
			     sum(answer, "weir_sent_bytes_total", "echo"),
		     N_OWED);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_metrics, show_who_was_turned_away)
{
	int first;
	int second;

	start("--max-conns=1");
	first = dial(echo, 0);
	expect_echo(first, "let in");
	second = dial(echo, 0);
	expect_reset(second);
	get("/metrics");
	cr_expect_eq(sum(answer, "weir_connections_turned_away_total",
			 "cause=\"max_conns\""),
		     1);
	close(first);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_metrics, are_what_promtool_expects)
{
	const char *body;
	FILE *tool;

	if (system("command -v promtool >/dev/null") != 0)
		cr_skip("promtool (Debian's prometheus) is not here");
	start("--workers=2");
	body = strstr(get("/metrics"), "\r\n\r\n");
	cr_assert(body);
	tool = popen("promtool check metrics", "w");
	cr_assert(tool);
	fputs(body + 4, tool);
	cr_assert_eq(pclose(tool), 0);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- SIGUSR1 -- */

Test(server_metrics, sigusr1_prints_the_longest_queues)
{
	int fds[2];

	start("--workers=2");
	kill(s.pid, SIGUSR1);
	served_line(&s, "nothing is queued for anybody");
	fds[0] = be_owed();
	fds[1] = dial(echo, 0);
	expect_echo(fds[1], "owed nothing");
	kill(s.pid, SIGUSR1);
	served_line(&s, "peer ");
	served_line(&s, "weir-server: 127.0.0.1:");
	cr_expect(strstr(s.line, " echo "), "%s", s.line);
	cr_expect(strstr(s.line, "KiB"), "%s", s.line);
	kill(s.pid, SIGUSR1);
	/* one owes nothing, and is not in it */
	served_line(&s, "peer ");
	served_line(&s, "weir-server: 127.0.0.1:");
	close(fds[0]);
	close(fds[1]);
	served_line(&s, "bytes unsent");
	cr_assert_eq(served_stop(&s), 0);
}

/* Lines that do not end take memory. */
Test(server_metrics, show_the_input_that_is_kept)
{
	static char line[1000];
	char address[SERVED_ADDRESS_SIZE];
	int fds[2];

	served_start(&s, "--metrics=127.0.0.1:0", "broadcast=127.0.0.1:0",
		     NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "broadcast", address);
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(address, 0);
		memset(line, 'x', sizeof line);
		harness_write(fds[i], line, sizeof line);
	}
	do
		get("/metrics");
	while (sum(answer, "weir_received_bytes_total", "broadcast") < 2000);
	cr_expect_eq(sum(answer, "weir_input_bytes", "broadcast"), 2000);
	for (int i = 0; i < 2; i++) {
		harness_write(fds[i], "\n", 1);
		harness_read(fds[1 - i], line, sizeof line);
	}
	do
		get("/metrics");
	while (sum(answer, "weir_received_bytes_total", "broadcast") < 2002);
	cr_expect_eq(sum(answer, "weir_input_bytes", "broadcast"), 0);
	close(fds[0]);
	close(fds[1]);
	cr_assert_lt(served_stop(&s), 2);
}
