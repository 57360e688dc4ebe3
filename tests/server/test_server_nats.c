/* weir-servers that share their lines through Debian's nats-server: a single
 * one, or a cluster of three. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_broadcast.h"
#include "test_server_relay.h"

enum {
	N_BROKERS = 3,
	N_FELLOWS = 6,
	N_LINES = 300,
	LINE = 1024,
	MAX_HELD = 65536, /* such lines */
	QUIET_MS = 300,
	TRY_MS = 10,
	PATIENCE_MS = 20000,
	TEXT_SIZE = 256
};

TestSuite(server_nats, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

struct broker {
	struct tool tool;
	unsigned port;
	unsigned route; /* its port for the others */
	char address[SERVED_ADDRESS_SIZE];
};

static struct broker brokers[N_BROKERS];
static struct audience audience; /* at the first server */
static struct served second;
static char addresses[2][SERVED_ADDRESS_SIZE];

/* -- brokers -- */

static void choose_ports(void)
{
	for (int i = 0; i < N_BROKERS; i++) {
		struct broker *b = &brokers[i];

		b->port = free_port();
		b->route = free_port();
		snprintf(b->address, sizeof b->address, "127.0.0.1:%u",
			 b->port);
	}
}

static void start_broker(struct broker *b, const char *const *more)
{
	const char *argv[20] = {"nats-server", "-a", "127.0.0.1", "-p",
				NULL,	       "-l", "/dev/null"};
	char port[TEXT_SIZE];
	size_t n = 7;

	snprintf(port, sizeof port, "%u", b->port);
	argv[4] = port;
	while (more && *more)
		argv[n++] = *more++;
	tool_start(&b->tool, argv);
	await_listener(b->address);
}

/* What the broker says to a client first. */
static void read_info(const struct broker *b, char *text, size_t size)
{
	int fd = dial(b->address, 0);
	size_t n = 0;

	do
		harness_read(fd, text + n, 1);
	while (text[n++] != '\n' && n < size - 1);
	text[n] = '\0';
	close(fd);
}

/* Until it names the others to its clients. */
static void await_cluster(const struct broker *b)
{
	char text[4096];
	const char *urls;
	int n_left = PATIENCE_MS / TRY_MS;

	do {
		(void)poll(NULL, 0, TRY_MS);
		read_info(b, text, sizeof text);
		urls = strstr(text, "connect_urls");
	} while (n_left-- > 0 && (!urls || !strstr(urls, brokers[0].address) ||
				  !strstr(urls, brokers[1].address) ||
				  !strstr(urls, brokers[2].address)));
	cr_assert_geq(n_left, 0, "%s", text);
}

static void start_cluster(void)
{
	char cluster[TEXT_SIZE];
	char routes[TEXT_SIZE];

	choose_ports();
	snprintf(routes, sizeof routes,
		 "nats://127.0.0.1:%u,nats://127.0.0.1:%u,nats://127.0.0.1:%u",
		 brokers[0].route, brokers[1].route, brokers[2].route);
	for (int i = 0; i < N_BROKERS; i++) {
		snprintf(cluster, sizeof cluster, "nats://127.0.0.1:%u",
			 brokers[i].route);
		start_broker(&brokers[i],
			     (const char *[]){"--cluster_name", "weir",
					      "--cluster", cluster, "--routes",
					      routes, NULL});
	}
	for (int i = 0; i < N_BROKERS; i++)
		await_cluster(&brokers[i]);
}

static void halt(const struct broker *b)
{
	int status;

	must(kill(b->tool.pid, SIGSTOP), "kill");
	must(waitpid(b->tool.pid, &status, WUNTRACED), "waitpid");
}

/* -- servers -- */

/* With so much room that no subscriber misses a line. */
static void start_servers(const char *first_broker, const char *second_broker)
{
	audience_start(&audience,
		       (const char *[]){"--high=64M", "--max=256M",
					"--workers=2", "--nats", first_broker,
					"broadcast=127.0.0.1:0,subject=hall",
					NULL});
	served_address(&audience.served, "broadcast", addresses[0]);
	served_start(&second, "--high=64M", "--max=256M", "--workers=3",
		     "--nats", second_broker,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&second, "broadcast", addresses[1]);
}

static void await_both(void)
{
	served_line(&audience.served, "nats hall: connected to");
	served_line(&second, "nats hall: connected to");
}

static void join_all(void)
{
	for (size_t i = 0; i < N_FELLOWS; i++)
		audience_join(&audience, addresses[i % 2], 0);
}

static void expect_all_heard(void)
{
	audience_hear(&audience);
	for (size_t i = 0; i < audience.n; i++)
		cr_assert(fellow_has_heard_all(&audience.fellows[i]));
}

/* All hear a line of each, and nothing is under way. */
static void settle(void)
{
	for (size_t i = 0; i < audience.n; i++)
		fellow_say(&audience.fellows[i], 1, 100);
	expect_all_heard();
}

static void stop_servers(void)
{
	cr_assert_eq(audience_stop(&audience), 0);
	cr_assert_eq(served_stop(&second), 0);
}

static bool has_broker(void)
{
	return has_tool("nats-server");
}

/* -- lines of two servers -- */

Test(server_nats, carries_every_line_of_each_server_to_the_other_once)
{
	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	start_broker(&brokers[0], NULL);
	start_servers(brokers[0].address, brokers[0].address);
	await_both();
	join_all();
	for (size_t i = 0; i < N_FELLOWS; i++)
		fellow_say(&audience.fellows[i], N_LINES, 2000);
	expect_all_heard();
	for (size_t i = 0; i < N_FELLOWS; i++)
		fellow_say(&audience.fellows[i], 20, AUDIENCE_LINE);
	expect_all_heard();
	stop_servers();
	tool_kill(&brokers[0].tool);
}

Test(server_nats, carries_lines_through_a_cluster)
{
	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	start_cluster();
	start_servers(brokers[0].address, brokers[2].address);
	await_both();
	join_all();
	for (size_t i = 0; i < N_FELLOWS; i++)
		fellow_say(&audience.fellows[i], N_LINES, 500);
	expect_all_heard();
	stop_servers();
	for (int i = 0; i < N_BROKERS; i++)
		tool_kill(&brokers[i].tool);
}

/* Read until part has come; what came is in text. */
static void read_past(int fd, char text[4096], const char *part)
{
	size_t n = 0;

	do {
		harness_read(fd, text + n, 1);
		text[++n] = '\0';
	} while (!strstr(text, part) && n < 4095);
	cr_assert_lt(n, 4095, "%s", text);
}

/* -- brokers that go -- */

Test(server_nats, goes_on_at_another_server_and_loses_no_line_meanwhile)
{
	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	start_cluster();
	start_servers(brokers[0].address, brokers[1].address);
	await_both();
	join_all();
	settle();
	tool_kill(&brokers[0].tool);
	served_line(&audience.served, "nats hall: no connection to");
	/* of the first server, which has lost the connection */
	for (size_t i = 0; i < N_FELLOWS; i += 2)
		fellow_say(&audience.fellows[i], N_LINES, 500);
	expect_all_heard();
	served_line(&audience.served, "nats hall: connected to");
	settle();
	for (size_t i = 0; i < N_FELLOWS; i += 2)
		cr_assert_eq(audience.fellows[i].n_gaps, 1);
	for (size_t i = 1; i < N_FELLOWS; i += 2)
		cr_assert_eq(audience.fellows[i].n_gaps, 0);
	stop_servers();
	tool_kill(&brokers[1].tool);
	tool_kill(&brokers[2].tool);
}

/* Publish lines, each of which tells its number, until nothing moves. */
static size_t publish_until_held(int fd, size_t *n_sent)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	char line[LINE + 1];
	size_t n_lines = 0;

	*n_sent = 0;
	while (n_lines < MAX_HELD && poll(&pollfd, 1, QUIET_MS) > 0) {
		ssize_t n;

		snprintf(line, sizeof line, "%*zu\n", LINE - 1, n_lines);
		n = send(fd, line + *n_sent, LINE - *n_sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			continue;
		*n_sent = (*n_sent + (size_t)n) % LINE;
		n_lines += *n_sent == 0;
	}
	return n_lines;
}

static void expect_lines(int fd, size_t n_lines)
{
	char expected[LINE + 1];
	char line[LINE];

	for (size_t i = 0; i < n_lines; i++) {
		snprintf(expected, sizeof expected, "%*zu\n", LINE - 1, i);
		harness_read(fd, line, LINE);
		cr_assert_arr_eq(line, expected, LINE);
	}
}

/* Until the server has let fd in: it is told a line of another. */
static void await_subscription(int fd, const char *address)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int asker = dial(address, 0);
	char line[2];

	do
		harness_write(asker, "?\n", 2);
	while (poll(&pollfd, 1, TRY_MS) == 0);
	harness_write(asker, "!\n", 2);
	do
		harness_read(fd, line, 2);
	while (line[0] != '!');
	close(asker);
}

