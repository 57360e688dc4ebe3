/* weir-servers that share their lines through Debian's nats-server: a single
 * one, or a cluster of three. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_nats.h"

enum {
	N_FELLOWS = 6,
	N_LINES = 300
};

TestSuite(server_nats, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

static struct audience audience; /* at the first server */
static struct served second;
static char addresses[2][SERVED_ADDRESS_SIZE];

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

/* -- lines of two servers -- */

static void start_at_one_broker(void)
{
	choose_ports();
	start_broker(&brokers[0], NULL);
	start_servers(brokers[0].address, brokers[0].address);
	await_both();
}

Test(server_nats, carries_every_line_of_each_server_to_the_other_once)
{
	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	start_at_one_broker();
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

static void halt(const struct broker *b)
{
	int status;

	must(kill(b->tool.pid, SIGSTOP), "kill");
	must(waitpid(b->tool.pid, &status, WUNTRACED), "waitpid");
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
	start_at_one_broker();
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

/* It has read them all: its own client has them. */
Test(server_nats, sends_what_was_published_before_it_stops)
{
	int publisher;
	int subscriber;
	int near;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	start_at_one_broker();
	subscriber = dial(addresses[1], 0);
	await_subscription(subscriber, addresses[0]);
	near = dial(addresses[0], 0);
	await_subscription(near, addresses[0]);
	skip_questions(subscriber);
	publisher = dial(addresses[0], 0);
	publish_lines(publisher, N_LINES);
	expect_lines(near, N_LINES);
	must(kill(audience.served.pid, SIGTERM), "kill");
	shutdown(publisher, SHUT_WR);
	expect_lines(subscriber, N_LINES);
	expect_end(publisher);
	close(publisher);
	close(near);
	close(subscriber);
	cr_assert_eq(served_end(&audience.served), 0);
	cr_assert_eq(served_stop(&second), 0);
	tool_kill(&brokers[0].tool);
}
