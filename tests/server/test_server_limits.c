/* The limits that the command line gives to weir-server's connections. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "test_server_relay.h"

enum {
	PATIENCE_S = 60,
	SMALL_RCVBUF = 16384,
	N_DATA = 200000,
	ENDPOINT_SIZE = 256,
	N_DEBTORS = 4
};

TestSuite(server_limits, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char address[SERVED_ADDRESS_SIZE];
static char metrics[SERVED_ADDRESS_SIZE];

static unsigned char data[N_DATA];

/* One too many is reset: a FIN would look like an empty answer. A place that
 * becomes free is given to the next one. */
static void check_max_conns(const char *workers)
{
	int first;
	int second;
	int third;

	served_start(&s, "--max-conns=2", workers, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	first = dial(address, 0);
	second = dial(address, 0);
	expect_echo(first, "one");
	expect_echo(second, "two");
	third = dial(address, 0);
	served_line(&s, "as many as max-conns are here");
	expect_reset(third);
	close(first);
	expect_echo(second, "still here");
	/* until the server has noticed that the first has gone */
	for (bool is_served = false; !is_served; close(third)) {
		char byte = 'x';

		third = dial(address, 0);
		is_served = send(third, &byte, 1, MSG_NOSIGNAL) == 1 &&
			    recv(third, &byte, 1, 0) == 1;
	}
	close(second);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_limits, max_conns_resets_the_excess_at_once)
{
	check_max_conns("--workers=1");
}

Test(server_limits, max_conns_is_for_all_workers_together)
{
	check_max_conns("--workers=4");
}

Test(server_limits, idle_ends_who_says_nothing)
{
	int fd;

	served_start(&s, "--idle=1s", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	served_halt(&s);
	fd = dial(address, 0);
	harness_write(fd, "x", 1);
	served_go_on(&s);
	harness_read(fd, data, 1);
	served_line(&s, ": idle, ");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_limits, min_rate_ends_who_takes_too_little)
{
	int fd;

	/* over a window of 10 s, which is the test's only wait */
	served_start(&s, "--min-rate=1M", "--sndbuf=8K", "echo=127.0.0.1:0",
		     NULL);
	served_address(&s, "echo", address);
	fd = dial(address, SMALL_RCVBUF);
	harness_write(fd, data, sizeof data);
	served_line(&s, ": too_slow, ");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* Each owes less than a half of the budget; all together more than it. */
Test(server_limits, budget_ends_who_owes_most)
{
	int fds[N_DEBTORS];

	served_start(&s, "--budget=256K", "--sndbuf=8K", "echo=127.0.0.1:0",
		     NULL);
	served_address(&s, "echo", address);
	for (int i = 0; i < N_DEBTORS; i++) {
		fds[i] = dial(address, SMALL_RCVBUF);
		/* to the end, unless it is the one that owes most */
		(void)!send(fds[i], data, sizeof data, MSG_NOSIGNAL);
	}
	served_line(&s, ": budget, ");
	for (int i = 0; i < N_DEBTORS; i++)
		close(fds[i]);
	cr_assert_lt(served_stop(&s), 128);
}

/* The timer that the kernel runs for the server's end of fd, as /proc/net/tcp
 * numbers them: 2 is that of keep-alive, 0 is none. */
static int timer_of_peer(int fd)
{
	struct sockaddr_in own = {0};
	struct sockaddr_in peer = {0};
	socklen_t len = sizeof own;
	char line[256];
	FILE *file = fopen("/proc/net/tcp", "re");
	int timer = -1;

	cr_assert(file);
	getsockname(fd, (struct sockaddr *)&own, &len);
	getpeername(fd, (struct sockaddr *)&peer, &len);
	while (fgets(line, sizeof line, file)) {
		unsigned from;
		unsigned to;
		int t;

		if (sscanf(line, " %*d: %*8x:%4x %*8x:%4x %*x %*8x:%*8x %2d",
			   &from, &to, &t) == 3 &&
		    from == ntohs(peer.sin_port) && to == ntohs(own.sin_port))
			timer = t;
	}
	fclose(file);
	return timer;
}

static void check_keepalive(const char *option, int timer)
{
	int fd;

	served_start(&s, option, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	expect_echo(fd, "and no more");
	/* until what was sent is acknowledged, which has a timer of its own */
	while (timer_of_peer(fd) != timer)
		expect_echo(fd, "once more");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_limits, keepalive_probes_silent_peers)
{
	check_keepalive("--workers=2", 2);
	check_keepalive("--keepalive=1s", 2);
	check_keepalive("--keepalive=0", 0);
}

/* -- descriptors -- */

enum {
	N_DESCRIPTORS = 24,
	N_CROWD = 40, /* more than there are descriptors */
	N_ECHOES = 1000
};

static void allow_few_descriptors(void)
{
	struct rlimit limit = {.rlim_cur = N_DESCRIPTORS,
			       .rlim_max = N_DESCRIPTORS};

	setrlimit(RLIMIT_NOFILE, &limit);
}

static void close_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
}

/* Or a descriptor of its own would be taken for standard error. */
Test(server_limits, started_without_standard_error_it_writes_to_nobody)
{
	char endpoint[ENDPOINT_SIZE];
	const char *const arguments[] = {endpoint, NULL};
	char link[ENDPOINT_SIZE];
	char path[ENDPOINT_SIZE] = "";
	struct weir_address to;
	int fd;

	snprintf(endpoint, sizeof endpoint, "greet=unix:@weir-silent-%d",
		 (int)getpid());
	served_start_prepared(&s, close_standard_descriptors, arguments);
	to = harness_address(endpoint + sizeof "greet=" - 1);
	/* it cannot say when it listens */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(fd, &to.sa.any, to.len) < 0)
		cr_assert_eq(errno, ECONNREFUSED);
	expect_greeting(fd, "Hey~~~");
	close(fd);
	snprintf(link, sizeof link, "/proc/%d/fd/2", (int)s.pid);
	cr_assert_gt(readlink(link, path, sizeof path - 1), 0);
	cr_expect_str_eq(path, "/dev/null");
	cr_assert_eq(served_stop(&s), 0);
}

/* How often the server has turned, as /metrics has it. */
static unsigned long count_turns(void)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
	static const char name[] = "\nweir_loop_turns_total{worker=\"0\"} ";
	char text[65536];
	const char *line;
	size_t n = 0;
	ssize_t n_read;
	int fd = dial(metrics, 0);

	harness_write(fd, request, sizeof request - 1);
	while ((n_read = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	text[n] = '\0';
	close(fd);
	line = strstr(text, name);
	cr_assert(line);
	return strtoul(line + sizeof name - 1, NULL, 10);
}

/* Of the crowd, as many are served as there are descriptors. The others wait,
 * and cost nothing: the server turns for the echoes, once each, and for little
 * else. When the first have gone it is their turn. */
Test(server_limits, out_of_descriptors_it_serves_and_sleeps)
{
	static const char *const arguments[] = {"--metrics=127.0.0.1:0",
						"echo=127.0.0.1:0", NULL};
	int fds[N_CROWD];
	unsigned long n_echoes = 0;

	served_start_prepared(&s, allow_few_descriptors, arguments);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	fds[0] = dial(address, 0);
	expect_echo(fds[0], "let in");
	for (int i = 1; i < N_CROWD; i++)
		fds[i] = dial(address, 0);
	for (; served_count_fds(&s) < N_DESCRIPTORS; n_echoes++)
		expect_echo(fds[0], "until all are taken");
	for (int i = 0; i < N_ECHOES; i++, n_echoes++)
		expect_echo(fds[0], "as before");
	for (int i = 0; i < N_CROWD; i++) {
		expect_echo(fds[i], "let in, if late");
		close(fds[i]);
	}
	cr_assert_lt(count_turns(), 2 * n_echoes + N_ECHOES);
	cr_assert_eq(served_stop(&s), 0);
}

/* A load balancer must be able to ask when all others wait. */
Test(server_limits, out_of_descriptors_it_answers_healthz)
{
	static const char *const arguments[] = {"--metrics=127.0.0.1:0",
						"echo=127.0.0.1:0", NULL};
	static const char request[] = "GET /healthz HTTP/1.1\r\n\r\n";
	char text[12];
	int fds[N_CROWD];
	int fd;

	served_start_prepared(&s, allow_few_descriptors, arguments);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	for (int i = 0; i < N_CROWD; i++)
		fds[i] = dial(address, 0);
	served_line(&s, "no descriptor is left");
	for (int i = 0; i < 10; i++) {
		fd = dial(metrics, 0);
		harness_write(fd, request, sizeof request - 1);
		harness_read(fd, text, sizeof text);
		cr_expect_arr_eq(text, "HTTP/1.1 200", sizeof text);
		close(fd);
	}
	for (int i = 0; i < N_CROWD; i++)
		close(fds[i]);
	served_line(&s, "there are descriptors again");
	cr_assert_eq(served_stop(&s), 0);
}

/* Each leaves when it has been served, which makes room for others. */
static void expect_echoes_in_any_order(const int *fds)
{
	struct pollfd pollfds[N_CROWD];
	int n_left = N_CROWD;

	for (int i = 0; i < N_CROWD; i++) {
		harness_write(fds[i], "x", 1);
		pollfds[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	}
	while (n_left > 0) {
		cr_assert_gt(poll(pollfds, N_CROWD, 1000 * PATIENCE_S), 0);
		for (int i = 0; i < N_CROWD; i++) {
			if (pollfds[i].fd < 0 || pollfds[i].revents == 0)
				continue;
			harness_read(pollfds[i].fd, &(char){0}, 1);
			close(pollfds[i].fd);
			pollfds[i].fd = -1;
			n_left--;
		}
	}
}

/* Each client of a relay needs two: until there are, it waits. */
Test(server_limits, out_of_descriptors_a_relay_resets_no_client)
{
	char endpoint[ENDPOINT_SIZE];
	const char *const arguments[] = {endpoint, NULL};
	struct served target;
	int fds[N_CROWD];

	served_start(&target, "echo=127.0.0.1:0", NULL);
	served_address(&target, "echo", address);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,%s", address);
	served_start_prepared(&s, allow_few_descriptors, arguments);
	served_address(&s, "relay", address);
	for (int i = 0; i < N_CROWD; i++)
		fds[i] = dial(address, 0);
	expect_echoes_in_any_order(fds);
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_eq(served_stop(&target), 0);
}

/* -- the watchdog -- */

static void ask_for_watchdog(void)
{
	setenv("NOTIFY_SOCKET", "@weir-of-no-supervisor", 1);
	setenv("WATCHDOG_USEC", "1", 1);
}

/* It turns for the echoes, once each, and for the watchdog a hundred times a
 * second at most. */
Test(server_limits, an_interval_of_nothing_does_not_make_it_spin)
{
	static const char *const arguments[] = {"--metrics=127.0.0.1:0",
						"echo=127.0.0.1:0", NULL};
	uint64_t start = clock_read(CLOCK_MONOTONIC);
	uint64_t n_seconds;
	unsigned long n_turns;
	int fd;

	served_start_prepared(&s, ask_for_watchdog, arguments);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	for (int i = 0; i < N_ECHOES; i++)
		expect_echo(fd, "one turn");
	n_turns = count_turns();
	n_seconds = (clock_read(CLOCK_MONOTONIC) - start) / CLOCK_NS_PER_S;
	cr_assert_lt(n_turns, 2 * N_ECHOES + 100 * n_seconds);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}
