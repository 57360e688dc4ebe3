/* Unix paths: which of them weir-server refuses, and the socket files that it
 * removes and leaves alone. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	ENDPOINT_SIZE = 256,
	LINE_SIZE = 512
};

TestSuite(server_paths, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* A SERVICE=ADDRESS for a path in the test's folder, and the path. */
static const char *endpoint_at_path(char endpoint[ENDPOINT_SIZE])
{
	struct weir_address address = harness_unix_path("socket");

	snprintf(endpoint, ENDPOINT_SIZE, "echo=unix:%s",
		 address.sa.un.sun_path);
	return strchr(endpoint, ':') + 1;
}

static void expect_path_refusal(const char *endpoint, const char *cause)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof line, "echo: cannot listen on %s: %s",
		 strchr(endpoint, '=') + 1, cause);
	expect_refusal_of(endpoint, line);
}

static void start_on(struct served *s, const char *endpoint)
{
	char address[SERVED_ADDRESS_SIZE];

	served_start(s, endpoint, NULL);
	served_address(s, "echo", address);
}

static void create_file(const char *path)
{
	close(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
}

Test(server_paths, refuses_one_on_which_a_server_listens)
{
	struct served s;
	char endpoint[ENDPOINT_SIZE];
	const char *path = endpoint_at_path(endpoint);
	int fd;

	start_on(&s, endpoint);
	expect_path_refusal(endpoint, "another server listens there");
	fd = dial(strchr(endpoint, '=') + 1, 0);
	expect_echo(fd, "still here");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_lt(access(path, F_OK), 0);
	harness_remove_folder();
}

Test(server_paths, refuses_one_that_is_a_file)
{
	char endpoint[ENDPOINT_SIZE];
	const char *path = endpoint_at_path(endpoint);

	create_file(path);
	expect_path_refusal(
		endpoint, "there is a file of that name, and it is no socket");
	cr_assert_eq(access(path, F_OK), 0);
	harness_remove_folder();
}

Test(server_paths, refuses_one_in_no_folder)
{
	expect_refusal_of("echo=unix:/no/folder/socket",
			  "echo: cannot listen on unix:/no/folder/socket: "
			  "No such file or directory");
}

Test(server_paths, refuses_one_that_is_too_long)
{
	char endpoint[ENDPOINT_SIZE] = "echo=unix:/";
	char line[LINE_SIZE];

	memset(endpoint + strlen(endpoint), 'x', 120);
	snprintf(line, sizeof line, "%.140s: path too long for a Unix socket",
		 endpoint);
	expect_refusal_of(endpoint, line);
}

Test(server_paths, takes_over_from_a_dead_server)
{
	struct served s;
	char endpoint[ENDPOINT_SIZE];
	const char *path = endpoint_at_path(endpoint);
	int fd;

	start_on(&s, endpoint);
	kill(s.pid, SIGKILL);
	cr_assert_eq(served_wait(&s), 128 + SIGKILL);
	served_forget(&s);
	cr_assert_eq(access(path, F_OK), 0);
	start_on(&s, endpoint);
	fd = dial(strchr(endpoint, '=') + 1, 0);
	expect_echo(fd, "risen");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_lt(access(path, F_OK), 0);
	harness_remove_folder();
}

Test(server_paths, leaves_alone_a_file_that_is_not_its_own)
{
	struct served s;
	char endpoint[ENDPOINT_SIZE];
	const char *path = endpoint_at_path(endpoint);

	start_on(&s, endpoint);
	cr_assert_eq(unlink(path), 0);
	create_file(path);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_eq(access(path, F_OK), 0);
	harness_remove_folder();
}
