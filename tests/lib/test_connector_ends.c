/* Connectors that end: cancelled, opened again or freed inside, failed. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_connector.h"

TestSuite(connector_ends, .init = harness_begin,
	  .fini = connecting_end_of_test);

Test(connector_ends, a_cancelled_one_is_silent_before_its_first_turn)
{
	struct weir_address address = harness_unix_name();
	int listener = harness_listen(&address, 5);
	struct connecting c;

	connecting_begin(&c);
	connecting_start(&c, &address, 1, WEIR_NEVER);
	weir_connector_close(&c.connector);
	weir_connector_close(&c.connector);
	cr_expect_eq(weir_loop_run(c.loop), 0);
	cr_expect_eq(c.n_outcomes, 0);
	close(listener);
	connecting_end(&c);
}

Test(connector_ends, a_cancelled_one_is_silent_while_it_waits)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0"),
					    harness_unix_name()};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct connecting c;
		int fds[2];

		connecting_listen_full(&addresses[i], fds);
		connecting_begin(&c);
		connecting_start(&c, &addresses[i], 1, WEIR_NEVER);
		weir_loop_turn(c.loop, 0);
		cr_expect_eq(fault_count(FAULT_CONNECT), i + 1);
		weir_connector_close(&c.connector);
		cr_expect_eq(weir_loop_run(c.loop), 0);
		cr_expect_eq(c.n_outcomes, 0);
		connecting_close_both(fds);
		connecting_end(&c);
	}
}

static void try_again(struct weir_connector *connector, int fd)
{
	struct connecting *c = connecting_of(connector);

	connecting_note(connector, fd);
	if (c->n_outcomes < 3)
		cr_assert_eq(weir_connector_open(connector, c->loop,
						 connector->addresses, 1, NULL,
						 try_again),
			     0);
}

Test(connector_ends, it_may_be_opened_again_inside)
{
	struct weir_address addresses[2];
	struct connecting c;
	int held;
	int i;

	addresses[0] = harness_refusing_address(&held);
	addresses[1] = harness_unix_path("nobody");
	for (i = 0; i < 2; i++) {
		connecting_begin(&c);
		cr_assert_eq(weir_connector_open(&c.connector, c.loop,
						 &addresses[i], 1, NULL,
						 try_again),
			     0);
		cr_expect_eq(weir_loop_run(c.loop), 0);
		cr_expect_eq(c.n_outcomes, 3);
		cr_expect_leq(c.loop->n_turns, 6);
		connecting_end(&c);
	}
	close(held);
}

static void free_it(struct weir_connector *connector, int fd)
{
	cr_expect_lt(fd, 0);
	memset(connector, 0xA5, sizeof *connector);
	free(connector);
}

Test(connector_ends, it_may_be_freed_inside)
{
	struct weir_address addresses[2];
	struct weir_loop *loop;
	int held;
	int i;

	addresses[0] = harness_refusing_address(&held);
	addresses[1] = harness_unix_path("nobody");
	cr_assert_eq(weir_loop_new(&loop), 0);
	for (i = 0; i < 2; i++) {
		struct weir_connector *connector = calloc(1, sizeof *connector);

		cr_assert_eq(weir_connector_open(connector, loop, &addresses[i],
						 1, NULL, free_it),
			     0);
		cr_expect_eq(weir_loop_run(loop), 0);
	}
	cr_assert_eq(weir_loop_free(loop), 0);
	close(held);
}

Test(connector_ends, what_is_no_stream_address_is_refused)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:1"),
					    harness_address("udp:127.0.0.1:1")};
	struct connecting c;

	connecting_begin(&c);
	cr_expect_eq(weir_connector_open(&c.connector, c.loop, addresses, 0,
					 NULL, connecting_note),
		     -EINVAL);
	cr_expect_eq(weir_connector_open(&c.connector, c.loop, addresses, 2,
					 NULL, connecting_note),
		     -EINVAL);
	cr_expect_eq(weir_loop_run(c.loop), 0);
	cr_expect_eq(c.n_outcomes, 0);
	connecting_end(&c);
}

/* What connecting over TCP comes to when the kth call fails, k = 1, 2, ...:
 * with one address its error is told, with a second one that is taken. Timers
 * do without the timerfd, a close that fails has closed, and a socket that
 * cannot be asked for its name is taken for one that met another. */
static bool is_survived(enum fault_call hit, size_t n_addresses)
{
	return n_addresses > 1 || hit == FAULT_TIMERFD_SET ||
	       hit == FAULT_GETSOCKNAME || hit == FAULT_CLOSE ||
	       hit == FAULT_NONE;
}

/* Returns the number of calls. */
static uint64_t fail_every_call(const struct weir_address *addresses, size_t n)
{
	enum fault_call hit = FAULT_N_CALLS;
	uint64_t k;

	for (k = 0; hit != FAULT_NONE; k++) {
		struct connecting c;

		connecting_begin(&c);
		fault_reset();
		fault_fail_call(k + 1);
		connecting_start(&c, addresses, n,
				 HARNESS_START_NS + 10000000000);
		connecting_run(&c);
		hit = fault_hit();
		fault_reset();
		if (is_survived(hit, n))
			cr_expect_geq(c.outcome, 0, "call %d", (int)hit);
		else
			cr_expect_eq(c.outcome, fault_natural(hit), "call %d",
				     (int)hit);
		connecting_end(&c);
	}
	return k - 1;
}

Test(connector_ends, every_failing_call_is_told_or_survived)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0")};
	int listener = harness_listen(&addresses[0], 99);

	fault_time_settle(50);
	addresses[1] = addresses[0];
	/* timerfd_set, alloc, socket, connect, epoll_add, socket_error and
	 * getsockname at least */
	cr_expect_geq(fail_every_call(addresses, 1), 7);
	cr_expect_geq(fail_every_call(addresses, 2), 7);
	close(listener);
}
