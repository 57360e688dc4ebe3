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
	OFFER_SIZE = 256,
	LINE_SIZE = 512
};

TestSuite(server_paths, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* A SERVICE=ADDRESS for a path in the test's folder, and the path. */
static const char *offer_path(char offer[OFFER_SIZE])
{
	struct weir_address address = harness_unix_path("socket");

	snprintf(offer, OFFER_SIZE, "echo=unix:%s", address.sa.un.sun_path);
	return strchr(offer, ':') + 1;
}

static void expect_path_refusal(const char *offer, const char *cause)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof line, "echo: cannot listen on %s: %s",
		 strchr(offer, '=') + 1, cause);
	expect_refusal_of(offer, line);
}

static void start_on(struct served *s, const char *offer)
{
	char address[SERVED_ADDRESS_SIZE];

	served_start(s, offer, NULL);
	served_address(s, "echo", address);
}

static void create_file(const char *path)
{
	close(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
}

Test(server_paths, refuses_one_on_which_a_server_listens)
{
	struct served s;
	char offer[OFFER_SIZE];
	const char *path = offer_path(offer);
	int fd;

	start_on(&s, offer);
	expect_path_refusal(offer, "another server listens there");
	fd = dial(strchr(offer, '=') + 1, 0);
	expect_echo(fd, "still here");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_lt(access(path, F_OK), 0);
	harness_remove_folder();
}

Test(server_paths, refuses_one_that_is_a_file)
{
	char offer[OFFER_SIZE];
	const char *path = offer_path(offer);

	create_file(path);
	expect_path_refusal(
		offer, "there is a file of that name, and it is no socket");
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
	char offer[OFFER_SIZE] = "echo=unix:/";
	char line[LINE_SIZE];

	memset(offer + strlen(offer), 'x', 120);
	snprintf(line, sizeof line, "%.140s: path too long for a Unix socket",
		 offer);
	expect_refusal_of(offer, line);
}

Test(server_paths, takes_over_from_a_dead_server)
{
	struct served s;
	char offer[OFFER_SIZE];
	const char *path = offer_path(offer);
	int fd;

	start_on(&s, offer);
	kill(s.pid, SIGKILL);
	cr_assert_eq(served_wait(&s), 128 + SIGKILL);
	served_forget(&s);
	cr_assert_eq(access(path, F_OK), 0);
	start_on(&s, offer);
	fd = dial(strchr(offer, '=') + 1, 0);
	expect_echo(fd, "risen");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_lt(access(path, F_OK), 0);
	harness_remove_folder();
}

Test(server_paths, leaves_alone_a_file_that_is_not_its_own)
{
	struct served s;
	char offer[OFFER_SIZE];
	const char *path = offer_path(offer);

	start_on(&s, offer);
	cr_assert_eq(unlink(path), 0);
	create_file(path);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_eq(access(path, F_OK), 0);
	harness_remove_folder();
}
