/* How weir-server stops: every client that was accepted is served. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "test_server_stop.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_WAITING = 200, /* more than are accepted in one turn */
	TEXT_SIZE = 64
};

TestSuite(server_drain, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char address[SERVED_ADDRESS_SIZE];

static void check_owed(int fd)
{
	static unsigned char data[N_OWED];

	harness_read(fd, data, N_OWED);
	harness_check(data, N_OWED, 1, 0);
}

static void check_idle_server_ends(int signo)
{
	served_start(&s, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	kill(s.pid, signo);
	cr_assert_eq(served_end(&s), 0);
}

Test(server_drain, sigterm_ends_an_idle_server)
{
	check_idle_server_ends(SIGTERM);
}

Test(server_drain, sigint_ends_an_idle_server)
{
	check_idle_server_ends(SIGINT);
}

Test(server_drain, sends_all_that_is_owed_to_a_slow_reader)
{
	int fd = start_and_be_owed(&s, NULL, NULL);

	kill(s.pid, SIGTERM);
	served_line(&s, "finishing 1 connections");
	check_owed(fd);
	expect_end(fd);
	close(fd);
	cr_assert_eq(served_end(&s), 0);
}

/* Greet clients that have not spoken, echo and chargen clients in mid-stream:
 * each gets its FIN. */
Test(server_drain, finishes_idle_clients)
{
	char greet[SERVED_ADDRESS_SIZE];
	char echo[SERVED_ADDRESS_SIZE];
	int mute;
	int idle;

	served_start(&s, "greet=127.0.0.1:0", "echo=127.0.0.1:0", NULL);
	served_address(&s, "greet", greet);
	served_address(&s, "echo", echo);
	mute = dial(greet, 0);
	idle = dial(echo, 0);
	expect_echo(idle, "let in");
	kill(s.pid, SIGTERM);
	expect_end(mute);
	expect_end(idle);
	close(mute);
	close(idle);
	cr_assert_eq(served_end(&s), 0);
}

Test(server_drain, does_not_wait_for_a_peers_fin_for_ever)
{
	int fd = start_and_echo(&s, address, "--linger=100ms");

	kill(s.pid, SIGTERM);
	served_line(&s, ": linger, 0 bytes unsent");
	cr_assert_eq(served_end(&s), 0);
	close(fd);
}

Test(server_drain, ends_a_stream_without_end_at_a_whole_buffer)
{
	char data[4096];
	size_t n = 0;
	ssize_t n_read;
	int fd;

	served_start(&s, "chargen=127.0.0.1:0", NULL);
	served_address(&s, "chargen", address);
	fd = dial(address, 0);
	harness_read(fd, data, 1);
	kill(s.pid, SIGTERM);
	for (n = 1; (n_read = recv(fd, data, sizeof data, 0)) > 0;)
		n += (size_t)n_read;
	cr_assert_eq(n_read, 0);
	/* a round of the ring is 95 lines of 74 bytes */
	cr_assert_eq(n % (95 * 74), 0);
	close(fd);
	cr_assert_eq(served_end(&s), 0);
}

/* -- the accept queue -- */

/* While the server is stopped it accepts nothing: the kernel lets all of these
 * wait, and they have spoken by the time the signal comes. */
static void check_waiting_are_served(const char *endpoint)
{
	int fds[N_WAITING];
	int mute;

	served_start(&s, endpoint, NULL);
	served_address(&s, "greet", address);
	served_halt(&s);
	for (size_t i = 0; i < N_WAITING; i++) {
		fds[i] = dial(address, 0);
		harness_write(fds[i], "Hey~~~", 6);
	}
	mute = dial(address, 0);
	kill(s.pid, SIGTERM);
	served_go_on(&s);
	for (size_t i = 0; i < N_WAITING; i++) {
		expect_greeting(fds[i], "");
		close(fds[i]);
	}
	expect_end(mute);
	close(mute);
	cr_assert_eq(served_end(&s), 0);
}

Test(server_drain, serves_those_who_wait_to_be_accepted_by_tcp)
{
	check_waiting_are_served("greet=127.0.0.1:0");
}

Test(server_drain, serves_those_who_wait_to_be_accepted_by_unix_socket)
{
	char endpoint[TEXT_SIZE];

	snprintf(endpoint, sizeof endpoint, "greet=unix:@weir-wait-%d",
		 (int)getpid());
	check_waiting_are_served(endpoint);
}

Test(server_drain, lets_nobody_in_once_it_drains)
{
	struct weir_address a;
	int held = start_and_echo(&s, address, NULL);
	int fd;

	kill(s.pid, SIGTERM);
	served_line(&s, "finishing 1 connections");
	a = harness_address(address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_lt(connect(fd, &a.sa.any, a.len), 0);
	cr_assert_eq(errno, ECONNREFUSED);
	close(fd);
	close(held);
	cr_assert_eq(served_end(&s), 0);
}

/* -- the second signal -- */

static void check_second_signal_aborts(int first, int second)
{
	int fd = start_and_be_owed(&s, NULL, NULL);
	char data[4096];
	ssize_t n;

	kill(s.pid, first);
	served_line(&s, "finishing 1 connections");
	kill(s.pid, second);
	served_line(&s, ": aborted, ");
	cr_assert_eq(served_end(&s), 1);
	do
		n = recv(fd, data, sizeof data, 0);
	while (n > 0);
	cr_assert(n < 0 && errno == ECONNRESET);
	close(fd);
}

Test(server_drain, a_second_sigterm_aborts_the_rest)
{
	check_second_signal_aborts(SIGTERM, SIGTERM);
}

Test(server_drain, sigint_after_sigterm_aborts_the_rest)
{
	check_second_signal_aborts(SIGTERM, SIGINT);
}
