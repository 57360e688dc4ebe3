/* relay: how a pair comes about, and what becomes of a client for whom there is
 * no target, or not yet. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	PATIENCE_MS = 20000,
	MAX_QUEUE = 16,
	MAX_CLIENTS = 500
};

TestSuite(server_relay_start, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- no target -- */

Test(server_relay_start, closes_a_client_at_once_when_the_target_refuses)
{
	struct served s;
	struct weir_address refusing;
	char address[SERVED_ADDRESS_SIZE];
	char target[WEIR_ADDRESS_TEXT_SIZE];
	char endpoint[2 * SERVED_ADDRESS_SIZE];
	const char *line;
	int fd;

	refusing = harness_refusing_address(&fd);
	weir_address_format(&refusing, target, sizeof target);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,%s", target);
	served_start(&s, endpoint, NULL);
	served_address(&s, "relay", address);
	for (int i = 0; i < 3; i++) {
		int client = dial(address, 0);

		expect_reset(client);
		line = served_line(&s, ": cannot connect to ");
		cr_assert(strstr(line, target), "%s", line);
		cr_assert(strstr(line, "Connection refused"), "%s", line);
	}
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- before there is a target -- */

/* A Unix target whose accept queue is full: the relay tries until there is
 * room, or its time is up. */
struct crowded {
	struct relay r;
	int queue[MAX_QUEUE];
	size_t n;
};

static void crowd_start(struct crowded *c, const char *option)
{
	struct weir_address path = harness_unix_path("target");
	char target[WEIR_ADDRESS_TEXT_SIZE];
	int fd;

	weir_address_format(&path, target, sizeof target);
	relay_start(&c->r, "127.0.0.1:0", target, option, NULL);
	cr_assert_eq(listen(c->r.listener, 0), 0);
	c->n = 0;
	while ((fd = harness_connect(&path)) >= 0) {
		cr_assert_lt(c->n, MAX_QUEUE);
		c->queue[c->n++] = fd;
	}
	cr_assert_eq(fd, -EAGAIN);
}

/* Let the crowd go, and the relay connect. */
static int crowd_end(struct crowded *c)
{
	for (size_t i = 0; i < c->n; i++) {
		close(relay_accept(&c->r));
		close(c->queue[i]);
	}
	c->n = 0;
	return relay_accept(&c->r);
}

static int crowd_stop(struct crowded *c)
{
	for (size_t i = 0; i < c->n; i++)
		close(c->queue[i]);
	harness_remove_folder();
	return relay_stop(&c->r);
}

Test(server_relay_start, keeps_what_comes_before_the_target_its_fin_too)
{
	struct crowded c;
	int client;
	int target;

	crowd_start(&c, NULL);
	client = dial(c.r.address, 0);
	write_pattern(client, 100000, 1);
	shutdown(client, SHUT_WR);
	await_more_fds(&c.r, 1);
	target = crowd_end(&c);
	read_pattern(target, 100000, 1);
	expect_end(target);
	write_pattern(target, 100000, 2);
	close(target);
	read_pattern(client, 100000, 2);
	expect_end(client);
	close(client);
	await_fds(&c.r, 0);
	cr_assert_eq(crowd_stop(&c), 0);
}

/* The target does not hear of it. */
Test(server_relay_start, gives_up_for_a_client_that_has_gone)
{
	struct crowded c;
	int client;

	crowd_start(&c, "--connect-timeout=60m");
	client = dial(c.r.address, 0);
	await_more_fds(&c.r, 1);
	close_by_reset(client);
	await_fds(&c.r, 0);
	cr_assert_eq(crowd_stop(&c), 0);
}

Test(server_relay_start, gives_a_target_up_that_does_not_answer_in_time)
{
	struct crowded c;
	int client;

	crowd_start(&c, "--connect-timeout=100ms");
	client = dial(c.r.address, 0);
	served_line(&c.r.s, ": cannot connect to unix:");
	cr_assert(strstr(c.r.s.line, ": Connection timed out"), "%s",
		  c.r.s.line);
	expect_reset(client);
	cr_assert_eq(crowd_stop(&c), 0);
}

Test(server_relay_start, drains_who_waits_for_the_target)
{
	struct crowded c;
	int client;
	int target;

	crowd_start(&c, NULL);
	client = dial(c.r.address, 0);
	write_pattern(client, 1000, 1);
	await_more_fds(&c.r, 1);
	kill(c.r.s.pid, SIGTERM);
	served_line(&c.r.s, "finishing 1 connections");
	target = crowd_end(&c);
	read_pattern(target, 1000, 1);
	close(target);
	expect_end(client);
	close(client);
	cr_assert_eq(relay_wait(&c.r), 0);
	harness_remove_folder();
}

Test(server_relay_start, aborts_who_waits_for_the_target_when_time_is_up)
{
	struct crowded c;
	int client;

	crowd_start(&c, "--drain=50ms");
	client = dial(c.r.address, 0);
	write_pattern(client, 1000, 1);
	await_more_fds(&c.r, 1);
	kill(c.r.s.pid, SIGTERM);
	expect_reset(client);
	cr_assert_eq(relay_wait(&c.r), 1);
	for (size_t i = 0; i < c.n; i++)
		close(c.queue[i]);
	harness_remove_folder();
}

/* -- memory -- */

static void limit_memory(const struct relay *r, rlim_t n_bytes)
{
	struct rlimit limit = {.rlim_cur = n_bytes, .rlim_max = RLIM_INFINITY};

	cr_assert_eq(prlimit(r->s.pid, RLIMIT_AS, &limit, NULL), 0);
}

/* Whether the client is let in, and led on to a target. */
static bool is_passed_on(struct relay *r, int client, int *target)
{
	struct pollfd pollfds[2] = {{.fd = client, .events = POLLIN},
				    {.fd = r->listener, .events = POLLIN}};
	char byte;

	cr_assert_gt(poll(pollfds, 2, PATIENCE_MS), 0, "it hangs");
	if (pollfds[0].revents != 0)
		return false;
	*target = relay_accept(r);
	return recv(*target, &byte, 1, 0) == 1;
}

/* The server may take no more memory: sooner or later there is none for one
 * side of a pair, or for the other. */
Test(server_relay_start, turns_clients_away_for_want_of_memory_and_goes_on)
{
	static int fds[MAX_CLIENTS][2];
	struct relay r;
	size_t n = 0;
	bool has_memory;

	if (served_is_sanitized())
		cr_skip_test("a sanitizer needs memory without limit");
	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", NULL);
	do {
		fds[n][0] = dial(r.address, 0);
		fds[n][1] = -1;
		/* fails if it is turned away already */
		(void)!send(fds[n][0], "x", 1, MSG_NOSIGNAL);
		has_memory = is_passed_on(&r, fds[n][0], &fds[n][1]);
		limit_memory(&r, 1);
	} while (has_memory && ++n < MAX_CLIENTS);
	cr_assert(n > 0 && n < MAX_CLIENTS, "%zu clients were let in", n);
	served_line(&r.s, "relay");
	cr_assert(strstr(r.s.line, "Cannot allocate memory") ||
			  strstr(r.s.line, ": error, "),
		  "%s", r.s.line);
	limit_memory(&r, RLIM_INFINITY);
	for (size_t i = 0; i <= n; i++) {
		if (i < n) {
			write_pattern(fds[i][0], 1000, i);
			read_pattern(fds[i][1], 1000, i);
		}
		close(fds[i][0]);
		close(fds[i][1]);
	}
	cr_assert_eq(relay_end(&r), 0);
}
