/* The lines of weir-server's log: what they begin with, and which there are. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "harness_server.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	TICK_MS = 2,
	FILE_SIZE = 8192
};

TestSuite(server_log, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static void say_the_journal_reads(void)
{
	char text[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
}

static void say_the_journal_reads_another(void)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
}

/* Start, turn a client away, and stop: one line of each level. */
static void run(struct served *s, void (*prepare)(void), const char *option)
{
	const char *const arguments[] = {"--max-conns=1", "echo=127.0.0.1:0",
					 option, NULL};
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start_prepared(s, prepare, arguments);
	served_address(s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "let in");
	expect_reset_at(address);
	close(fd);
	kill(s->pid, SIGTERM);
	cr_assert_eq(served_wait(s), 0);
}

static void check_lines(void (*prepare)(void), const char *option,
			const char *info, const char *warning)
{
	char expected[2][128];
	struct served s;

	snprintf(expected[0], sizeof expected[0], "%sweir-server: echo listen",
		 info);
	snprintf(expected[1], sizeof expected[1], "%sweir-server: echo: a cl",
		 warning);
	run(&s, prepare, option);
	cr_expect(strstr(s.text, expected[0]) == s.text, "%s", s.text);
	cr_expect(strstr(strchr(s.text, '\n'), expected[1]), "%s", s.text);
	served_forget(&s);
}

Test(server_log, lines_are_plain)
{
	check_lines(say_the_journal_reads_another, NULL, "", "\n");
	check_lines(say_the_journal_reads, "--log-format=plain", "", "\n");
}

Test(server_log, lines_have_their_level_for_the_journal)
{
	check_lines(say_the_journal_reads, NULL, "<6>", "\n<4>");
	check_lines(say_the_journal_reads_another, "--log-format=journal",
		    "<6>", "\n<4>");
}

Test(server_log, lines_have_time_and_level)
{
	struct served s;
	unsigned year;
	int n = 0;

	run(&s, say_the_journal_reads, "--log-format=time");
	cr_expect_eq(sscanf(s.text,
			    "%4u-%*2u-%*2uT%*2u:%*2u:%*2u.%*3uZ info "
			    "weir-server: echo listening on %n",
			    &year, &n),
		     1);
	cr_expect_gt(n, 0, "%s", s.text);
	cr_expect_gt(year, 2024);
	cr_expect(strstr(s.text, "Z warning weir-server: echo: a client "),
		  "%s", s.text);
	served_forget(&s);
}

/* -- what is not said -- */

static size_t count_lines(const struct served *s, const char *part)
{
	size_t n = 0;

	for (const char *at = s->text; (at = strstr(at, part)); at++)
		n++;
	return n;
}

/* A load balancer connects, to see that the server listens, and leaves. Who
 * says something does so where nobody is hurried. */
Test(server_log, health_checks_have_no_line)
{
	struct served s;
	char hurried[SERVED_ADDRESS_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "echo=127.0.0.1:0,idle=50ms", "echo=127.0.0.1:0",
		     NULL);
	served_address(&s, "echo", hurried);
	served_address(&s, "echo", address);
	close_by_reset(dial(hurried, 0));
	close_by_reset(dial(address, 0));
	fd = dial(hurried, 0);
	expect_end(fd);
	close(fd);
	fd = dial(address, 0);
	expect_echo(fd, "said something");
	close_by_reset(fd);
	served_line(&s, ": reset, ");
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	cr_expect_eq(count_lines(&s, ": reset, "), 1);
	cr_expect_eq(count_lines(&s, ": idle, "), 0);
	served_forget(&s);
}

/* A client that has said something, and is gone by reset. */
static void come_and_reset(const char *address)
{
	int fd = dial(address, 0);

	expect_echo(fd, "x");
	close_by_reset(fd);
}