/* Lines are events elsewhere, and events lines. */
Test(server_nats, carries_lines_to_browsers_and_back)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char post[] = "POST / HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 4\r\n\r\nback";
	struct served line_server;
	struct served event_server;
	char text[4096] = "";
	char line[LINE];
	int subscriber;
	int browser;
	int poster;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	start_broker(&brokers[0], NULL);
	served_start(&line_server, "--nats", brokers[0].address,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&line_server, "broadcast", addresses[0]);
	served_line(&line_server, "nats hall: connected to");
	served_start(&event_server, "--nats", brokers[0].address,
		     "events=127.0.0.1:0,subject=hall", NULL);
	served_address(&event_server, "events", addresses[1]);
	served_line(&event_server, "nats hall: connected to");
	browser = dial(addresses[1], 0);
	harness_write(browser, get, sizeof get - 1);
	read_past(browser, text, "\r\n\r\n");
	subscriber = dial(addresses[0], 0);
	harness_write(subscriber, "there\n", 6);
	read_past(browser, text, "data: there\n");
	poster = dial(addresses[1], 0);
	harness_write(poster, post, sizeof post - 1);
	harness_read(subscriber, line, 5);
	cr_assert_arr_eq(line, "back\n", 5);
	read_past(browser, text, "data: back\n");
	close(subscriber);
	close(browser);
	close(poster);
	cr_assert_eq(served_stop(&line_server), 0);
	cr_assert_eq(served_stop(&event_server), 0);
	tool_kill(&brokers[0].tool);
}

