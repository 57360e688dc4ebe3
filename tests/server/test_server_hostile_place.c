/* A hostile place: links and races where a Unix socket is to be, and an
 * environment that lies. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	PATIENCE_S = 60,
	NAME_SIZE = 256,
	N_SERVERS = 8,
	N_ROUNDS = 3
};

TestSuite(server_hostile_place, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static char endpoint[NAME_SIZE + 16];
static char path[NAME_SIZE];
static char other[NAME_SIZE + 16];

static void make_names(const char *suffix)
{
	struct weir_address address = harness_unix_path("socket");

	snprintf(path, sizeof path, "%s", address.sa.un.sun_path);
	snprintf(endpoint, sizeof endpoint, "echo=unix:%s", path);
	snprintf(other, sizeof other, "%s%s", path, suffix);
}

/* A socket's file, whose socket is gone. */
static void make_dead_socket(const char *at)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path, at, strlen(at));
	must(bind(fd, (const struct sockaddr *)&name, sizeof name), "bind");
	close(fd);
}

static void make_file(const char *at)
{
	int fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	must(write(fd, "precious", 8), "write");
	close(fd);
}

static void expect_refused(void)
{
	struct served s;

	served_start(&s, endpoint, NULL);
	cr_expect_eq(served_wait(&s), 2, "%s", s.text);
	served_forget(&s);
}

/* -- paths -- */

Test(server_hostile_place, a_link_to_a_dead_socket_is_not_followed)
{
	struct stat st;

	make_names(".real");
	make_dead_socket(other);
	must(symlink(other, path), "symlink");
	expect_refused();
	must(lstat(other, &st), "the dead socket has gone");
	must(lstat(path, &st), "the link has gone");
	cr_expect(S_ISLNK(st.st_mode));
	harness_remove_folder();
}

/* The lock would be taken on, and made at, whatever the link names. */
Test(server_hostile_place, a_link_at_the_lock_is_not_followed)
{
	struct stat st;

	make_names(".real");
	make_dead_socket(path);
	strcat(path, ".weir-lock");
	must(symlink(other, path), "symlink");
	expect_refused();
	cr_expect_lt(lstat(other, &st), 0, "the link was followed");
	make_file(other);
	expect_refused();
	must(lstat(other, &st), "the file has gone");
	cr_expect_eq(st.st_size, 8);
	harness_remove_folder();
}

/* Which of the servers listens; the others have to give up. */
static size_t find_winner(struct served servers[N_SERVERS])
{
	size_t n_there = 0;
	size_t winner = 0;

	for (size_t i = 0; i < N_SERVERS; i++) {
		if (!strstr(served_line(&servers[i], "listen"), "cannot")) {
			n_there++;
			winner = i;
			continue;
		}
		cr_expect_eq(served_wait(&servers[i]), 2);
		served_forget(&servers[i]);
	}
	cr_assert_eq(n_there, 1);
	return winner;
}

Test(server_hostile_place, of_many_that_race_for_a_dead_socket_one_gets_it)
{
	struct served servers[N_SERVERS];
	size_t winner;
	int fd;

	make_names("");
	for (int round = 0; round < N_ROUNDS; round++) {
		make_dead_socket(path);
		for (size_t i = 0; i < N_SERVERS; i++)
			served_start(&servers[i], endpoint, NULL);
		winner = find_winner(servers);
		fd = dial(strchr(endpoint, '=') + 1, 0);
		expect_echo(fd, "the one");
		close(fd);
		cr_assert_eq(served_stop(&servers[winner]), 0);
		cr_expect_lt(access(path, F_OK), 0);
	}
	harness_remove_folder();
}

/* -- the environment -- */

static const char *variable;
static const char *value;

static void prepare(void)
{
	char pid[32];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "0", 1);
	setenv(variable, value, 1);
}

static void start_with(struct served *s, const char *name, const char *text)
{
	static const char *const arguments[] = {"echo=127.0.0.1:0", NULL};

	variable = name;
	value = text;
	served_start_prepared(s, prepare, arguments);
}

static void expect_served_with(const char *name, const char *text)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	start_with(&s, name, text);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "all the same");
	close(fd);
	cr_expect_eq(served_stop(&s), 0, "%s=%s", name, text);
}

Test(server_hostile_place, nobody_to_notify_is_no_matter)
{
	static char too_long[1000];

	memset(too_long, 'x', sizeof too_long - 1);
	too_long[0] = '/';
	expect_served_with("NOTIFY_SOCKET", "");
	expect_served_with("NOTIFY_SOCKET", "@");
	expect_served_with("NOTIFY_SOCKET", "relative");
	expect_served_with("NOTIFY_SOCKET", "/");
	expect_served_with("NOTIFY_SOCKET", "/nowhere/at/all");
	expect_served_with("NOTIFY_SOCKET", too_long);
	expect_served_with("WATCHDOG_USEC", "0");
	expect_served_with("WATCHDOG_USEC", "-1");
	expect_served_with("WATCHDOG_USEC", "99999999999999999999999");
}

/* A notification that cannot be sent now is not waited for. */
Test(server_hostile_place, one_who_reads_no_notification_is_no_matter)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char text[NAME_SIZE];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(text, sizeof text, "@weir-full-%d", (int)getpid());
	socklen_t len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);

	memcpy(name.sun_path, text, (size_t)n);
	name.sun_path[0] = '\0';
	must(bind(fd, (const struct sockaddr *)&name, len), "bind");
	while (sendto(sender, "x", 1, MSG_DONTWAIT,
		      (const struct sockaddr *)&name, len) > 0)
		;
	expect_served_with("NOTIFY_SOCKET", text);
	close(sender);
	close(fd);
}

Test(server_hostile_place, sockets_that_are_not_there_are_refused)
{
	static const char *const counts[] = {
		"1",  "99", "999999999", "99999999999999999999999",
		"-1", "1x", "",
	};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct served s;

		start_with(&s, "LISTEN_FDS", counts[i]);
		cr_expect_eq(served_wait(&s), 2, "LISTEN_FDS=%s: %s", counts[i],
			     s.text);
		served_forget(&s);
	}
}
