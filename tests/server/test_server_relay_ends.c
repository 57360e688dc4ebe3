/* relay: in whatever order the two sides end, and when one of them fails. */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	MIB = 1048576,
	SMALL_BUFFER = 16384
};

TestSuite(server_relay_ends, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct relay r;
static int client;
static int target;

/* A pair through which a byte has gone. */
static void open_pair(const char *option)
{
	RELAY_OPEN(&r, &client, &target, option, NULL);
	write_pattern(client, 1, 1);
	read_pattern(target, 1, 1);
}

/* -- both FINs -- */

/* While the server is halted both sides say all they have to say. */
static void check_both_fins(size_t n)
{
	open_pair(NULL);
	served_halt(&r.s);
	write_pattern(client, n, 2);
	write_pattern(target, n, 3);
	shutdown(client, SHUT_WR);
	shutdown(target, SHUT_WR);
	served_go_on(&r.s);
	read_pattern(client, n, 3);
	read_pattern(target, n, 2);
	expect_end(client);
	expect_end(target);
	close(client);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_ends, finishes_a_pair_that_ends_on_both_sides_at_once)
{
	check_both_fins(0);
}

Test(server_relay_ends, finishes_a_pair_with_its_last_words_on_the_way)
{
	check_both_fins(100000);
}

/* -- errors -- */

static void check_reset(bool is_clients)
{
	open_pair(NULL);
	close_by_reset(is_clients ? client : target);
	expect_reset(is_clients ? target : client);
	served_line(&r.s, is_clients ? "relay 127.0.0.1:"
				     : "relay-target 127.0.0.1:");
	cr_assert(strstr(r.s.line, ": reset, "), "%s", r.s.line);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_ends, resets_the_target_when_the_client_resets)
{
	check_reset(true);
}

Test(server_relay_ends, resets_the_client_when_the_target_resets)
{
	check_reset(false);
}

/* A pair of which the source, the client's side or the target's, has sent much
 * more than the sink reads. */
static void start_small(bool is_clients, int *source, int *sink)
{
	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", "--sndbuf=16K",
		    "--rcvbuf=16K", NULL);
	client = dial(r.address, SMALL_BUFFER);
	target = relay_accept(&r);
	*source = is_clients ? client : target;
	*sink = is_clients ? target : client;
	write_until_quiet(*source, 1, 64 * MIB);
}

/* The side that resets is owed nothing; the other is owed much, and learns that
 * it is not all. */
static void check_reset_with_debt(bool is_clients)
{
	int source;
	int sink;

	start_small(is_clients, &source, &sink);
	close_by_reset(source);
	expect_reset(sink);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_ends, resets_a_target_that_is_owed_much)
{
	check_reset_with_debt(true);
}

Test(server_relay_ends, resets_a_client_who_is_owed_much)
{
	check_reset_with_debt(false);
}

/* The source has ended in good order; the sink fails while it is owed. */
static void check_reset_of_debtor(bool is_clients)
{
	int source;
	int sink;

	start_small(!is_clients, &source, &sink);
	shutdown(source, SHUT_WR);
	close_by_reset(sink);
	expect_reset(source);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_ends, resets_the_target_when_its_reader_resets)
{
	check_reset_of_debtor(true);
}

Test(server_relay_ends, resets_the_client_when_its_reader_resets)
{
	check_reset_of_debtor(false);
}

/* -- limits -- */

/* Until a reset comes. */
static void write_until_reset(int fd)
{
	static char data[SMALL_BUFFER];

	while (send(fd, data, sizeof data, MSG_NOSIGNAL) > 0)
		;
	cr_assert_eq(errno, ECONNRESET, "%s", strerror(errno));
	close(fd);
}

static void check_limit(const char *mark, const char *limit, const char *what)
{
	static const char *const names[] = {"relay 127.0.0.1:",
					    "relay-target 127.0.0.1:"};
	int fds[2];

	for (size_t i = 0; i < 2; i++) {
		RELAY_OPEN(&r, &fds[0], &fds[1], "--sndbuf=16K", mark, limit,
			   NULL);
		/* fds[i] reads nothing */
		write_until_reset(fds[1 - i]);
		served_line(&r.s, names[i]);
		cr_assert(strstr(r.s.line, what), "%s", r.s.line);
		/* and not for what could not be passed on any more */
		served_line(&r.s, names[1 - i]);
		cr_assert(strstr(r.s.line, ": aborted, "), "%s", r.s.line);
		expect_reset(fds[i]);
		cr_assert_eq(relay_end(&r), 0);
	}
}

Test(server_relay_ends, resets_both_when_one_of_them_stalls)
{
	check_limit("--high=64K", "--stall=200ms", ": stalled, ");
}