/* While nobody takes its lines from the server a publisher is held. */
Test(server_nats, holds_publishers_while_the_broker_takes_nothing)
{
	size_t n_sent;
	size_t n_lines;
	char line[LINE];
	int publisher;
	int subscriber;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	start_broker(&brokers[0], NULL);
	start_servers(brokers[0].address, brokers[0].address);
	await_both();
	subscriber = dial(addresses[1], 0);
	await_subscription(subscriber, addresses[0]);
	halt(&brokers[0]);
	publisher = dial(addresses[0], 0);
	n_lines = publish_until_held(publisher, &n_sent);
	cr_assert_lt(n_lines, MAX_HELD);
	must(kill(brokers[0].tool.pid, SIGCONT), "kill");
	expect_lines(subscriber, n_lines);
	snprintf(line, sizeof line, "%*zu", LINE - 1, n_lines);
	line[LINE - 1] = '\n';
	harness_write(publisher, line + n_sent, LINE - n_sent);
	harness_read(subscriber, line, LINE);
	cr_assert_eq((size_t)atol(line), n_lines);
	close(publisher);
	close(subscriber);
	stop_servers();
	tool_kill(&brokers[0].tool);
}

Test(server_nats, holds_publishers_until_there_is_a_broker)
{
	const char *const arguments[] = {"--high=64M",
					 "--max=256M",
					 "--nats",
					 brokers[0].address,
					 "broadcast=127.0.0.1:0,subject=hall",
					 NULL};
	struct served s;
	size_t n_sent;
	size_t n_lines;
	int publisher;
	int subscriber;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	served_start_prepared(&s, NULL, arguments);
	served_address(&s, "broadcast", addresses[0]);
	served_line(&s, "nats hall: no connection to 127.0.0.1:");
	subscriber = dial(addresses[0], 0);
	await_subscription(subscriber, addresses[0]);
	publisher = dial(addresses[0], 0);
	n_lines = publish_until_held(publisher, &n_sent);
	cr_assert_lt(n_lines, MAX_HELD);
	start_broker(&brokers[0], NULL);
	served_line(&s, "nats hall: connected to");
	expect_lines(subscriber, n_lines);
	close(publisher);
	close(subscriber);
	cr_assert_eq(served_stop(&s), 0);
	tool_kill(&brokers[0].tool);
}