/* What is not told at once is told as a number, in a second that follows. */
Test(server_log, counts_the_lines_that_it_leaves_out)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	uint64_t start;
	uint64_t n_seconds = 0;
	unsigned long long n_left_out = 0;
	unsigned long long n_told;
	const char *told;
	size_t n_lines;
	size_t n = 0;

	served_start(&s, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	start = clock_read(CLOCK_MONOTONIC);
	for (; n < 100 || n_seconds < 3; n++) {
		come_and_reset(address);
		n_seconds =
			(clock_read(CLOCK_MONOTONIC) - start) / CLOCK_NS_PER_S;
	}
	/* surely in another second than most */
	come_and_reset(address);
	n++;
	served_line(&s, " lines like this one");
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	n_lines = count_lines(&s, ": reset, ");
	cr_expect_leq(n_lines, 10 * (n_seconds + 2) + 1);
	for (told = s.text; (told = strstr(told, "unread (")); told++) {
		sscanf(told, "unread (%llu lines like this one", &n_told);
		n_left_out += n_told;
	}
	cr_expect_gt(n_left_out, 0);
	cr_expect_leq(n_lines + n_left_out, n);
	served_forget(&s);
}

Test(server_log, refusals_are_lines_that_it_leaves_out_too)
{
	uint64_t start = clock_read(CLOCK_MONOTONIC);
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	uint64_t n_seconds;

	served_start(&s, "echo=127.0.0.1:0,accept-proxy,trusted=10.0.0.0/8",
		     NULL);
	served_address(&s, "echo", address);
	for (int i = 0; i < 300; i++)
		expect_reset_at(address);
	n_seconds = (clock_read(CLOCK_MONOTONIC) - start) / CLOCK_NS_PER_S;
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	cr_expect_leq(count_lines(&s, "from no trusted network"),
		      10 * (n_seconds + 2));
	cr_expect_geq(count_lines(&s, "from no trusted network"), 10);
	served_forget(&s);
}

/* -- a file -- */

/* Read the file until part is in it. */
static void await_in_file(const char *path, const char *part,
			  char text[FILE_SIZE])
{
	text[0] = '\0';
	for (int i = 0; !strstr(text, part); i++) {
		FILE *file = fopen(path, "re");

		if (i > PATIENCE_S * 1000 / TICK_MS / 2)
			harness_die("%s: no '%s', only '%s'", path, part, text);
		if (file) {
			text[fread(text, 1, FILE_SIZE - 1, file)] = '\0';
			fclose(file);
		}
		(void)poll(NULL, 0, TICK_MS);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

Test(server_log, goes_to_a_file_that_sighup_opens_again)
{
	static const char before[] = "of another server, before\n";
	char folder[] = "/tmp/weir-log-XXXXXX";
	char option[72];
	char path[64];
	char old[64];
	char text[FILE_SIZE];
	struct served s;

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(old, sizeof old, "%s/old", folder);
	snprintf(option, sizeof option, "--log=%s", path);
	write_file(path, before);
	served_start(&s, option, "echo=127.0.0.1:0", NULL);
	await_in_file(path, "Z info weir-server: echo listening on ", text);
	cr_expect_eq(strncmp(text, before, strlen(before)), 0, "%s", text);
	cr_assert_eq(rename(path, old), 0);
	kill(s.pid, SIGHUP);
	await_in_file(path, "Z info weir-server: SIGHUP", text);
	cr_expect_eq(strstr(text, "listening"), NULL);
	/* it cannot be opened again: the lines stay where they are */
	cr_assert_eq(unlink(old), 0);
	cr_assert_eq(rename(path, old), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	kill(s.pid, SIGHUP);
	await_in_file(old, "cannot be opened again: Is a directory", text);
	kill(s.pid, SIGTERM);
	cr_expect_eq(served_wait(&s), 0);
	cr_expect_str_empty(s.text);
	served_forget(&s);
	rmdir(path);
	unlink(old);
	rmdir(folder);
}

Test(server_log, a_file_that_cannot_be_opened_is_told)
{
	expect_refusal((const char *[]){"--log=/nowhere/log",
					"echo=127.0.0.1:0", NULL},
		       "--log /nowhere/log: No such file or directory");
}