Test(server_relay_ends, resets_both_when_one_of_them_is_over_the_budget)
{
	/* more than what the other side then keeps of its input, which counts,
	 * too */
	check_limit("--high=256K", "--budget=256K", ": budget, ");
}

/* Through which a byte goes as soon as it is there, whoever is slow here. */
static void open_idle_pair(void)
{
	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", "--idle=1s", NULL);
	served_halt(&r.s);
	client = dial(r.address, 0);
	write_pattern(client, 1, 1);
	served_go_on(&r.s);
	target = relay_accept(&r);
	read_pattern(target, 1, 1);
}

Test(server_relay_ends, finishes_both_when_both_are_silent)
{
	open_idle_pair();
	served_line(&r.s, ": idle, ");
	expect_end(client);
	expect_end(target);
	close(client);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

/* The client has ended; only of the target can it be said that it is silent. */
Test(server_relay_ends, finishes_a_client_whose_target_stays_silent)
{
	open_idle_pair();
	shutdown(client, SHUT_WR);
	expect_end(target);
	served_line(&r.s, "relay-target 127.0.0.1:");
	cr_assert(strstr(r.s.line, ": idle, "), "%s", r.s.line);
	expect_end(client);
	close(client);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

/* The client has ended, and its target neither ends nor speaks. */
Test(server_relay_ends, finishes_a_pair_that_is_half_closed_for_too_long)
{
	int fds[2];

	for (int i = 0; i < 2; i++) {
		RELAY_OPEN(&r, &fds[0], &fds[1], "--half-close=100ms", NULL);
		write_pattern(fds[i], 1, 1);
		read_pattern(fds[1 - i], 1, 1);
		shutdown(fds[i], SHUT_WR);
		expect_end(fds[1 - i]);
		expect_end(fds[i]);
		close(fds[0]);
		close(fds[1]);
		served_line(&r.s, ": half-closed for too long");
		cr_assert_eq(relay_end(&r), 0);
	}
}

Test(server_relay_ends, waits_for_a_side_that_speaks_behind_the_others_end)
{
	uint64_t end = clock_read(CLOCK_MONOTONIC) + 2500 * CLOCK_NS_PER_MS;

	RELAY_OPEN(&r, &client, &target, "--half-close=1500ms", NULL);
	shutdown(client, SHUT_WR);
	expect_end(target);
	while (clock_read(CLOCK_MONOTONIC) < end) {
		write_pattern(target, 10, 1);
		read_pattern(client, 10, 1);
	}
	close(target);
	expect_end(client);
	close(client);
	cr_assert_eq(relay_end(&r), 0);
}

/* -- draining -- */

Test(server_relay_ends, drains_a_pair_until_it_ends_by_itself)
{
	open_pair(NULL);
	kill(r.s.pid, SIGTERM);
	served_line(&r.s, "finishing 2 connections");
	for (size_t i = 0; i < 10; i++) {
		write_pattern(client, 50000, i);
		read_pattern(target, 50000, i);
		write_pattern(target, 70000, i);
		read_pattern(client, 70000, i);
	}
	shutdown(target, SHUT_WR);
	expect_end(client);
	close(client);
	expect_end(target);
	close(target);
	cr_assert_eq(relay_wait(&r), 0);
}

/* It was idle, so nothing is lost. */
Test(server_relay_ends, resets_a_pair_that_outlasts_the_drain)
{
	open_pair("--drain=100ms");
	kill(r.s.pid, SIGTERM);
	expect_reset(client);
	expect_reset(target);
	cr_assert_eq(relay_wait(&r), 0);
}

/* What the other side was still to get is lost by the one that resets, not by
 * the end of the server. */
static void check_reset_in_the_drain(bool is_clients)
{
	int source;
	int sink;

	start_small(is_clients, &source, &sink);
	kill(r.s.pid, SIGTERM);
	served_line(&r.s, "finishing 2 connections");
	close_by_reset(source);
	expect_reset(sink);
	cr_assert_eq(relay_wait(&r), 0);
}

Test(server_relay_ends, loses_nothing_when_a_client_resets_in_the_drain)
{
	check_reset_in_the_drain(true);
}

Test(server_relay_ends, loses_nothing_when_a_target_resets_in_the_drain)
{
	check_reset_in_the_drain(false);
}

Test(server_relay_ends, tells_what_a_pair_loses_that_outlasts_the_drain)
{
	start_small(true, &client, &target);
	kill(r.s.pid, SIGTERM);
	served_line(&r.s, "finishing 2 connections");
	kill(r.s.pid, SIGTERM);
	served_line(&r.s, "lost something");
	cr_assert_eq(relay_wait(&r), 1);
	close(client);
	close(target);
}
