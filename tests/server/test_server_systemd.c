/* weir-server under a supervisor: sockets that are open already, and what it
 * hears of the server. The supervisor is the test. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	PATIENCE_S = 60,
	TEXT_SIZE = 256,
	/* where the sockets wait for the child to put them in their place */
	N_SOCKETS = 2
};

TestSuite(server_systemd, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* What prepare_sockets gives to the child. */
static int sockets[N_SOCKETS];
static int n_sockets;
static const char *names;
static pid_t wrong_pid;

static void prepare_sockets(void)
{
	char text[TEXT_SIZE];

	for (int i = 0; i < n_sockets; i++)
		sockets[i] = fcntl(sockets[i], F_DUPFD, 100);
	for (int i = 0; i < n_sockets; i++)
		dup2(sockets[i], 3 + i);
	snprintf(text, sizeof text, "%d", n_sockets);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof text, "%d",
		 (int)(wrong_pid ? wrong_pid : getpid()));
	setenv("LISTEN_PID", text, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
}

/* -- sockets -- */

static void check_echo_at(const struct weir_address *address)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	int fd = dial(weir_address_format(address, text, sizeof text), 0);

	expect_echo(fd, "activated");
	close(fd);
}

static void check_name_chooses_service(const char *workers)
{
	const char *const arguments[] = {workers, NULL};
	struct weir_address address = harness_address("127.0.0.1:0");
	struct served s;

	sockets[0] = harness_listen(&address, 8);
	n_sockets = 1;
	names = "echo";
	served_start_prepared(&s, prepare_sockets, arguments);
	served_line(&s, "echo listening on 127.0.0.1:");
	for (int i = 0; i < 10; i++)
		check_echo_at(&address);
	cr_assert_eq(served_stop(&s), 0);
	close(sockets[0]);
}

Test(server_systemd, a_sockets_name_chooses_its_service)
{
	check_name_chooses_service("--workers=1");
}

Test(server_systemd, workers_share_a_socket)
{
	check_name_chooses_service("--workers=3");
}

/* Clients that connect before the server starts wait for it. */
Test(server_systemd, serves_who_came_before_it)
{
	static const char *const arguments[] = {NULL};
	struct weir_address address = harness_address("127.0.0.1:0");
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct served s;
	int fd;

	sockets[0] = harness_listen(&address, 8);
	n_sockets = 1;
	names = "echo";
	fd = dial(weir_address_format(&address, text, sizeof text), 0);
	harness_write(fd, "early", 5);
	served_start_prepared(&s, prepare_sockets, arguments);
	harness_read(fd, text, 5);
	cr_assert_arr_eq(text, "early", 5);
	close(fd);
	close(sockets[0]);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_systemd, an_argument_can_name_a_socket)
{
	static const char *const arguments[] = {"echo=fd:back", NULL};
	struct weir_address front = harness_address("127.0.0.1:0");
	struct weir_address back = harness_address("127.0.0.1:0");
	struct served s;

	sockets[0] = harness_listen(&front, 8);
	sockets[1] = harness_listen(&back, 8);
	n_sockets = 2;
	names = "discard:back";
	served_start_prepared(&s, prepare_sockets, arguments);
	served_line(&s, "echo listening on");
	served_line(&s, "discard listening on");
	check_echo_at(&back);
	close(sockets[0]);
	close(sockets[1]);
	cr_assert_eq(served_stop(&s), 0);
}

/* A socket unit may have several, all of one name. */
static void check_sockets_share_a_name(const char *argument)
{
	const char *const arguments[] = {"--workers=2", argument, NULL};
	struct weir_address first = harness_address("127.0.0.1:0");
	struct weir_address second = harness_address("127.0.0.1:0");
	struct served s;

	sockets[0] = harness_listen(&first, 8);
	sockets[1] = harness_listen(&second, 8);
	n_sockets = 2;
	served_start_prepared(&s, prepare_sockets, arguments);
	served_line(&s, "echo listening on");
	served_line(&s, "echo listening on");
	check_echo_at(&first);
	check_echo_at(&second);
	close(sockets[0]);
	close(sockets[1]);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_systemd, sockets_of_one_name_are_one_service)
{
	names = "echo:echo";
	check_sockets_share_a_name(NULL);
}

