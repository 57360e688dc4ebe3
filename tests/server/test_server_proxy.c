/* --accept-proxy: no client is served before its PROXY header has come, and then
 * its address is what the header says. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "harness_net.h"
#include "test_server_relay.h"

enum {
	N_FLOOD = 400, /* far more a second than lines are printed */
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	PATIENCE_MS = 20000,
	MIB = 1048576,
	N_V2 = 28,
	N_LOCAL = 16,
	MAX_GUESTS = 2000
};

/* 192.0.2.1:56324 connects to 192.0.2.2:443. */
static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
static const char binary[N_V2 + 1] =
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\xdc\4\x01\xbb";
static const char local[N_LOCAL + 1] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

TestSuite(server_proxy, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static void start(struct served *s, const char *service, const char *option,
		  char address[SERVED_ADDRESS_SIZE])
{
	char endpoint[64];

	snprintf(endpoint, sizeof endpoint, "%s=127.0.0.1:0", service);
	served_start(s, "--accept-proxy", endpoint, option, NULL);
	served_address(s, service, address);
}

/* -- whom the header names -- */

/* A client with this header that greets; expected NULL: its own address. */
static void check_named(struct served *s, const char *address,
			const void *header, size_t n, const char *expected)
{
	char own[WEIR_ADDRESS_TEXT_SIZE];
	char greeting[2 * WEIR_ADDRESS_TEXT_SIZE];
	int fd = dial(address, 0);

	own_address(fd, own);
	snprintf(greeting, sizeof greeting, " %s: Hey~~~",
		 expected ? expected : own);
	harness_write(fd, header, n);
	expect_greeting(fd, "Hey~~~");
	close(fd);
	served_line(s, greeting);
}

Test(server_proxy, takes_the_client_for_whom_the_header_names)
{
	static const char line6[] = "PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
	static const char unknown[] = "PROXY UNKNOWN and more\r\n";
	struct served s;
	char address[SERVED_ADDRESS_SIZE];

	start(&s, "greet", NULL, address);
	check_named(&s, address, line, strlen(line), "192.0.2.1:56324");
	check_named(&s, address, line6, strlen(line6), "[2001:db8::1]:1");
	check_named(&s, address, binary, N_V2, "192.0.2.1:56324");
	check_named(&s, address, local, N_LOCAL, NULL);
	check_named(&s, address, unknown, strlen(unknown), NULL);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_proxy, names_the_clients_of_a_unix_socket)
{
	struct served s;
	char endpoint[64];
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	snprintf(endpoint, sizeof endpoint, "greet=unix:@weir-proxy-%d",
		 (int)getpid());
	served_start(&s, "--accept-proxy", endpoint, NULL);
	served_address(&s, "greet", address);
	fd = dial(address, 0);
	harness_write(fd, line, strlen(line));
	expect_greeting(fd, "Hey~~~");
	served_line(&s, " 192.0.2.1:56324: Hey~~~");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- what follows it -- */

static void check_all_the_rest(const void *header, size_t n)
{
	enum {
		N_REST = 100000
	};
	static unsigned char data[N_LOCAL + N_V2 + 64 + N_REST];
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	start(&s, "echo", NULL, address);
	fd = dial(address, 0);
	memcpy(data, header, n);
	harness_fill(data + n, N_REST, 1, 0);
	harness_write(fd, data, n + N_REST);
	read_pattern(fd, N_REST, 1);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_proxy, leaves_all_that_follows_a_line_to_the_service)
{
	check_all_the_rest(line, strlen(line));
}

Test(server_proxy, leaves_all_that_follows_a_binary_header_to_the_service)
{
	check_all_the_rest(binary, N_V2);
}

/* Most bytes come by themselves; that they all do cannot be forced. */
static void write_bytes(int fd, const char *bytes, size_t n)
{
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
				sizeof(int)),
		     0);
	for (size_t i = 0; i < n; i++) {
		(void)poll(NULL, 0, 1);
		harness_write(fd, bytes + i, 1);
	}
}

