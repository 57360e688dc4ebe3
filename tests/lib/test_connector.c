#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_connector.h"

enum {
	RETRY_NS = 10000000
};

TestSuite(connector, .init = harness_begin, .fini = connecting_end_of_test);

static void expect_connection(struct weir_address *address)
{
	int listener = harness_listen(address, 5);
	struct connecting c;

	connecting_begin(&c);
	connecting_start(&c, address, 1, WEIR_NEVER);
	connecting_run(&c);
	cr_assert_geq(c.outcome, 0);
	cr_expect(fcntl(c.outcome, F_GETFL) & O_NONBLOCK);
	cr_expect(fcntl(c.outcome, F_GETFD) & FD_CLOEXEC);
	/* but for the timerfd */
	cr_expect_eq(fault_count(FAULT_EPOLL_DEL) + 1,
		     fault_count(FAULT_EPOLL_ADD), "it is still in epoll");
	cr_expect(harness_accept(listener));
	close(listener);
	connecting_end(&c);
}

Test(connector, connects_over_ipv4)
{
	struct weir_address address = harness_address("127.0.0.1:0");

	fault_time_settle(50);
	expect_connection(&address);
}

Test(connector, connects_over_ipv6)
{
	struct weir_address address = harness_address("[::1]:0");

	fault_time_settle(50);
	expect_connection(&address);
}

Test(connector, connects_to_a_unix_name)
{
	struct weir_address address = harness_unix_name();

	expect_connection(&address);
}

Test(connector, a_refusal_is_told)
{
	struct connecting c;
	int held;
	struct weir_address address = harness_refusing_address(&held);

	connecting_begin(&c);
	connecting_start(&c, &address, 1, WEIR_NEVER);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ECONNREFUSED);
	close(held);
	connecting_end(&c);
}

Test(connector, after_a_refusal_the_next_address_is_tried)
{
	struct weir_address addresses[4];
	struct connecting c;
	int held;
	int listener;

	addresses[0] = harness_refusing_address(&held);
	addresses[1] = harness_unix_path("nobody");
	addresses[2] = harness_unix_name();
	addresses[3] = addresses[2];
	listener = harness_listen(&addresses[2], 5);
	connecting_begin(&c);
	connecting_start(&c, addresses, 4, WEIR_NEVER);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	cr_expect(harness_accept(listener));
	cr_expect_not(harness_accept(listener), "it went on after success");
	close(listener);
	close(held);
	connecting_end(&c);
}

Test(connector, the_last_cause_is_told)
{
	struct weir_address addresses[2];
	struct connecting c;
	int held;

	addresses[0] = harness_refusing_address(&held);
	addresses[1] = harness_unix_path("nobody");
	connecting_begin(&c);
	connecting_start(&c, addresses, 2, WEIR_NEVER);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ENOENT);
	connecting_end(&c);
	addresses[1] = addresses[0];
	addresses[0] = harness_unix_path("nobody");
	connecting_begin(&c);
	connecting_start(&c, addresses, 2, WEIR_NEVER);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ECONNREFUSED);
	close(held);
	connecting_end(&c);
}

/* Nobody accepts at address: after so many attempts the deadline ends it. */
static void expect_timeout(struct weir_address address, uint64_t deadline_ns,
			   uint64_t n_attempts)
{
	struct connecting c;
	int fds[2];

	connecting_listen_full(&address, fds);
	connecting_begin(&c);
	connecting_start(&c, &address, 1, deadline_ns);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ETIMEDOUT);
	cr_expect_eq(fault_time_now(), deadline_ns);
	cr_expect_eq(fault_count(FAULT_CONNECT), n_attempts);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector, the_deadline_ends_a_connect_that_nobody_answers)
{
	fault_time_settle(50);
	expect_timeout(harness_address("127.0.0.1:0"),
		       HARNESS_START_NS + 5000000000, 1);
}

Test(connector, a_deadline_in_the_past_is_told_from_the_loop)
{
	struct weir_address address = harness_unix_name();
	int listener = harness_listen(&address, 5);
	struct connecting c;

	connecting_begin(&c);
	connecting_start(&c, &address, 1, HARNESS_START_NS - 1);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ETIMEDOUT);
	cr_expect_not(harness_accept(listener));
	close(listener);
	connecting_end(&c);
}

Test(connector, a_full_backlog_is_tried_again_until_there_is_room)
{
	const uint64_t some_ns = 10 * RETRY_NS;
	struct weir_address address = harness_unix_name();
	struct connecting c;
	int fds[2];

	connecting_listen_full(&address, fds);
	connecting_begin(&c);
	connecting_start(&c, &address, 1, HARNESS_START_NS + 10 * some_ns);
	while (fault_time_now() < HARNESS_START_NS + some_ns)
		weir_loop_turn(c.loop, (int64_t)some_ns);
	cr_expect_eq(c.n_outcomes, 0);
	cr_expect_geq(fault_count(FAULT_CONNECT), 10);
	cr_expect_leq(fault_count(FAULT_CONNECT), 11, "it spins");
	cr_expect_leq(c.loop->n_turns, 11, "it spins");
	cr_expect(harness_accept(fds[0]));
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	cr_expect_leq(fault_time_now(), HARNESS_START_NS + some_ns + RETRY_NS);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector, a_full_backlog_is_not_tried_beyond_the_deadline)
{
	expect_timeout(harness_unix_name(), HARNESS_START_NS + RETRY_NS * 5 / 2,
		       3);
}

Test(connector, no_local_port_is_no_full_backlog)
{
	struct weir_address address = harness_address("127.0.0.1:1");
	struct connecting c;

	connecting_begin(&c);
	fault_next(FAULT_CONNECT, -EAGAIN);
	connecting_start(&c, &address, 1, WEIR_NEVER);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -EAGAIN);
	connecting_end(&c);
}
