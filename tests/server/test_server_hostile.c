/* Peers that want to do harm: each meets a limit, and those who behave are
 * served beside them. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "test_server_relay.h"

enum {
	PATIENCE_S = 300,
	N_VISITS = 20000,
	MAX_GROWTH_KIB = 4096,
	N_PLACES = 10,
	N_REFUSED = 500,
	TRICKLE_MS = 50,
	ANSWER_SIZE = 1 << 20,
	NAME_SIZE = 256
};

TestSuite(server_hostile, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static char answer[ANSWER_SIZE];

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now),
	     "SO_LINGER");
	close(fd);
}

/* The value of a line of /metrics. */
static unsigned long metric(const char *metrics, const char *name)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	int fd = dial(metrics, 0);
	const char *at;
	ssize_t n_read;
	size_t n = 0;

	harness_write(fd, request, sizeof request - 1);
	while ((n_read = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	close(fd);
	answer[n] = '\0';
	at = strstr(answer, name);
	cr_assert(at, "%s", answer);
	return strtoul(at + strlen(name), NULL, 10);
}

/* Until it says so; a server that never does is given up by the test's time. */
static void await_metric(const char *metrics, const char *name,
			 unsigned long value)
{
	while (metric(metrics, name) != value)
		;
}

static void await_n_fds(const struct served *s, size_t n)
{
	while (served_count_fds(s) > n)
		;
}

/* -- many -- */

/* WEIR_VISITS=100000 is for those who have a minute. */
static int n_visits(void)
{
	const char *text = getenv("WEIR_VISITS");

	return text ? atoi(text) : N_VISITS;
}

static void visit(const char *address, int i)
{
	int fd = dial(address, 0);

	if (i % 2)
		harness_write(fd, "half a mess", 11);
	reset(fd);
	if (i % 1000 > 0)
		return;
	fd = dial(address, 0);
	expect_echo(fd, "the others are served");
	close(fd);
}

Test(server_hostile, tens_of_thousands_come_and_go_and_leave_nothing)
{
	struct served s;
	char metrics[SERVED_ADDRESS_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	size_t n_fds;
	size_t n_kib;

	served_start(&s, "--metrics=127.0.0.1:0", "echo=127.0.0.1:0", NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	n_fds = served_count_fds(&s);
	visit(address, 0);
	n_kib = served_kib(&s, "VmRSS");
	for (int i = 1, n = n_visits(); i < n; i++)
		visit(address, i);
	await_metric(metrics,
		     "weir_connections{service=\"echo\",worker=\"0\"} ", 0);
	await_n_fds(&s, n_fds);
	if (!served_is_sanitized())
		cr_expect_lt(served_kib(&s, "VmRSS"), n_kib + MAX_GROWTH_KIB);
	cr_assert_lt(served_stop(&s), 128);
}

static void flood_past_max_conns(const char *endpoint)
{
	struct served s;
	char metrics[SERVED_ADDRESS_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	int fds[N_PLACES];

	served_start(&s, "--max-conns=10", "--metrics=127.0.0.1:0", endpoint,
		     NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	for (int i = 0; i < N_PLACES; i++) {
		fds[i] = dial(address, 0);
		expect_echo(fds[i], "a place");
	}
	for (int i = 0; i < N_REFUSED; i++)
		expect_reset_at(address);
	cr_expect_eq(metric(metrics,
			    "weir_connections_turned_away_total{service="
			    "\"echo\",worker=\"0\",cause=\"max_conns\"} "),
		     N_REFUSED);
	for (int i = 0; i < N_PLACES; i++) {
		expect_echo(fds[i], "still here");
		close(fds[i]);
	}
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_hostile, a_flood_past_max_conns_is_reset_and_counted)
{
	flood_past_max_conns("echo=127.0.0.1:0");
}

Test(server_hostile, so_it_is_over_ipv6)
{
	if (!harness_has_v6())
		cr_skip_test("this machine has no ::1");
	flood_past_max_conns("echo=[::1]:0");
}

/* -- slow ones: what counts is when the whole has to be there, and not when
 * the last byte came -- */

/* Send endlessly until an answer or an end comes, byte by byte. */
static void trickle(int fd, const char *bytes)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	while (poll(&pollfd, 1, TRICKLE_MS) == 0) {
		(void)send(fd, bytes, 1, MSG_NOSIGNAL);
		if (bytes[1] != '\0')
			bytes++;
	}
}

Test(server_hostile, a_request_a_byte_at_a_time_is_not_waited_for)
{
	static const char expected[] = "HTTP/1.1 408 ";
	struct served s;
	char metrics[SERVED_ADDRESS_SIZE];
	char line[sizeof expected] = "";
	int fd;

	served_start(&s, "--metrics=127.0.0.1:0", "echo=127.0.0.1:0", NULL);
	served_address(&s, "metrics", metrics);
	fd = dial(metrics, 0);
	trickle(fd, "GET /metrics HTTP/1.1\r\nX: y");
	harness_read(fd, line, sizeof line - 1);
	cr_expect_str_eq(line, expected);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_hostile, a_proxy_header_a_byte_at_a_time_is_not_waited_for)
{
	/* of 4,000 bytes, and then of fields that have none */
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xa0";
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "--accept-proxy", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	harness_write(fd, header, sizeof header - 1);
	trickle(fd, "x");
	served_line(&s, "expected a PROXY header within 5 s, got ");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- lines in the log that are not the server's -- */

static void expect_clean_log(const struct served *s)
{
	const char *line = s->text;

	for (; *line; line = strchr(line, '\n') + 1)
		cr_assert_eq(strncmp(line, "weir-server: ", 13), 0, "%s", line);
	for (line = s->text; *line; line++)
		cr_assert(*line == '\n' || (*line >= ' ' && *line <= '~'), "%s",
			  line);
}

Test(server_hostile, a_wrong_proxy_header_writes_nothing_into_the_log)
{
	static const char text[] =
		"PROXY TCP4 \x1b[2J\nweir-server: all is well\r\n";
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "--accept-proxy", "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	fd = dial(address, 0);
	harness_write(fd, text, sizeof text - 1);
	served_line(&s, "wrong PROXY header");
	close(fd);
	must(kill(s.pid, SIGTERM), "kill");
	cr_assert_eq(served_wait(&s), 0);
	expect_clean_log(&s);
	served_forget(&s);
}

/* A Unix socket can be bound to almost any bytes. */
Test(server_hostile, a_clients_own_name_writes_nothing_into_the_log)
{
	static const char name[] = "\0\x1b[2J\nweir-server: all is well\xff";
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	struct weir_address address = harness_unix_path("socket");
	struct served s;
	char endpoint[NAME_SIZE];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(own.sun_path, name, sizeof name - 1);
	must(bind(fd, (const struct sockaddr *)&own,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			      sizeof name - 1)),
	     "bind");
	snprintf(endpoint, sizeof endpoint, "greet=unix:%s",
		 address.sa.un.sun_path);
	served_start(&s, endpoint, NULL);
	served_line(&s, "listening");
	must(connect(fd, &address.sa.any, address.len), "connect");
	expect_greeting(fd, "hello\nweir-server: well\r\n");
	served_line(&s, "hello");
	close(fd);
	must(kill(s.pid, SIGTERM), "kill");
	cr_assert_eq(served_wait(&s), 0);
	expect_clean_log(&s);
	served_forget(&s);
	harness_remove_folder();
}

/* -- datagrams -- */

/* It answers as many as it may, holds few, and serves the others. */
Test(server_hostile, a_flood_of_datagrams_takes_no_memory)
{
	static unsigned char bytes[60000];
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char stream[SERVED_ADDRESS_SIZE];
	struct weir_address to;
	size_t n_kib;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int client;

	served_start(&s, "echo=udp:127.0.0.1:0", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	served_address(&s, "echo", stream);
	to = harness_address(strchr(address, ':') + 1);
	client = dial(stream, 0);
	expect_echo(client, "before");
	n_kib = served_kib(&s, "VmRSS");
	for (int i = 0; i < N_VISITS; i++)
		(void)sendto(fd, bytes, harness_random_below(sizeof bytes),
			     MSG_DONTWAIT, &to.sa.any, to.len);
	expect_echo(client, "beside it");
	if (!served_is_sanitized())
		cr_expect_lt(served_kib(&s, "VmRSS"), n_kib + MAX_GROWTH_KIB);
	close(client);
	close(fd);
	cr_assert_lt(served_stop(&s), 128);
}
