/* weir-server and clients that read slower than it writes. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	MIB = 1048576,
	PIECE = 16384,
	SMALL_RCVBUF = 16384,
	PEAK_KIB = 8192
};

TestSuite(server_flow, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char address[SERVED_ADDRESS_SIZE];

/* -- echo -- */

/* The writing end of a stream that is echoed. */
struct writer {
	int fd;
	uint64_t n_written;
	uint64_t n_all;
	unsigned n_refusals; /* the server did not read on */
};

static void write_some(struct writer *w)
{
	unsigned char data[4 * PIECE];
	uint64_t left = w->n_all - w->n_written;
	size_t n = left < sizeof data ? (size_t)left : sizeof data;
	ssize_t n_sent;

	if (n == 0)
		return;
	harness_fill(data, n, 1, w->n_written);
	n_sent = send(w->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n_sent < 0)
		cr_assert_eq(errno, EAGAIN);
	if (n_sent < (ssize_t)n)
		w->n_refusals++;
	w->n_written += n_sent > 0 ? (uint64_t)n_sent : 0;
}

static void await_input(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	cr_assert_eq(poll(&pollfd, 1, 1000 * PATIENCE_S), 1);
}

Test(server_flow, echoes_to_a_slow_reader_exactly_while_others_go_on)
{
	struct writer writer = {.n_all = 16 * MIB};
	struct harness_peer reader = {.seed = 1};
	int other;

	served_start(&s, "--sndbuf=16K", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	other = dial(address, 0);
	writer.fd = reader.fd = dial(address, SMALL_RCVBUF);
	while (reader.n_received < writer.n_all) {
		write_some(&writer);
		expect_echo(other, "still here?");
		if (harness_peer_read(&reader, PIECE) == 0)
			await_input(reader.fd);
	}
	shutdown(writer.fd, SHUT_WR);
	expect_end(writer.fd);
	cr_assert_gt(writer.n_refusals, 0);
	if (!served_is_sanitized())
		cr_assert_lt(served_kib(&s, "VmHWM"), PEAK_KIB);
	close(writer.fd);
	close(other);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- chargen -- */

/* RFC 864, character by character. */
static char pattern_at(uint64_t offset)
{
	uint64_t line = offset / 74;
	uint64_t column = offset % 74;

	if (column >= 72)
		return column == 72 ? '\r' : '\n';
	return (char)(' ' + (line + column) % 95);
}

static void check_pattern(int fd, uint64_t begin, uint64_t end)
{
	char data[PIECE];

	while (begin < end) {
		uint64_t left = end - begin;
		size_t n = left < PIECE ? (size_t)left : PIECE;

		harness_read(fd, data, n);
		for (size_t i = 0; i < n; i++)
			cr_assert(data[i] == pattern_at(begin + i));
		begin += n;
	}
}

static void check_chargen(const char *option, int rcvbuf)
{
	int fd;

	served_start(&s, "chargen=127.0.0.1:0", option, NULL);
	served_address(&s, "chargen", address);
	fd = dial(address, rcvbuf);
	check_pattern(fd, 0, 3 * MIB);
	harness_write(fd, "ignored", 7);
	check_pattern(fd, 3 * MIB, 6 * MIB);
	shutdown(fd, SHUT_WR);
	check_pattern(fd, 6 * MIB, 9 * MIB);
	if (!served_is_sanitized())
		cr_assert_lt(served_kib(&s, "VmHWM"), PEAK_KIB);
	close(fd);
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	/* a client that leaves has lost nothing */
	cr_assert_not(strstr(s.text, "chargen 127.0.0.1:"), "%s", s.text);
	served_forget(&s);
}

Test(server_flow, generates_the_characters_of_rfc_864)
{
	check_chargen("--backlog=1", 0);
}

Test(server_flow, generates_them_through_small_buffers)
{
	check_chargen("--sndbuf=8K", SMALL_RCVBUF);
}

Test(server_flow, generates_them_with_a_queue_as_small_as_may_be)
{
	check_chargen("--high=1", SMALL_RCVBUF);
}

Test(server_flow, serves_others_beside_a_chargen_at_full_speed)
{
	char chargen[SERVED_ADDRESS_SIZE];
	char echo[SERVED_ADDRESS_SIZE];
	uint64_t n = 0;
	int fast;
	int other;

	served_start(&s, "chargen=127.0.0.1:0", "echo=127.0.0.1:0", NULL);
	served_address(&s, "chargen", chargen);
	served_address(&s, "echo", echo);
	fast = dial(chargen, 0);
	other = dial(echo, 0);
	for (; n < 4 * MIB; n += PIECE) {
		check_pattern(fast, n, n + PIECE);
		expect_echo(other, "still here?");
	}
	close(fast);
	close(other);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- stall -- */

Test(server_flow, cuts_off_who_takes_nothing_and_nobody_else)
{
	static const char data[MIB];
	const char *line;
	int idle;
	int greedy;

	served_start(&s, "--stall=200ms", "--sndbuf=16K", "echo=127.0.0.1:0",
		     NULL);
	served_address(&s, "echo", address);
	idle = dial(address, 0);
	greedy = dial(address, SMALL_RCVBUF);
	/* until it has been cut off */
	(void)!send(greedy, data, sizeof data, MSG_NOSIGNAL);
	line = served_line(&s, ": stalled, ");
	cr_assert(strstr(line, "weir-server: echo 127.0.0.1:"), "%s", line);
	cr_assert_gt(strtoul(strstr(line, "stalled, ") + 9, NULL, 10), 0);
	expect_echo(idle, "still here");
	close(greedy);
	close(idle);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_flow, cuts_off_a_chargen_client_who_takes_nothing)
{
	int fd;

	served_start(&s, "--stall=200ms", "chargen=127.0.0.1:0", NULL);
	served_address(&s, "chargen", address);
	fd = dial(address, SMALL_RCVBUF);
	served_line(&s, "stalled");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- memory -- */

static void limit_memory(rlim_t n_bytes)
{
	struct rlimit limit = {.rlim_cur = n_bytes, .rlim_max = RLIM_INFINITY};

	cr_assert_eq(prlimit(s.pid, RLIMIT_AS, &limit, NULL), 0);
}

/* The server may take no more memory: sooner or later a client has no room. */
Test(server_flow, turns_a_client_away_for_want_of_memory_and_goes_on)
{
	static int fds[2000];
	size_t n = 0;
	int last = 0;

	if (served_is_sanitized())
		cr_skip_test("a sanitizer needs memory without limit");
	served_start(&s, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fds[n++] = dial(address, 0);
	expect_echo(fds[0], "let in");
	limit_memory(1);
	while (last == 0 && n < 2000) {
		fds[n] = dial(address, 0);
		/* it may have been reset already */
		(void)send(fds[n], "?", 1, MSG_NOSIGNAL);
		await_input(fds[n]);
		last = recv(fds[n++], &(char){0}, 1, 0) != 1;
	}
	cr_assert(last, "%zu clients were let in", n);
	served_line(&s, "echo: a client turned away: ");
	expect_echo(fds[0], "still here");
	limit_memory(RLIM_INFINITY);
	fds[n] = dial(address, 0);
	expect_echo(fds[n], "welcome again");
	do
		close(fds[n]);
	while (n-- > 0);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- standard error -- */

/* The test does not listen: the pipe is full long before the last of them. */
Test(server_flow, waits_for_nobody_who_ought_to_read_standard_error)
{
	enum {
		N_CLIENTS = 600
	};
	char hello[1001] = "";
	int fd;

	memset(hello, '\x01', sizeof hello - 1);
	served_start(&s, "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	for (size_t i = 0; i < N_CLIENTS; i++) {
		fd = dial(address, 0);
		expect_greeting(fd, hello);
		close(fd);
	}
	served_line(&s, "greet 2"); /* a piece of the pipe is free again */
	fd = dial(address, 0);
	expect_greeting(fd, "heard again");
	close(fd);
	served_line(&s, " lines lost: standard error took no more");
	served_line(&s, ": heard again");
	cr_assert_eq(served_stop(&s), 0);
}
