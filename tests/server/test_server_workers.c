/* weir-server in several threads. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	PATIENCE_S = 60,
	N_CLIENTS = 100,
	N_RIVALS = 8,
	N_ROUNDS = 300,
	ENDPOINT_SIZE = 256
};

TestSuite(server_workers, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static int count_threads(const struct served *s)
{
	char path[64];
	DIR *folder;
	int n = -2; /* . and .. */

	snprintf(path, sizeof path, "/proc/%d/task", (int)s->pid);
	folder = opendir(path);
	cr_assert(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static void check_all_are_served(const char *endpoint, int n_workers)
{
	struct served s;
	char workers[32];
	char address[SERVED_ADDRESS_SIZE];
	int fds[N_CLIENTS];

	snprintf(workers, sizeof workers, "--workers=%d", n_workers);
	served_start(&s, workers, endpoint, NULL);
	served_address(&s, "echo", address);
	/* a sanitizer adds one to several */
	cr_assert_geq(count_threads(&s), n_workers);
	if (n_workers == 1)
		cr_assert_eq(count_threads(&s), 1);
	for (int i = 0; i < N_CLIENTS; i++)
		fds[i] = dial(address, 0);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N_CLIENTS; i++)
			expect_echo(fds[i], "Hey~~~");
	kill(s.pid, SIGTERM);
	for (int i = 0; i < N_CLIENTS; i++) {
		expect_end(fds[i]);
		close(fds[i]);
	}
	cr_assert_eq(served_end(&s), 0);
}

Test(server_workers, one_is_a_process_without_threads)
{
	check_all_are_served("echo=127.0.0.1:0", 1);
}

Test(server_workers, serve_everybody_over_tcp)
{
	check_all_are_served("echo=127.0.0.1:0", 4);
}

Test(server_workers, serve_everybody_over_ipv6)
{
	check_all_are_served("echo=[::1]:0", 2);
}

Test(server_workers, serve_everybody_on_a_unix_socket)
{
	char endpoint[ENDPOINT_SIZE];

	snprintf(endpoint, sizeof endpoint, "echo=unix:@weir-workers-%d",
		 (int)getpid());
	check_all_are_served(endpoint, 4);
}

/* Sharing a port is for the workers of one server, not for two servers. */
Test(server_workers, a_taken_port_is_an_error_still)
{
	struct served first;
	struct served second;
	char address[SERVED_ADDRESS_SIZE];
	char endpoint[ENDPOINT_SIZE];

	served_start(&first, "--workers=2", "echo=127.0.0.1:0", NULL);
	served_address(&first, "echo", address);
	snprintf(endpoint, sizeof endpoint, "echo=%s", address);
	served_start(&second, "--workers=2", endpoint, NULL);
	served_line(&second, "Address already in use");
	cr_assert_eq(served_end(&second), 2);
	cr_assert_eq(served_stop(&first), 0);
}

/* Those whom the kernel has let in are served by the worker to whom it gave
 * them, signal or not. */
Test(server_workers, serve_those_who_wait_when_told_to_stop)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[N_CLIENTS];

	served_start(&s, "--workers=3", "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	served_halt(&s);
	for (int i = 0; i < N_CLIENTS; i++) {
		fds[i] = dial(address, 0);
		harness_write(fds[i], "Hey~~~", 6);
	}
	kill(s.pid, SIGTERM);
	served_go_on(&s);
	for (int i = 0; i < N_CLIENTS; i++) {
		expect_greeting(fds[i], "");
		close(fds[i]);
	}
	cr_assert_eq(served_end(&s), 0);
}

/* The pipe of its standard error has room for one line, and several workers
 * want to write one: a worker that finds no room drops its line, and goes on. */
Test(server_workers, do_not_wait_for_standard_error)
{
	static char greeting[1000]; /* each byte is logged as four */
	char line[PIPE_BUF];
	char address[SERVED_ADDRESS_SIZE];
	int fds[N_RIVALS];
	struct served s;

	memset(greeting, 1, sizeof greeting);
	served_start(&s, "--workers=4", "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	for (int round = 0; round < N_ROUNDS; round++) {
		for (int i = 0; i < N_RIVALS; i++)
			fds[i] = dial(address, 0);
		for (int i = 0; i < N_RIVALS; i++)
			harness_write(fds[i], greeting, sizeof greeting);
		for (int i = 0; i < N_RIVALS; i++) {
			expect_greeting(fds[i], "");
			close(fds[i]);
		}
		if (round >= N_RIVALS)
			cr_assert_gt(read(s.err, line, sizeof line), 0);
	}
	served_stop(&s);
}

Test(server_workers, leave_no_socket_file_behind)
{
	struct weir_address path = harness_unix_path("echo");
	struct served s;
	char endpoint[ENDPOINT_SIZE];
	int fd;

	snprintf(endpoint, sizeof endpoint, "echo=unix:%s",
		 path.sa.un.sun_path);
	served_start(&s, "--workers=4", endpoint, NULL);
	served_line(&s, "echo listening on");
	fd = dial(endpoint + sizeof "echo=" - 1, 0);
	expect_echo(fd, "there");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_neq(access(path.sa.un.sun_path, F_OK), 0);
	harness_remove_folder();
}