Test(server_systemd, an_argument_names_all_sockets_of_a_name)
{
	names = "front:front";
	check_sockets_share_a_name("echo=fd:front");
}

/* What goes in by the one comes out by the other. */
Test(server_systemd, sockets_of_one_name_are_one_broadcast)
{
	static const char *const arguments[] = {NULL};
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0"),
					    harness_address("127.0.0.1:0")};
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct served s;
	int fds[2];

	for (int i = 0; i < 2; i++)
		sockets[i] = harness_listen(&addresses[i], 8);
	n_sockets = 2;
	names = "broadcast:broadcast";
	served_start_prepared(&s, prepare_sockets, arguments);
	for (int i = 0; i < 2; i++)
		fds[i] = dial(
			weir_address_format(&addresses[i], text, sizeof text),
			0);
	/* until the other is there to hear it */
	do
		harness_write(fds[0], "hear\n", 5);
	while (recv(fds[1], text, 5, MSG_DONTWAIT) != 5);
	cr_expect_arr_eq(text, "hear\n", 5);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(sockets[i]);
	}
	served_stop(&s);
}

/* They are meant for another process, whose child this one is. */
Test(server_systemd, leaves_the_sockets_of_another_alone)
{
	static const char *const arguments[] = {"greet=127.0.0.1:0", NULL};
	struct weir_address address = harness_address("127.0.0.1:0");
	struct served s;

	sockets[0] = harness_listen(&address, 8);
	n_sockets = 1;
	names = "echo";
	wrong_pid = 1;
	served_start_prepared(&s, prepare_sockets, arguments);
	served_line(&s, "greet listening on");
	cr_assert_eq(served_stop(&s), 0);
	close(sockets[0]);
}

static void expect_unplaced(const char *const *arguments, const char *line)
{
	struct served s;

	served_start_prepared(&s, prepare_sockets, arguments);
	cr_expect_eq(served_wait(&s), 2);
	cr_expect(strstr(s.text, line), "%s", s.text);
	served_forget(&s);
}

Test(server_systemd, does_not_start_with_defaults_on_the_sockets_of_another)
{
	static const char *const arguments[] = {NULL};
	struct weir_address address = harness_address("127.0.0.1:0");

	sockets[0] = harness_listen(&address, 8);
	n_sockets = 1;
	names = "echo";
	wrong_pid = 1;
	expect_unplaced(arguments, "LISTEN_PID: expected ");
	close(sockets[0]);
}

Test(server_systemd, refuses_what_it_cannot_place)
{
	static const char *const none[] = {NULL};
	static const char *const missing[] = {"echo=fd:front", NULL};
	struct weir_address address = harness_address("127.0.0.1:0");

	n_sockets = 1;
	names = "echo";
	sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	expect_unplaced(none, "descriptor 3 (echo): expected a stream socket "
			      "that listens");
	close(sockets[0]);
	sockets[0] = harness_listen(&address, 8);
	expect_unplaced(missing, "echo=fd:front: expected the name of a socket "
				 "in LISTEN_FDNAMES");
	names = NULL;
	expect_unplaced(none,
			"descriptor 3: its name is unknown: expected that "
			"of a service, or an argument "
			"SERVICE=fd:unknown");
	names = "front\nand";
	expect_unplaced(none, "descriptor 3: its name is front?and: expected");
	names = "front";
	expect_unplaced(none, "descriptor 3: its name is front: expected that "
			      "of a service, or an argument SERVICE=fd:front");
	close(sockets[0]);
}

/* -- notifications -- */

static char notify_name[TEXT_SIZE];
static const char *watchdog;

static void prepare_notify(void)
{
	setenv("NOTIFY_SOCKET", notify_name, 1);
	if (watchdog)
		setenv("WATCHDOG_USEC", watchdog, 1);
}