/* -- stopping -- */

static void publish_lines(int fd, size_t n_lines)
{
	char line[LINE + 1];

	for (size_t i = 0; i < n_lines; i++) {
		snprintf(line, sizeof line, "%*zu\n", LINE - 1, i);
		harness_write(fd, line, LINE);
	}
}

Test(server_nats, sends_what_was_published_before_it_stops)
{
	int publisher;
	int subscriber;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	start_broker(&brokers[0], NULL);
	start_servers(brokers[0].address, brokers[0].address);
	await_both();
	subscriber = dial(addresses[1], 0);
	await_subscription(subscriber, addresses[0]);
	publisher = dial(addresses[0], 0);
	publish_lines(publisher, N_LINES);
	must(kill(audience.served.pid, SIGTERM), "kill");
	shutdown(publisher, SHUT_WR);
	expect_lines(subscriber, N_LINES);
	expect_end(publisher);
	close(publisher);
	close(subscriber);
	cr_assert_eq(served_end(&audience.served), 0);
	cr_assert_eq(served_stop(&second), 0);
	tool_kill(&brokers[0].tool);
}

Test(server_nats, says_what_it_could_not_send_before_it_stops)
{
	struct served s;
	int publisher;
	int subscriber;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	served_start(&s, "--drain=100ms", "--nats", brokers[0].address,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&s, "broadcast", addresses[0]);
	subscriber = dial(addresses[0], 0);
	await_subscription(subscriber, addresses[0]);
	publisher = dial(addresses[0], 0);
	publish_lines(publisher, 10);
	expect_lines(subscriber, 10);
	close(publisher);
	close(subscriber);
	must(kill(s.pid, SIGTERM), "kill");
	cr_assert_eq(served_wait(&s), 1);
	cr_assert_not_null(strstr(s.text, "bytes of lines are lost"));
	cr_assert_not_null(strstr(s.text, "1 connections lost something"));
	served_forget(&s);
}

/* What is not taken from it ends by a reset, lest it take a part for the
 * whole. */
Test(server_nats, resets_a_publisher_that_is_held_when_it_stops)
{
	char broker[SERVED_ADDRESS_SIZE];
	struct served s;
	size_t n_sent;
	int publisher;

	snprintf(broker, sizeof broker, "127.0.0.1:%u", free_port());
	served_start(&s, "--drain=100ms", "--nats", broker,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&s, "broadcast", addresses[0]);
	publisher = dial(addresses[0], 0);
	cr_assert_lt(publish_until_held(publisher, &n_sent), MAX_HELD);
	must(kill(s.pid, SIGTERM), "kill");
	expect_reset(publisher);
	cr_assert_eq(served_wait(&s), 1);
	cr_assert_not_null(strstr(s.text, "2 connections lost something"));
	served_forget(&s);
}

