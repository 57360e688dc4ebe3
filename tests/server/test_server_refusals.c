/* What weir-server refuses, in one line, before anything is started. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	REFUSED = 2,
	NOBODY = 65534,
	CANNOT_EXEC = 127,
	ENDPOINT_SIZE = 256,
	LINE_SIZE = 512
};

TestSuite(server_refusals, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- the command line -- */

Test(server_refusals, options_that_do_not_exist)
{
	expect_refusal_of("--foo",
			  "--foo: there is no such option, see --help");
	expect_refusal_of("--foo=1",
			  "--foo=1: there is no such option, see --help");
	expect_refusal_of("-q", "-q: there are no short options, see --help");
	expect_refusal_of("--quiet=1", "--quiet=1: expected no value");
}

static void expect_bad_value(const char *option, const char *value,
			     const char *expected)
{
	const char *const apart[] = {option, value, NULL};
	char joined[ENDPOINT_SIZE];
	char line[LINE_SIZE];

	snprintf(line, sizeof line, "%s %s: expected %s", option, value,
		 expected);
	snprintf(joined, sizeof joined, "%s=%s", option, value);
	expect_refusal(apart, line);
	expect_refusal_of(joined, line);
}

Test(server_refusals, sizes_that_are_none)
{
	static const char *const options[] = {
		"--low",    "--high",	  "--max",	    "--sndbuf",
		"--rcvbuf", "--min-rate", "--notsent-lowat"};
	const size_t n_options = sizeof options / sizeof *options;
	static const char *const values[] = {
		"",	"0",	 "0K",	       "-1",
		"+1",	" 1",	 "1k",	       "1KB",
		"1.5.", "K",	 "1G1",	       "0x10",
		"2G",	"1025M", "1073741825", "18446744073709551617"};
	const char *expected = "a size from 1 to 1G, such as 65536, 64K or 1M";

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		expect_bad_value(options[i % n_options], values[i], expected);
}

Test(server_refusals, times_that_are_none)
{
	static const char *const values[] = {"",
					     "60",
					     "0s",
					     "-1s",
					     "1d",
					     "1 s",
					     "s",
					     "1.5.0s",
					     "1S",
					     "1000001m",
					     "18446744073709551617ns"};
	static const char *const options[] = {"--stall", "--linger", "--idle",
					      "--drain"};
	const char *expected =
		"a time from 1ns to 1000000m, such as 500ms, 60s or 2m";

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		expect_bad_value(options[i % 4], values[i], expected);
}

Test(server_refusals, numbers_that_are_none)
{
	const char *expected = "a number from 1 to 2147483647";

	expect_bad_value("--max-conns", "0", expected);
	expect_bad_value("--max-conns", "many", expected);
	expect_bad_value("--workers", "0", "a number from 1 to 256");
	expect_bad_value("--workers", "257", "a number from 1 to 256");

	expect_bad_value("--backlog", "0", expected);
	expect_bad_value("--backlog", "-5", expected);
	expect_bad_value("--backlog", "5K", expected);
	expect_bad_value("--backlog", "2147483648", expected);
}

Test(server_refusals, values_of_a_kind_of_their_own)
{
	const char *budget = "a size from 64K to 1024G, such as 64M";
	const char *grace = "0, or a time up to 1000000m, such as 5s";

	expect_bad_value("--budget", "0", budget);
	expect_bad_value("--budget", "63K", budget);
	expect_bad_value("--budget", "1025G", budget);
	expect_bad_value("--grace", "5", grace);
	expect_bad_value("--grace", "-1s", grace);
	expect_bad_value("--slow", "kill",
			 "drop-newest, drop-oldest or disconnect");
}

/* Each worker needs a share that is worth the name. */
Test(server_refusals, a_budget_that_is_too_small_for_the_workers)
{
	const char *const arguments[] = {"--budget=64K", "--workers=2",
					 "echo=127.0.0.1:0", NULL};

	expect_refusal(arguments, "--budget 65536: expected at least 131072 "
				  "for 2 workers");
}