Test(server_proxy, understands_headers_that_come_byte_by_byte)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[2];

	start(&s, "greet", NULL, address);
	fds[0] = dial(address, 0);
	fds[1] = dial(address, 0);
	write_bytes(fds[0], line, strlen(line));
	write_bytes(fds[1], binary, N_V2);
	for (size_t i = 0; i < 2; i++) {
		expect_greeting(fds[i], "Hey~~~");
		close(fds[i]);
		served_line(&s, " 192.0.2.1:56324: Hey~~~");
	}
	cr_assert_eq(served_stop(&s), 0);
}

/* chargen would speak at once. */
Test(server_proxy, says_nothing_before_the_header)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char byte;
	int fd;

	start(&s, "chargen", NULL, address);
	fd = dial(address, 0);
	harness_write(fd, line, strlen(line) - 1);
	/* that half may be taken or not: the server does turn meanwhile */
	for (int i = 0; i < 3; i++) {
		int other = dial(address, 0);

		harness_write(other, line, strlen(line));
		harness_read(other, &byte, 1);
		close(other);
	}
	cr_assert_lt(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	cr_assert_eq(errno, EAGAIN);
	harness_write(fd, "\n", 1);
	harness_read(fd, &byte, 1);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- clients without a header -- */

static void expect_closed(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char byte;

	cr_assert_gt(poll(&pollfd, 1, PATIENCE_MS), 0, "it hangs");
	cr_assert_leq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static void check_turned_away(struct served *s, const char *address,
			      const char *said, const char *expected)
{
	char start_of_line[2 * WEIR_ADDRESS_TEXT_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	int fd = dial(address, 0);

	own_address(fd, own);
	snprintf(start_of_line, sizeof start_of_line,
		 "weir-server: echo: a client turned away: %s: ", own);
	harness_write(fd, said, strlen(said));
	shutdown(fd, SHUT_WR);
	served_line(s, start_of_line);
	cr_assert(strstr(s->line, expected), "%s", s->line);
	expect_closed(fd);
}

Test(server_proxy, turns_away_who_has_no_header_and_says_why)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];

	start(&s, "echo", NULL, address);
	check_turned_away(&s, address, "GET / HTTP/1.0\r\n\r\n",
			  "wrong PROXY header: expected PROXY, or the "
			  "signature of version 2");
	check_turned_away(&s, address, "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
			  "wrong PROXY header: expected PROXY TCP4 with two "
			  "IPv4 addresses and two ports");
	check_turned_away(&s, address, "PROXY TCP4 1.2.3.4 1.2",
			  "ended before its PROXY header did");
	cr_assert_eq(served_stop(&s), 0);
}

/* However many there are, they do not fill the log: a few lines a second tell
 * of them, and of how many there were. Those that say nothing are health
 * checks, and told by no line. */
Test(server_proxy, tells_of_a_flood_in_a_few_lines)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	uint64_t began = clock_read(CLOCK_MONOTONIC);
	uint64_t n_seconds;
	size_t n_lines = 0;

	start(&s, "echo", NULL, address);
	for (int i = 0; i < N_FLOOD; i++) {
		int fd = dial(address, 0);

		harness_write(fd, "GET /", i % 2 ? 5 : 0);
		shutdown(fd, SHUT_WR);
		expect_closed(fd);
	}
	n_seconds = (clock_read(CLOCK_MONOTONIC) - began) / CLOCK_NS_PER_S;
	/* nor do they hide a failure of another kind */
	check_turned_away(&s, address, "PROXY TCP4 1.2.3.4 1.2",
			  "ended before its PROXY header did");
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	for (const char *at = s.text; (at = strstr(at, "turned away")); at++)
		n_lines++;
	cr_expect_gt(n_lines, 0);
	cr_expect_leq(n_lines, 10 * (n_seconds + 2) + 1);
	served_forget(&s);
}

static unsigned long cpu_ticks(const struct served *s)
{
	char path[64];
	unsigned long user = 0;
	unsigned long system = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)s->pid);
	file = fopen(path, "re");
	cr_assert(file);
	cr_assert_eq(fscanf(file,
			    "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
			    "%*u %lu %lu",
			    &user, &system),
		     2);
	fclose(file);
	return user + system;
}