/* A datagram socket in the abstract name space. */
static int open_notify(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	static const struct timeval patience = {.tv_sec = PATIENCE_S / 2};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(notify_name, sizeof notify_name, "@weir-notify-%d",
			 (int)getpid());

	memcpy(name.sun_path, notify_name, (size_t)n);
	name.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (struct sockaddr *)&name,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				      (size_t)n)),
		     0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static void expect_note(int fd, const char *expected)
{
	char text[TEXT_SIZE];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	cr_assert_gt(n, 0, "expected %s", expected);
	text[n] = '\0';
	cr_assert_str_eq(text, expected);
}

Test(server_systemd, says_when_it_is_ready_and_when_it_stops)
{
	static const char *const arguments[] = {"echo=127.0.0.1:0", NULL};
	struct served s;
	int fd = open_notify();

	served_start_prepared(&s, prepare_notify, arguments);
	expect_note(fd, "READY=1");
	kill(s.pid, SIGTERM);
	expect_note(fd, "STOPPING=1");
	cr_assert_eq(served_end(&s), 0);
	close(fd);
}

/* The time belongs to the signal, of which systemd judges the answer. */
Test(server_systemd, says_when_it_reloads)
{
	static const char *const arguments[] = {"echo=127.0.0.1:0", NULL};
	uint64_t before = clock_read(CLOCK_MONOTONIC) / CLOCK_NS_PER_US;
	char text[TEXT_SIZE] = "";
	unsigned long long time;
	struct served s;
	int fd = open_notify();

	served_start_prepared(&s, prepare_notify, arguments);
	expect_note(fd, "READY=1");
	kill(s.pid, SIGHUP);
	cr_assert_gt(recv(fd, text, sizeof text - 1, 0), 0);
	cr_assert_eq(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu", &time), 1,
		     "%s", text);
	cr_expect_geq(time, before);
	cr_expect_leq(time, clock_read(CLOCK_MONOTONIC) / CLOCK_NS_PER_US);
	expect_note(fd, "READY=1");
	cr_assert_eq(served_stop(&s), 0);
	close(fd);
}

static void check_watchdog(const char *workers)
{
	const char *const arguments[] = {workers, "echo=127.0.0.1:0", NULL};
	struct served s;
	int fd = open_notify();

	watchdog = "20000";
	served_start_prepared(&s, prepare_notify, arguments);
	expect_note(fd, "READY=1");
	for (int i = 0; i < 5; i++)
		expect_note(fd, "WATCHDOG=1");
	cr_assert_eq(served_stop(&s), 0);
	close(fd);
}

Test(server_systemd, feeds_the_watchdog)
{
	check_watchdog("--workers=1");
}

Test(server_systemd, feeds_the_watchdog_while_all_workers_turn)
{
	check_watchdog("--workers=3");
}

/* -- the unit files -- */

static bool is_there(const char *program)
{
	char command[TEXT_SIZE];

	snprintf(command, sizeof command, "command -v %s >/dev/null", program);
	return system(command) == 0;
}

/* What is installed somewhere else is put where the unit files say. The last
 * Type= that systemd knows counts: notify-reload came with version 253. */
Test(server_systemd, takes_the_unit_files_for_good)
{
	static const char command[] =
		"d=$(mktemp -d) && w=$(realpath $WEIR_BUILD/weir-server) && "
		"cp docs/systemd/weir-server.socket $d && "
		"sed -e s,/usr/local/bin/weir-server,$w, -e /^Documentation=/d "
		"docs/systemd/weir-server.service >$d/weir-server.service && "
		"out=$(systemd-analyze verify $d/weir-server.* 2>&1 | "
		"grep weir-server | grep -v notify-reload); rm -r $d; test -z "
		"\"$out\" || "
		"{ echo \"$out\" >&2; false; }";

	if (!is_there("systemd-analyze"))
		cr_skip("systemd-analyze is not here");
	cr_assert_eq(system(command), 0);
}

/* What a hole in the server would expose, on a scale to 10.0. */
Test(server_systemd, the_unit_exposes_little)
{
	static const char command[] =
		"systemd-analyze security --offline=true --threshold=20 "
		"docs/systemd/weir-server.service >/dev/null 2>&1";

	if (!is_there("systemd-analyze"))
		cr_skip("systemd-analyze is not here");
	cr_assert_eq(system(command), 0);
}
