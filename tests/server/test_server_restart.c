/* weir-server replaced by SIGUSR2: no client notices. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness.h"
#include "harness_flood.h"
#include "harness_net.h"
#include "test_server_events.h"
#include "test_server_restart.h"

enum {
	N_RESTARTS = 3,
	TEXT_SIZE = 256
};

TestSuite(server_restart, .init = restart_test_begin, .fini = restart_test_end,
	  .timeout = RESTART_PATIENCE_S);

/* -- streams of clients -- */

static void check_no_client_notices(const char *workers)
{
	char address[SERVED_ADDRESS_SIZE];
	const char *const arguments[] = {"--mode=connect",
					 "--rate=500",
					 "--duration=3s",
					 "--json=-",
					 "--warmup=0s",
					 address,
					 NULL};
	struct flooding flooding;
	struct flooded run;
	struct served s;
	pid_t pid;

	served_start(&s, workers, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	flood_start(&flooding, arguments);
	pid = s.pid;
	for (int i = 0; i < N_RESTARTS; i++) {
		pid = restart_of(&s, pid);
		/* a client of the new process, before the next one */
		restart_expect_echo_at(address);
	}
	flood_wait(&flooding, &run);
	cr_expect_eq(flooded_number(&run, "", "errors"), 0, "%s", run.out);
	cr_expect_gt(flooded_number(&run, "", "messages"), 0);
	flooded_forget(&run);
	restart_stop(&s, pid);
}

Test(server_restart, no_client_of_one_worker_notices)
{
	check_no_client_notices("--workers=1");
}

Test(server_restart, no_client_of_several_workers_notices)
{
	check_no_client_notices("--workers=3");
}

/* -- what is handed over -- */

static void expect_datagram_echo(const char *text)
{
	const struct timeval patience = {.tv_sec = RESTART_PATIENCE_S / 2};
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	struct weir_address address = harness_address(text);
	char answer[TEXT_SIZE];
	int fd = socket(address.sa.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (address.sa.any.sa_family == AF_UNIX)
		cr_assert_eq(bind(fd, &unnamed, sizeof unnamed.sa_family), 0);
	cr_assert_eq(connect(fd, &address.sa.any, address.len), 0);
	cr_assert_eq(send(fd, "ping", 4, 0), 4);
	cr_expect_eq(recv(fd, answer, sizeof answer, 0), 4, "%s", text);
	close(fd);
}

static void expect_metrics_at(const char *address)
{
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	char answer[TEXT_SIZE];
	int fd = dial(address, 0);

	harness_write(fd, request, sizeof request - 1);
	harness_read(fd, answer, sizeof "HTTP/1.1 200" - 1);
	cr_expect_arr_eq(answer, "HTTP/1.1 200", sizeof "HTTP/1.1 200" - 1);
	close(fd);
}

/* Ports that the kernel chose, a path and its file, a name, datagrams. */
static void check_every_socket(const char *workers)
{
	const char *path = restart_file("stream");
	const char *dgram_path = restart_file("dgram");
	char arguments[4][TEXT_SIZE];
	char tcp[SERVED_ADDRESS_SIZE];
	char v6[SERVED_ADDRESS_SIZE];
	char name[SERVED_ADDRESS_SIZE];
	char udp[SERVED_ADDRESS_SIZE];
	char metrics[SERVED_ADDRESS_SIZE];
	struct served s;
	pid_t second;
	pid_t pid;

	snprintf(arguments[0], TEXT_SIZE, "echo=unix:%s", path);
	snprintf(arguments[1], TEXT_SIZE, "echo=unixgram:%s", dgram_path);
	snprintf(arguments[2], TEXT_SIZE, "echo=unix:@weir-restart-%d",
		 (int)getpid());
	served_start(&s, workers, "--metrics=127.0.0.1:0", "echo=127.0.0.1:0",
		     "echo=[::1]:0", "echo=udp:127.0.0.1:0", arguments[2],
		     arguments[0], arguments[1], NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", tcp);
	served_address(&s, "echo", v6);
	served_address(&s, "echo", udp);
	served_address(&s, "echo", name);
	second = restart_of(&s, s.pid);
	pid = restart_of(&s, second);
	restart_expect_end(s.pid);
	/* or it may be the one that says how it is */
	restart_expect_end(second);
	restart_expect_echo_at(tcp);
	restart_expect_echo_at(v6);
	restart_expect_echo_at(name);
	restart_expect_echo_at(strchr(arguments[0], '=') + 1);
	expect_datagram_echo(udp);
	expect_datagram_echo(strchr(arguments[1], '=') + 1);
	expect_metrics_at(metrics);
	restart_stop(&s, pid);
	cr_expect_neq(access(path, F_OK), 0, "the last one removes its file");
	cr_expect_neq(access(dgram_path, F_OK), 0);
}

Test(server_restart, hands_over_every_kind_of_socket)
{
	check_every_socket("--workers=1");
}

Test(server_restart, hands_over_the_sockets_of_every_worker)
{
	check_every_socket("--workers=3");
}

/* A supervisor's socket goes on under its own name, whatever argument names
 * it. */
static int activated[2];

static void prepare_activated(void)
{
	char text[TEXT_SIZE];

	for (int i = 0; i < 2; i++)
		activated[i] = fcntl(activated[i], F_DUPFD, 100);
	for (int i = 0; i < 2; i++)
		dup2(activated[i], 3 + i);
	snprintf(text, sizeof text, "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "front:discard", 1);
}

Test(server_restart, hands_over_what_a_supervisor_has_opened)
{
	static const char *const arguments[] = {"--workers=2", "echo=fd:front",
						NULL};
	struct weir_address front = harness_address("127.0.0.1:0");
	struct weir_address other = harness_address("127.0.0.1:0");
	char address[WEIR_ADDRESS_TEXT_SIZE];
	struct served s;
	pid_t pid;

	activated[0] = harness_listen(&front, 8);
	activated[1] = harness_listen(&other, 8);
	served_start_prepared(&s, prepare_activated, arguments);
	served_line(&s, "discard listening on");
	pid = restart_of(&s, restart_of(&s, s.pid));
	restart_expect_end(s.pid);
	restart_expect_echo_at(
		weir_address_format(&front, address, sizeof address));
	close(dial(weir_address_format(&other, address, sizeof address), 0));
	restart_stop(&s, pid);
	close(activated[0]);
	close(activated[1]);
}

/* -- those that are there -- */

Test(server_restart, clients_that_are_there_are_served_on)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	pid_t pid;
	int fd;

	served_start(&s, "--workers=2", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "before");
	pid = restart_of(&s, s.pid);
	expect_echo(fd, "after");
	close(fd);
	restart_expect_end(s.pid);
	restart_stop(&s, pid);
}

Test(server_restart, clients_that_are_there_are_finished_after_the_drains_time)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	pid_t pid;
	int fd;

	served_start(&s, "--drain=100ms", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "before");
	pid = restart_of(&s, s.pid);
	expect_end(fd);
	close(fd);
	restart_expect_end(s.pid);
	restart_stop(&s, pid);
}

Test(server_restart, a_signal_to_the_replaced_one_finishes_its_clients)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	pid_t pid;
	int fd;

	served_start(&s, "--drain=10m", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "before");
	pid = restart_of(&s, s.pid);
	kill(s.pid, SIGTERM);
	expect_end(fd);
	close(fd);
	restart_expect_end(s.pid);
	restart_expect_echo_at(address);
	restart_stop(&s, pid);
}

/* A relay's pair and a subscriber, neither of which would end by itself. */
static void check_idle_ones_end(bool is_restarted)
{
	struct weir_address target = harness_address("127.0.0.1:0");
	int listener = harness_listen(&target, 8);
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char front[TEXT_SIZE];
	char relay[SERVED_ADDRESS_SIZE];
	char broadcast[SERVED_ADDRESS_SIZE];
	struct pollfd pollfd = {.events = POLLIN};
	struct served s;
	pid_t pid;
	int fds[3];

	snprintf(front, sizeof front, "relay=127.0.0.1:0,%s",
		 weir_address_format(&target, text, sizeof text));
	served_start(&s, "--drain=10m", "--drain-idle=20ms",
		     "broadcast=127.0.0.1:0", front, NULL);
	served_address(&s, "broadcast", broadcast);
	served_address(&s, "relay", relay);
	fds[0] = dial(broadcast, 0);
	fds[1] = dial(relay, 0);
	harness_write(fds[1], "x", 1);
	pollfd.fd = listener;
	cr_assert_eq(poll(&pollfd, 1, -1), 1);
	fds[2] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	harness_read(fds[2], text, 1);
	pid = s.pid;
	if (is_restarted)
		pid = restart_of(&s, s.pid);
	else
		kill(s.pid, SIGTERM);
	for (int i = 0; i < 3; i++)
		expect_end(fds[i]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(listener);
	restart_expect_end(s.pid);
	if (is_restarted)
		restart_stop(&s, pid);
	else
		served_forget(&s);
}

/* Heartbeats do not keep them. The new server has other ids. */
Test(server_restart, browsers_go_to_the_new_server_if_that_is_wanted)
{
	char address[SERVED_ADDRESS_SIZE];
	struct viewer viewer = {.n = 0};
	struct event event;
	struct served s;
	pid_t pid;

	served_start(&s, "--drain=10m", "--drain-idle=500ms",
		     "events=127.0.0.1:0,heartbeat=100ms", NULL);
	served_address(&s, "events", address);
	viewer_open(&viewer, address, 0);
	events_post_lines(address, 1, 3, 10);
	viewer_expect(&viewer, 1, 3);
	pid = restart_of(&s, s.pid);
	cr_assert_not(viewer_next(&viewer, &event));
	viewer_close(&viewer);
	restart_expect_end(s.pid);
	viewer_open(&viewer, address, 0);
	cr_assert(viewer_next(&viewer, &event));
	cr_assert_str_eq(event.type, "missed");
	cr_assert_str_eq(event.data, "unknown");
	viewer_close(&viewer);
	restart_stop(&s, pid);
}

Test(server_restart, idle_pairs_and_subscribers_end_if_that_is_wanted)
{
	check_idle_ones_end(true);
}

Test(server_restart, idle_pairs_and_subscribers_end_when_the_server_stops)
{
	check_idle_ones_end(false);
}
