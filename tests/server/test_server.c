/* weir-server as people start it: every service on every kind of address. */
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_HELD = 10000,
	TEXT_SIZE = 256
};

TestSuite(server, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static const char *const names[] = {"greet", "echo", "discard", "chargen"};

/* -- each service -- */

/* How the server names a client of this process. */
static void own_name(const char *address, char name[TEXT_SIZE])
{
	if (strstr(address, "unix:"))
		snprintf(name, TEXT_SIZE, " unix:pid=%d: ", (int)getpid());
	else
		snprintf(name, TEXT_SIZE,
			 " %.*s:", (int)(strrchr(address, ':') - address),
			 address);
}

static void check_greet(struct served *s, const char *address)
{
	int fd = dial(address, 0);
	char name[TEXT_SIZE];
	const char *line;

	own_name(address, name);
	expect_greeting(fd, "Hey~~~");
	line = served_line(s, "weir-server: greet ");
	cr_assert(strstr(line, name) && strstr(line, ": Hey~~~"), "%s", line);
	close(fd);
}

static void check_echo(const char *address)
{
	int fd = dial(address, 0);

	expect_echo(fd, "one");
	expect_echo(fd, "two");
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
}

static void check_discard(const char *address)
{
	static const char nothing[100000];
	int fd = dial(address, 0);

	harness_write(fd, nothing, sizeof nothing);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
}

static void check_chargen(const char *address)
{
	static const char begin[] =
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"[\\]^_`abcdefg\r\n"
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"[\\]^_`abcdefgh\r\n";
	char data[sizeof begin - 1];
	int fd = dial(address, 0);

	harness_read(fd, data, sizeof data);
	cr_assert_arr_eq(data, begin, sizeof data);
	close(fd);
}

static void check_services(const char *where[4])
{
	char offers[4][TEXT_SIZE];
	char addresses[4][SERVED_ADDRESS_SIZE];
	struct served s;

	for (size_t i = 0; i < 4; i++)
		snprintf(offers[i], TEXT_SIZE, "%s=%s", names[i], where[i]);
	served_start(&s, offers[0], offers[1], offers[2], offers[3], NULL);
	for (size_t i = 0; i < 4; i++)
		served_address(&s, names[i], addresses[i]);
	check_greet(&s, addresses[0]);
	check_echo(addresses[1]);
	check_discard(addresses[2]);
	check_chargen(addresses[3]);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server, serves_all_services_over_ipv4)
{
	const char *where[4] = {"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0",
				"127.0.0.1:0"};

	check_services(where);
}

Test(server, serves_all_services_over_ipv6)
{
	const char *where[4] = {"[::1]:0", "[::1]:0", "[::1]:0", "[::1]:0"};

	if (!harness_has_v6())
		cr_skip_test("this machine has no ::1");
	check_services(where);
}

Test(server, serves_all_services_over_unix_paths)
{
	const char *where[4];
	char texts[4][WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < 4; i++) {
		struct weir_address path = harness_unix_path(names[i]);

		where[i] =
			weir_address_format(&path, texts[i], sizeof texts[i]);
	}
	check_services(where);
	harness_remove_folder();
}

Test(server, serves_all_services_over_abstract_unix_names)
{
	const char *where[4];
	char texts[4][TEXT_SIZE];

	for (size_t i = 0; i < 4; i++) {
		snprintf(texts[i], TEXT_SIZE, "unix:@weir-%s-%d", names[i],
			 (int)getpid());
		where[i] = texts[i];
	}
	check_services(where);
}

/* -- where it listens -- */

Test(server, listens_at_every_address_of_a_port)
{
	struct served s;
	char v6[SERVED_ADDRESS_SIZE];
	char v4[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "echo=:0", NULL);
	served_address(&s, "echo", v6);
	if (strncmp(v6, "[::]:", 5) != 0) {
		cr_assert_eq(served_stop(&s), 0);
		cr_skip_test("this kernel has no IPv6");
	}
	served_address(&s, "echo", v4);
	cr_assert_eq(strncmp(v4, "0.0.0.0:", 8), 0, "%s", v4);
	fd = dial(v4, 0);
	expect_echo(fd, "over IPv4");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* A network of the test's own, where the default ports are free for sure. */
static bool enter_own_network(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;
	int error;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	error = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return error == 0;
}

Test(server, serves_all_at_its_default_addresses)
{
	static const char *const expected[4] = {
		"127.0.0.1:6789", "127.0.0.1:7007", "127.0.0.1:7009",
		"127.0.0.1:7019"};
	struct served s;
	char addresses[4][SERVED_ADDRESS_SIZE];

	if (!enter_own_network())
		cr_skip_test("no right to a network where the ports are free");
	served_start(&s, NULL);
	for (size_t i = 0; i < 4; i++) {
		served_address(&s, names[i], addresses[i]);
		cr_assert_str_eq(addresses[i], expected[i]);
	}
	served_line(&s, "weir-client 127.0.0.1:6789 'Hey~~~'");
	check_greet(&s, addresses[0]);
	check_echo(addresses[1]);
	check_discard(addresses[2]);
	check_chargen(addresses[3]);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- greet -- */

Test(server, logs_a_thousand_bytes_and_no_control_character)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char hello[2001] = "\x1b[2J\t\\\r\n\x01\x80\xff";
	const char *line;
	int fd;

	memset(hello + 11, 'x', sizeof hello - 12);
	served_start(&s, "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	fd = dial(address, 0);
	expect_greeting(fd, hello);
	line = strstr(served_line(&s, "greet 2"), ": \\");
	cr_assert(line);
	line += 2;
	cr_assert_eq(strncmp(line, "\\x1b[2J\\t\\\\\\r\\n\\x01\\x80\\xffx", 27),
		     0, "%s", line);
	cr_assert_eq(strlen(strchr(line, 'f') + 2), 1000 - 11);
	for (; *line; line++)
		cr_assert(*line >= ' ' && *line <= '~');
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server, finishes_a_client_of_greet_who_says_nothing)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	fd = dial(address, 0);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* It does not say when it listens: try until it does. */
static int dial_when_up(const char *address)
{
	struct weir_address a = harness_address(address);
	int fd;

	do {
		sched_yield();
		fd = harness_connect(&a);
	} while (fd == -ECONNREFUSED);
	cr_assert_geq(fd, 0);
	return fd;
}

Test(server, says_nothing_when_quiet)
{
	char endpoint[TEXT_SIZE];
	struct served s;
	int fd;

	snprintf(endpoint, sizeof endpoint, "greet=unix:@weir-quiet-%d",
		 (int)getpid());
	served_start(&s, "--quiet", endpoint, NULL);
	fd = dial_when_up(strchr(endpoint, '=') + 1);
	expect_greeting(fd, "Hey~~~");
	close(fd);
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	cr_assert_str_eq(s.text, "");
	served_forget(&s);
}

static bool may_open(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	return limit.rlim_max >= n && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void greet_once(const char *address)
{
	int fd = dial(address, 0);

	expect_greeting(fd, "Me too");
	close(fd);
}

/* As many shells have it: the server is to raise it by itself. */
static void lower_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The one more that comes last is let in after all of them. */
Test(server, holds_ten_thousand_clients_and_greets_them_all)
{
	static const char *const arguments[] = {"greet=127.0.0.1:0", NULL};
	static int fds[N_HELD];
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	size_t kib;
	size_t n_fds;

	if (!may_open(N_HELD + 100))
		cr_skip_test("RLIMIT_NOFILE does not allow 10,000 clients");
	served_start_prepared(&s, lower_limit, arguments);
	served_address(&s, "greet", address);
	n_fds = served_count_fds(&s);
	/* what it takes once is there when it serves */
	greet_once(address);
	kib = served_kib(&s, "VmRSS");
	for (size_t i = 0; i < N_HELD; i++)
		fds[i] = dial(address, 0);
	greet_once(address);
	cr_assert_geq(served_count_fds(&s), n_fds + N_HELD);
	kib = served_kib(&s, "VmRSS") - kib;
	if (!served_is_sanitized())
		cr_assert_leq(kib * 1024 / N_HELD, 276);
	for (size_t i = 0; i < N_HELD; i++) {
		expect_greeting(fds[i], "Hey~~~");
		served_line(&s, ": Hey~~~");
		close(fds[i]);
	}
	cr_assert_eq(served_stop(&s), 0);
}
