/* How connections are made: at a rate, from several addresses, and no longer
 * than they may take. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_flood.h"
#include "harness_net.h"

TestSuite(flood_connect, .init = harness_begin, .fini = harness_end,
	  .timeout = 60);

static struct known server;
static struct flooded run;

static double number(const char *within, const char *key)
{
	return flooded_number(&run, within, key);
}

/* The first at once, and 20 more in at least a second. */
static void expect_rate(const char *threads)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "21", "--connect-rate", "20", "-n", "42", "--warmup",
	      "0", "-t", threads, "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("healthy", "connected"), 21);
	cr_expect_eq(number("settings", "connect_rate_per_s"), 20);
	cr_expect_geq(number("healthy", "connecting_s"), 0.9);
	cr_expect(flooded_says(&run, "of 21, made in "));
	flooded_end(&run, &server);
}

Test(flood_connect, connections_are_made_at_a_rate)
{
	expect_rate("1");
	expect_rate("2");
}

/* The time that the rate takes does not count as theirs. */
Test(flood_connect, a_rate_has_the_time_that_it_takes)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "41", "--connect-rate", "20", "--connect-timeout",
	      "1500ms", "-n", "41", "--warmup", "0", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("healthy", "connected"), 41);
	flooded_end(&run, &server);
}

/* -- where from -- */

enum {
	N_CLIENTS = 6
};

/* Its end is the connection's. False: it is over. */
static bool echo_one(struct pollfd *client)
{
	char text[64];
	ssize_t n = recv(client->fd, text, sizeof text, MSG_DONTWAIT);

	if (n > 0)
		(void)send(client->fd, text, (size_t)n, MSG_NOSIGNAL);
	if (n != 0)
		return true;
	close(client->fd);
	client->fd = -1;
	return false;
}

/* Write down where each comes from, and echo until all have gone. */
static _Noreturn void write_down(int listener, int to)
{
	struct pollfd clients[N_CLIENTS];
	size_t n_open = N_CLIENTS;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < N_CLIENTS; i++) {
		struct sockaddr_in from;
		socklen_t n = sizeof from;
		int fd = accept(listener, (struct sockaddr *)&from, &n);

		must(fd, "accept");
		must(write(to, &from.sin_addr, sizeof from.sin_addr), "write");
		clients[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	while (n_open > 0 && poll(clients, N_CLIENTS, -1) > 0)
		for (size_t i = 0; i < N_CLIENTS; i++)
			if (clients[i].fd >= 0 && clients[i].revents &&
			    !echo_one(&clients[i]))
				n_open--;
	_exit(0);
}

Test(flood_connect, several_sources_are_taken_in_turns)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int listener = harness_listen(&address, 16);
	char text[KNOWN_ADDRESS_SIZE];
	unsigned counts[4] = {0};
	struct in_addr from;
	int status;
	int ends[2];
	pid_t pid;

	must(fcntl(listener, F_SETFL, 0), "fcntl");
	must(pipe(ends), "pipe");
	pid = fork();
	must(pid, "fork");
	if (pid == 0)
		write_down(listener, ends[1]);
	close(ends[1]);
	flood(&run, "-c", "6", "-n", "60", "--warmup", "0", "--source",
	      "127.0.0.1:0,127.0.0.2:0,127.0.0.3:0",
	      weir_address_format(&address, text, sizeof text), NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	for (size_t i = 0; i < N_CLIENTS; i++) {
		must(read(ends[0], &from, sizeof from), "read");
		counts[ntohl(from.s_addr) & 3]++;
	}
	for (size_t i = 1; i <= 3; i++)
		cr_expect_eq(counts[i], 2, "%u from 127.0.0.%zu", counts[i], i);
	waitpid(pid, &status, 0);
	close(ends[0]);
	close(listener);
	flooded_forget(&run);
}

/* -- mode connect -- */

/* One visit of 20 has no answer. */
Test(flood_connect, a_visit_is_given_up_after_its_time)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_STALLS,
						  .fault_at = 10});
	flood(&run, "-m", "connect", "-c", "2", "-n", "200", "--warmup", "0",
	      "--timeout", "700ms", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 199);
	cr_expect_eq(number("", "messages_timed_out"), 1);
	cr_expect_eq(number("", "messages_failed"), 0);
	cr_expect_eq(number("", "errors"), 0);
	cr_expect_eq(number("latency_ns", "count"), 200);
	cr_expect_geq(number("latency_ns", "max"), 700e6);
	flooded_end(&run, &server);
}

/* So is one whose connection is not made: the backlog is full. */
Test(flood_connect, a_visit_that_does_not_connect_is_given_up)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 100});
	flood(&run, "-m", "connect", "-r", "200", "-d", "1s", "--warmup", "0",
	      "--late", "1m", "--timeout", "100ms", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "had no answer within --timeout, 100 ms"));
	cr_expect_eq(number("", "messages_sent"),
		     number("", "messages") + number("", "messages_drained") +
			     number("", "messages_unanswered"));
	flooded_end(&run, &server);
}
