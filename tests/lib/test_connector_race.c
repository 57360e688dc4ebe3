/* Connecting where several addresses, or several answers, are possible. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_connector.h"

enum {
	SETTLE_MS = 50,
	STAGGER_NS = 250000000,
	BACKLOG = 9
};

static const uint64_t DEADLINE_NS = HARNESS_START_NS + 5000000000;

static void begin_test(void)
{
	harness_begin();
	fault_time_settle(SETTLE_MS);
}

TestSuite(connector_race, .init = begin_test, .fini = connecting_end_of_test);

/* -- several addresses -- */

Test(connector_race, an_address_that_drops_packets_costs_a_quarter_second)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0"),
					    harness_address("127.0.0.1:0")};
	struct connecting c;
	int listener = harness_listen(&addresses[1], BACKLOG);
	int n_fds;
	int fds[2];

	connecting_listen_full(&addresses[0], fds);
	connecting_begin(&c);
	n_fds = harness_count_fds();
	connecting_start(&c, addresses, 2, DEADLINE_NS);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	cr_expect_eq(c.address, &addresses[1]);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS + STAGGER_NS);
	cr_expect_eq(harness_count_fds(), n_fds + 1, "the loser is open");
	cr_expect(harness_accept(listener));
	close(listener);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector_race, a_slow_one_may_still_win)
{
	struct weir_address addresses[2] = {harness_unix_name(),
					    harness_address("127.0.0.1:0")};
	struct connecting c;
	int unix_fds[2];
	int tcp_fds[2];

	connecting_listen_full(&addresses[0], unix_fds);
	connecting_listen_full(&addresses[1], tcp_fds);
	connecting_begin(&c);
	connecting_start(&c, addresses, 2, DEADLINE_NS);
	while (fault_time_now() < HARNESS_START_NS + 2 * STAGGER_NS)
		weir_loop_turn(c.loop, STAGGER_NS);
	cr_expect_eq(weir_connector_address(&c.connector), &addresses[1]);
	cr_expect(harness_accept(unix_fds[0]));
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	cr_expect_eq(c.address, &addresses[0]);
	connecting_close_both(unix_fds);
	connecting_close_both(tcp_fds);
	connecting_end(&c);
}

Test(connector_race, a_refusal_brings_the_next_at_once_beside_a_slow_one)
{
	struct weir_address addresses[3] = {harness_address("127.0.0.1:0")};
	struct connecting c;
	int listener;
	int held;
	int fds[2];

	connecting_listen_full(&addresses[0], fds);
	addresses[1] = harness_refusing_address(&held);
	addresses[2] = harness_address("127.0.0.1:0");
	listener = harness_listen(&addresses[2], BACKLOG);
	connecting_begin(&c);
	connecting_start(&c, addresses, 3, DEADLINE_NS);
	connecting_run(&c);
	cr_expect_eq(c.address, &addresses[2]);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS + STAGGER_NS);
	close(listener);
	close(held);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector_race, the_deadline_ends_all_of_them)
{
	struct weir_address addresses[5] = {harness_address("127.0.0.1:0")};
	struct connecting c;
	int n_fds;
	int fds[2];

	connecting_listen_full(&addresses[0], fds);
	for (int i = 1; i < 5; i++)
		addresses[i] = addresses[0];
	connecting_begin(&c);
	n_fds = harness_count_fds();
	connecting_start(&c, addresses, 5, HARNESS_START_NS + 2 * STAGGER_NS);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ETIMEDOUT);
	cr_expect_eq(c.address, &addresses[1]);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS + 2 * STAGGER_NS);
	cr_expect_eq(fault_count(FAULT_CONNECT), 2);
	cr_expect_eq(harness_count_fds(), n_fds);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector_race, when_all_have_failed_the_last_failure_is_told)
{
	struct weir_address addresses[2] = {harness_unix_path("socket")};
	struct connecting c;
	int held;
	int fds[2];

	connecting_listen_full(&addresses[0], fds);
	addresses[1] = harness_refusing_address(&held);
	connecting_begin(&c);
	connecting_start(&c, addresses, 2, WEIR_NEVER);
	while (fault_time_now() < HARNESS_START_NS + 2 * STAGGER_NS)
		weir_loop_turn(c.loop, STAGGER_NS);
	cr_expect_eq(c.n_outcomes, 0, "one is still under way");
	cr_assert_eq(unlink(addresses[0].sa.un.sun_path), 0);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ENOENT);
	cr_expect_null(c.address);
	close(held);
	connecting_close_both(fds);
	connecting_end(&c);
}

/* -- a socket that meets itself -- */

/* From the very port that it connects to: there a socket meets itself. */
static void expect_refusal(const char *from, const char *to)
{
	struct weir_address addresses[2] = {
		harness_address(to),
		harness_address(from[0] == '[' ? "[::1]:0" : "127.0.0.1:0")};
	struct weir_address local = harness_address(from);
	const struct weir_connector_options options = {.local = &local};
	int listener = harness_listen(&addresses[1], BACKLOG);
	struct connecting c;

	local.sa.in.sin_port =
		harness_free_address("127.0.0.1:0").sa.in.sin_port;
	addresses[0].sa.in.sin_port = local.sa.in.sin_port;
	connecting_begin(&c);
	connecting_start_by(&c, addresses, 1, &options);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -ECONNREFUSED, "%s: %d", to, c.outcome);
	connecting_end(&c);
	connecting_begin(&c);
	connecting_start_by(&c, addresses, 2, &options);
	connecting_run(&c);
	cr_expect_eq(c.address, &addresses[1]);
	connecting_end(&c);
	close(listener);
}

Test(connector_race, a_socket_that_meets_itself_is_refused)
{
	expect_refusal("127.0.0.1:0", "127.0.0.1:0");
	expect_refusal("127.0.0.1:0", "0.0.0.0:0");
	expect_refusal("0.0.0.0:0", "127.0.0.1:0");
	expect_refusal("[::1]:0", "[::1]:0");
}

Test(connector_race, a_refused_meeting_leaves_the_port_to_its_server)
{
	struct weir_address local = harness_free_address("127.0.0.1:0");
	const struct weir_connector_options options = {.local = &local};
	struct connecting c;
	int fd;

	connecting_begin(&c);
	connecting_start_by(&c, &local, 1, &options);
	connecting_run(&c);
	fd = harness_listen(&local, BACKLOG);
	close(fd);
	connecting_end(&c);
}

Test(connector_race, the_same_port_of_another_host_is_no_meeting)
{
	struct weir_address server = harness_address("127.0.0.1:0");
	struct weir_address local = harness_address("127.0.0.2:0");
	const struct weir_connector_options options = {.local = &local};
	int listener = harness_listen(&server, BACKLOG);
	struct connecting c;

	local.sa.in.sin_port = server.sa.in.sin_port;
	connecting_begin(&c);
	connecting_start_by(&c, &server, 1, &options);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	close(listener);
	connecting_end(&c);
}
