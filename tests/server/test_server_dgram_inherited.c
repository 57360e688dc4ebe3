/* Datagram sockets that a supervisor has opened. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include "harness_server.h"

enum {
	PATIENCE_S = 60,
	PATIENCE_MS = 20000,
	TEXT_SIZE = 256
};

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(server_dgram_inherited, .init = harness_begin, .fini = end_of_test,
	  .timeout = PATIENCE_S);

static int inherited;

static void prepare_socket(void)
{
	char text[TEXT_SIZE];

	dup2(inherited, 3);
	snprintf(text, sizeof text, "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "echo", 1);
}

/* For IPv4 too, as the sockets of systemd are; returns its port. */
static in_port_t open_dual(void)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	socklen_t len = sizeof address;
	const int no = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no),
		     0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	inherited = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	close(fd);
	return address.sin6_port;
}

/* A socket at from, connected to port of 127.0.0.1. */
static int dial_from(const char *from, in_port_t port)
{
	struct weir_address source = harness_address(from);
	struct weir_address to = harness_address("udp:127.0.0.1:1");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sa.in.sin_port = port;
	cr_assert_eq(bind(fd, &source.sa.any, source.len), 0);
	cr_assert_eq(connect(fd, &to.sa.any, to.len), 0);
	return fd;
}

static void expect_answer(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char answer[TEXT_SIZE];

	cr_assert_eq(poll(&pollfd, 1, PATIENCE_MS), 1, "nothing comes back");
	cr_assert_eq(recv(fd, answer, sizeof answer, 0), 5);
	cr_assert_arr_eq(answer, "hello", 5);
}

static void check_echo(int fd)
{
	cr_assert_eq(send(fd, "hello", 5, 0), 5, "%s", strerror(errno));
	expect_answer(fd);
}

/* Each IPv4 address has a rate of its own, mapped or not. */
Test(server_dgram_inherited, one_for_both_families_tells_ipv4_clients_apart)
{
	static const char *const arguments[] = {"--udp-rate=1", NULL};
	in_port_t port = open_dual();
	struct served s;

	served_start_prepared(&s, prepare_socket, arguments);
	close(inherited);
	served_line(&s, "echo listening on udp:[::]:");
	for (int i = 1; i <= 3; i++) {
		char from[TEXT_SIZE];
		int fd;

		snprintf(from, sizeof from, "udp:127.0.1.%d:0", i);
		fd = dial_from(from, port);
		check_echo(fd);
		close(fd);
	}
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_dgram_inherited, a_service_of_streams_refuses_it)
{
	static const char *const arguments[] = {"greet=fd:echo", NULL};
	struct served s;

	open_dual();
	served_start_prepared(&s, prepare_socket, arguments);
	close(inherited);
	cr_expect_eq(served_wait(&s), 2);
	cr_expect(strstr(s.text, "descriptor 3 (echo): expected a stream "
				 "socket that listens\n"),
		  "%s", s.text);
	served_forget(&s);
}

/* The first datagram starts the server, which answers it. */
static void check_activation(const char *listen, const struct weir_address *to)
{
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	char program[TEXT_SIZE];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		snprintf(program, sizeof program, "%s/weir-server",
			 getenv("WEIR_BUILD"));
		execlp("systemd-socket-activate", "systemd-socket-activate",
		       "-d", "-l", listen, "--fdname=echo", program, NULL);
		_exit(127);
	}
	cr_assert_eq(bind(fd, &unnamed, sizeof unnamed.sa_family), 0);
	while (connect(fd, &to->sa.any, to->len) < 0)
		cr_assert_eq(waitpid(pid, &status, WNOHANG), 0);
	check_echo(fd);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	close(fd);
}

Test(server_dgram_inherited, a_datagram_starts_the_server)
{
	struct weir_address path = harness_unix_path("socket");

	if (system("command -v systemd-socket-activate >/dev/null") != 0)
		cr_skip("systemd-socket-activate is not here");
	path.type = SOCK_DGRAM;
	check_activation(path.sa.un.sun_path, &path);
}
