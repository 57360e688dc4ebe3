/* weir-server with NATS: logging in, metrics, and what it says when it stops. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_nats.h"

enum {
	TEXT_SIZE = 256
};

TestSuite(server_nats_ends, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

static char address[SERVED_ADDRESS_SIZE];

/* -- stopping -- */

Test(server_nats_ends, says_what_it_could_not_send_before_it_stops)
{
	struct served s;
	int publisher;
	int subscriber;

	if (!has_broker())
		cr_skip_test("there is no nats-server here");
	choose_ports();
	served_start(&s, "--drain=100ms", "--nats", brokers[0].address,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&s, "broadcast", address);
	subscriber = dial(address, 0);
	await_subscription(subscriber, address);
	publisher = dial(address, 0);
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
Test(server_nats_ends, resets_a_publisher_that_is_held_when_it_stops)
{
	char broker[SERVED_ADDRESS_SIZE];
	struct served s;
	size_t n_sent;
	int publisher;

	snprintf(broker, sizeof broker, "127.0.0.1:%u", free_port());
	served_start(&s, "--drain=100ms", "--nats", broker,
		     "broadcast=127.0.0.1:0,subject=hall", NULL);
	served_address(&s, "broadcast", address);
	publisher = dial(address, 0);
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

Test(server_nats_ends, logs_in_by_a_password_of_the_command_line_or_a_file)
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

Test(server_nats_ends, logs_in_by_a_token)
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

static void expect_metric(const char *metrics, const char *line)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	static char answer[1 << 18];
	int fd = dial(metrics, 0);
	size_t n = 0;
	ssize_t n_read;

	harness_write(fd, request, sizeof request - 1);
	while ((n_read = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	answer[n] = '\0';
	close(fd);
	cr_assert_not_null(strstr(answer, line), "%s in %s", line, answer);
}

Test(server_nats_ends, counts_in_the_metrics_what_passes)
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
	served_address(&s, "broadcast", address);
	served_line(&s, "nats hall: connected to");
	expect_metric(metrics, "weir_nats_connected{subject=\"hall\"} 1\n");
	publisher = dial(address, 0);
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