Test(server_refusals, relays_without_a_target)
{
	expect_refusal_of("relay=127.0.0.1:0",
			  "relay=127.0.0.1:0: expected ADDRESS,TARGET");
	expect_refusal_of("relay=,127.0.0.1:1",
			  "relay=,127.0.0.1:1: expected ADDRESS,TARGET");
	expect_refusal_of("relay=127.0.0.1:0,",
			  "relay=...,: expected HOST:PORT, [V6]:PORT, "
			  "unix:PATH or unix:@NAME");
	expect_refusal_of("relay=127.0.0.1:0,udp:127.0.0.1:1",
			  "relay=...,udp:127.0.0.1:1: expected HOST:PORT, "
			  "[V6]:PORT, unix:PATH or unix:@NAME");
	expect_refusal_of("relay=127.0.0.1:0,127.0.0.1:0",
			  "relay=...,127.0.0.1:0: expected HOST:PORT, "
			  "[V6]:PORT, unix:PATH or unix:@NAME");
}

Test(server_refusals, options_without_their_value)
{
	expect_refusal_of("--backlog", "--backlog: expected a value: "
				       "a number from 1 to 2147483647");
	expect_refusal_of("--stall", "--stall: expected a value: a time from "
				     "1ns to 1000000m, such as 500ms, 60s or "
				     "2m");
}

Test(server_refusals, marks_out_of_order)
{
	const char *const low[] = {"--low=2K", "--high=1K", NULL};
	const char *const max[] = {"--high=64K", "--max=127K", NULL};

	expect_refusal(low, "--low 2048: expected at most --high, "
			    "which is 1024");
	expect_refusal_of("--low=300K", "--low 307200: expected at most "
					"--high, which is 262144");
	expect_refusal(max, "--max 130048: expected at least --high + 64K, "
			    "which is 131072");
	expect_refusal_of("--max=256K", "--max 262144: expected at least "
					"--high + 64K, which is 327680");
	expect_refusal_of("--high=1G",
			  "--high 1073741824: expected at most 1073676288");
}

Test(server_refusals, services_that_do_not_exist)
{
	expect_refusal_of("echo", "echo: expected SERVICE=ADDRESS, "
				  "such as echo=127.0.0.1:7007");
	expect_refusal_of("ech=:0",
			  "ech=:0: expected a service: greet, echo, "
			  "discard, chargen, broadcast, events or relay");
	expect_refusal_of("=:0",
			  "=:0: expected a service: greet, echo, "
			  "discard, chargen, broadcast, events or relay");
}

Test(server_refusals, addresses_that_are_none)
{
	static const char *const addresses[] = {
		"",	 "7",	   "1:2",	    ":65536",
		"host",	 "host:",  "[::1:7",	    "127.0.0.1:7x",
		"unix:", "unix:@", "udp:127.0.0.1", "unixgram:"};

	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		char endpoint[ENDPOINT_SIZE];
		char line[LINE_SIZE];

		snprintf(endpoint, sizeof endpoint, "echo=%s", addresses[i]);
		snprintf(line, sizeof line,
			 "%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH or unix:@NAME",
			 endpoint);
		expect_refusal_of(endpoint, line);
	}
}

/* -- addresses that cannot be had -- */

/* Two dots in a row are in no name, so the resolver asks no server. */
Test(server_refusals, a_host_that_does_not_exist)
{
	expect_refusal_of("echo=no..host:7007",
			  "echo=no..host:7007: no such host");
}

Test(server_refusals, an_address_of_another_machine)
{
	expect_refusal_of("echo=192.0.2.1:7007",
			  "echo: cannot listen on 192.0.2.1:7007: "
			  "this machine has no such address");
}

/* Nothing is started: not even what comes before the taken port. */
Test(server_refusals, a_port_that_is_taken)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	struct weir_address path = harness_unix_path("first");
	int listener = harness_listen(&address, 1);
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char first[ENDPOINT_SIZE];
	char second[ENDPOINT_SIZE];
	char line[LINE_SIZE];
	const char *const arguments[] = {"--quiet", first, second, NULL};

	weir_address_format(&path, text, sizeof text);
	snprintf(first, sizeof first, "greet=%s", text);
	weir_address_format(&address, text, sizeof text);
	snprintf(second, sizeof second, "echo=%s", text);
	snprintf(line, sizeof line,
		 "echo: cannot listen on %s: Address already in use", text);
	expect_refusal(arguments, line);
	cr_assert_lt(access(path.sa.un.sun_path, F_OK), 0);
	close(listener);
	harness_remove_folder();
}