/* And waits without a turn in between: it would be seconds otherwise. */
Test(server_proxy, waits_for_a_header_idly_and_not_for_ever)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int silent;
	int slow;

	start(&s, "echo", NULL, address);
	silent = dial(address, 0);
	slow = dial(address, 0);
	harness_write(slow, binary, 10);
	/* of which either may be told first */
	served_line(&s, "expected a PROXY header within 5 s, got ");
	served_line(&s, "expected a PROXY header within 5 s, got ");
	cr_expect(strstr(s.text, "got 0 bytes"), "%s", s.text);
	cr_expect(strstr(s.text, "got 10 bytes"), "%s", s.text);
	expect_closed(silent);
	expect_closed(slow);
	cr_assert_lt(cpu_ticks(&s), (unsigned long)sysconf(_SC_CLK_TCK));
	cr_assert_eq(served_stop(&s), 0);
}

/* -- their number -- */

Test(server_proxy, counts_those_who_wait_among_max_conns)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[3];

	start(&s, "echo", "--max-conns=2", address);
	for (int round = 0; round < 3; round++) {
		fds[0] = dial(address, 0);
		fds[1] = dial(address, 0);
		fds[2] = dial(address, 0);
		expect_closed(fds[2]);
		/* one leaves before it is served, the other after */
		harness_write(fds[0], line, 5);
		close(fds[0]);
		served_line(&s, "ended before");
		harness_write(fds[1], line, strlen(line));
		expect_echo(fds[1], "let in");
		shutdown(fds[1], SHUT_WR);
		expect_end(fds[1]);
		close(fds[1]);
	}
	cr_assert_eq(served_stop(&s), 0);
}

static void limit_memory(const struct served *s, rlim_t n_bytes)
{
	struct rlimit limit = {.rlim_cur = n_bytes, .rlim_max = RLIM_INFINITY};

	cr_assert_eq(prlimit(s->pid, RLIMIT_AS, &limit, NULL), 0);
}

Test(server_proxy, turns_away_whom_there_is_no_memory_to_wait_for)
{
	static int fds[MAX_GUESTS];
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	size_t n = 0;
	struct pollfd pollfd = {.events = POLLIN};

	if (served_is_sanitized())
		cr_skip_test("a sanitizer needs memory without limit");
	start(&s, "echo", NULL, address);
	fds[n++] = dial(address, 0);
	harness_write(fds[0], line, strlen(line));
	expect_echo(fds[0], "let in");
	limit_memory(&s, 1);
	do {
		cr_assert_lt(n, MAX_GUESTS);
		pollfd.fd = fds[n++] = dial(address, 0);
		/* its answer comes in the turn after at the latest */
		expect_echo(fds[0], "still here?");
	} while (poll(&pollfd, 1, 0) == 0);
	served_line(&s, "turned away: Cannot allocate memory");
	limit_memory(&s, RLIM_INFINITY);
	harness_write(fds[1], line, strlen(line));
	expect_echo(fds[1], "welcome");
	while (n > 0)
		close(fds[--n]);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- draining -- */

Test(server_proxy, drains_those_whose_header_is_there_and_nobody_else)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char back[6];
	int silent;
	int fd;

	start(&s, "echo", NULL, address);
	served_halt(&s);
	silent = dial(address, 0);
	fd = dial(address, 0);
	harness_write(fd, line, strlen(line));
	harness_write(fd, "Hey~~~", 6);
	kill(s.pid, SIGTERM);
	served_go_on(&s);
	harness_read(fd, back, 6);
	cr_assert_arr_eq(back, "Hey~~~", 6);
	expect_end(fd);
	expect_closed(silent);
	served_line(&s, "the server stops, and waits for no PROXY header");
	close(fd);
	cr_assert_eq(served_wait(&s), 0);
	served_forget(&s);
}

/* -- what needs none -- */

Test(server_proxy, expects_none_of_datagrams)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	struct weir_address a;
	char back[8];
	int fd;

	served_start(&s, "--accept-proxy", "echo=udp:127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	a = harness_address(address);
	fd = harness_connect(&a);
	harness_write(fd, "Hey~~~", 6);
	harness_read(fd, back, 6);
	cr_assert_arr_eq(back, "Hey~~~", 6);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}