/* -- logging in -- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void log_in(const char *login, const char *expected)
{
	char nats[TEXT_SIZE];
	struct served s;

	snprintf(nats, sizeof nats, "--nats=%s,%s", brokers[0].address, login);
	served_start(&s, nats, "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_line(&s, expected);
	must(kill(s.pid, SIGTERM), "kill");
	cr_assert_eq(served_wait(&s), 0);
	cr_assert_null(strstr(s.text, "secret"));
	served_forget(&s);
}

Test(server_nats, logs_in_by_a_password_of_the_command_line_or_a_file)
{
	struct weir_address path = harness_unix_path("password");
	char login[TEXT_SIZE];

	if (!has_broker()) {
		harness_remove_folder();
		cr_skip_test("there is no nats-server here");
	}
	choose_ports();
	start_broker(&brokers[0], (const char *[]){"--user", "ann", "--pass",
						   "secret,2", NULL});
	write_file(path.sa.un.sun_path, "secret,2\nanother line\n");
	snprintf(login, sizeof login, "user=ann,password=@%s",
		 path.sa.un.sun_path);
	log_in(login, "nats hall: connected to");
	log_in("user=ann,password=secret", "nats hall: no connection to");
	unlink(path.sa.un.sun_path);
	harness_remove_folder();
	tool_kill(&brokers[0].tool);
}

Test(server_nats, logs_in_by_a_token)
{
	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	start_broker(&brokers[0], (const char *[]){"--auth", "secret", NULL});
	log_in("token=secret", "nats hall: connected to");
	log_in("token=wrong", "Authorization Violation");
	tool_kill(&brokers[0].tool);
}

/* -- metrics -- */

static void expect_metric(const char *address, const char *line)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	static char answer[1 << 18];
	int fd = dial(address, 0);
	size_t n = 0;
	ssize_t n_read;

	harness_write(fd, request, sizeof request - 1);
	while ((n_read = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	answer[n] = '\0';
	close(fd);
	cr_assert_not_null(strstr(answer, line), "%s in %s", line, answer);
}

Test(server_nats, counts_in_the_metrics_what_passes)
{
	struct weir_address path = harness_unix_path("nats.conf");
	char metrics[SERVED_ADDRESS_SIZE];
	struct served s;
	int publisher;

	if (!has_broker()) {
		harness_remove_folder();
		cr_skip_test("there is no nats-server here");
	}
	choose_ports();
	write_file(path.sa.un.sun_path, "max_payload: 1000\n");
	start_broker(&brokers[0],
		     (const char *[]){"-c", path.sa.un.sun_path, NULL});
	served_start(&s, "--metrics=127.0.0.1:0", "--nats", brokers[0].address,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "broadcast", addresses[0]);
	served_line(&s, "nats hall: connected to");
	expect_metric(metrics, "weir_nats_connected{subject=\"hall\"} 1\n");
	publisher = dial(addresses[0], 0);
	harness_write(publisher, "a\n", 2);
	publish_lines(publisher, 1);
	served_line(&s, "a line of 1023 bytes dropped: at most 1000");
	expect_metric(metrics, "weir_nats_published_lines_total{"
			       "subject=\"hall\"} 1\n");
	expect_metric(metrics, "weir_nats_dropped_lines_total{"
			       "subject=\"hall\",cause=\"too_long\"} 1\n");
	tool_kill(&brokers[0].tool);
	served_line(&s, "nats hall: no connection to");
	expect_metric(metrics, "weir_nats_connected{subject=\"hall\"} 0\n");
	start_broker(&brokers[0], NULL);
	served_line(&s, "nats hall: connected to");
	expect_metric(metrics, "weir_nats_reconnects_total{"
			       "subject=\"hall\"} 1\n");
	close(publisher);
	unlink(path.sa.un.sun_path);
	harness_remove_folder();
	cr_assert_eq(served_stop(&s), 0);
	tool_kill(&brokers[0].tool);
}