static void become_nobody(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
			       setuid(NOBODY) < 0))
		_exit(CANNOT_EXEC);
}

static long first_open_port(void)
{
	FILE *file =
		fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	char text[16] = "1024";

	if (!file)
		return 1024;
	if (!fgets(text, sizeof text, file))
		text[0] = '\0';
	fclose(file);
	return strtol(text, NULL, 10);
}

Test(server_refusals, a_reserved_port_without_the_right)
{
	static const char *const arguments[] = {"echo=127.0.0.1:7", NULL};
	struct served s;
	int status;

	if (first_open_port() <= 7)
		cr_skip_test("no port is reserved on this machine");
	served_start_prepared(&s, become_nobody, arguments);
	status = served_wait(&s);
	if (status == CANNOT_EXEC) {
		served_forget(&s);
		cr_skip_test("another user cannot start the server");
	}
	cr_assert_str_eq(s.text,
			 "weir-server: echo: cannot listen on 127.0.0.1:7: "
			 "the port is reserved, and you are not root\n");
	cr_assert_eq(status, REFUSED);
	served_forget(&s);
}

/* The file of a server that is gone, which only its owner can find out. */
Test(server_refusals, a_socket_file_of_another_user)
{
	struct weir_address path = harness_unix_path("left");
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char endpoint[ENDPOINT_SIZE];
	const char *const arguments[] = {endpoint, NULL};
	int listener = harness_listen(&path, 1);
	struct served s;
	int status;

	if (geteuid() != 0)
		cr_skip_test("there is no other user to be");
	close(listener);
	weir_address_format(&path, text, sizeof text);
	chmod(path.sa.un.sun_path, 0600);
	*strrchr(path.sa.un.sun_path, '/') = '\0';
	chmod(path.sa.un.sun_path, 0755);
	snprintf(endpoint, sizeof endpoint, "echo=%s", text);
	served_start_prepared(&s, become_nobody, arguments);
	status = served_wait(&s);
	harness_remove_folder();
	if (status == CANNOT_EXEC) {
		served_forget(&s);
		cr_skip_test("another user cannot start the server");
	}
	cr_expect(strstr(s.text, ": Permission denied"), "%s", s.text);
	cr_assert_eq(status, REFUSED);
	served_forget(&s);
}

/* -- a name with an address that this machine does not have -- */

/* In a network of its own, in which IPv6 is off, and localhost has it. */
static void leave_ipv6(void)
{
	static const char hosts[] = "127.0.0.1 localhost\n::1 localhost\n";
	char path[] = "/tmp/weir-hosts-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || write(fd, hosts, sizeof hosts - 1) < 0 ||
	    unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, "/etc/hosts", NULL, MS_BIND, NULL) < 0)
		_exit(CANNOT_EXEC);
	close(fd);
	unlink(path);
	fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6",
		  O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		_exit(CANNOT_EXEC);
	close(fd);
}

static bool can_leave_ipv6(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		leave_ipv6();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void check_without_ipv6(const char *endpoint, const char *line,
			       int status)
{
	const char *const arguments[] = {endpoint, NULL};
	struct served s;

	served_start_prepared(&s, leave_ipv6, arguments);
	if (status == 0) {
		served_line(&s, line);
		kill(s.pid, SIGTERM);
	}
	cr_expect_eq(served_wait(&s), status, "%s", s.text);
	cr_expect(strstr(s.text, line), "%s", s.text);
	served_forget(&s);
}

Test(server_refusals, of_a_name_only_all_addresses_together)
{
	if (!can_leave_ipv6())
		cr_skip_test("no network without IPv6 can be made here");
	check_without_ipv6("echo=localhost:0", "listening on 127.0.0.1:", 0);
	check_without_ipv6("echo=[::1]:0",
			   "cannot listen on [::1]:0: this machine has no "
			   "such address",
			   REFUSED);
}
