/* What a connector is asked for before it connects. */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_connector.h"

enum {
	SETTLE_MS = 50,
	BACKLOG = 9
};

static void begin_test(void)
{
	harness_begin();
	fault_time_settle(SETTLE_MS);
}

TestSuite(connector_options, .init = begin_test,
	  .fini = connecting_end_of_test);

/* Connect to a server at text; the server's end of it, with its peer. */
static int connect_by(struct connecting *c, const char *text,
		      const struct weir_connector_options *options,
		      struct weir_address *peer)
{
	struct weir_address server = harness_address(text);
	int listener = harness_listen(&server, BACKLOG);
	int fd;

	connecting_begin(c);
	connecting_start_by(c, &server, 1, options);
	connecting_run(c);
	cr_assert_geq(c->outcome, 0, "%d", c->outcome);
	peer->len = sizeof peer->sa;
	fd = accept4(listener, &peer->sa.any, &peer->len, SOCK_CLOEXEC);
	cr_assert_geq(fd, 0);
	close(listener);
	return fd;
}

static int get_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
	return value;
}

/* What the other end offered to scale its window by. */
static unsigned offered_scale(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_snd_wscale;
}

/* Linux doubles what is asked for (socket(7)). */
Test(connector_options, buffers_are_set_before_the_window_is_offered)
{
	const struct weir_connector_options options = {.sndbuf = 20000,
						       .rcvbuf = 30000};
	struct weir_address peer;
	struct connecting c;
	int fd = connect_by(&c, "127.0.0.1:0", &options, &peer);

	cr_expect_eq(get_option(c.outcome, SO_SNDBUF), 40000);
	cr_expect_eq(get_option(c.outcome, SO_RCVBUF), 60000);
	cr_expect_eq(offered_scale(fd), 0);
	close(fd);
	connecting_end(&c);
	fd = connect_by(&c, "127.0.0.1:0", NULL, &peer);
	cr_expect_gt(offered_scale(fd), 0, "here it tells nothing");
	close(fd);
	connecting_end(&c);
}

static void expect_source(const char *local_text, const char *server)
{
	struct weir_address local = harness_address(local_text);
	const struct weir_connector_options options = {.local = &local};
	struct weir_address peer = {.type = SOCK_STREAM};
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct connecting c;
	int fd = connect_by(&c, server, &options, &peer);

	if (local.sa.any.sa_family == AF_INET)
		peer.sa.in.sin_port = 0;
	else
		peer.sa.in6.sin6_port = 0;
	cr_expect_str_eq(weir_address_format(&peer, text, sizeof text),
			 local_text);
	close(fd);
	connecting_end(&c);
}

Test(connector_options, a_local_address_is_the_source)
{
	expect_source("127.0.0.7:0", "127.0.0.1:0");
	expect_source("[::1]:0", "[::1]:0");
}

/* They are read during the call. */
Test(connector_options, a_local_address_is_copied)
{
	struct weir_address server = harness_address("127.0.0.1:0");
	struct weir_address local = harness_address("127.0.0.7:0");
	struct weir_connector_options options = {.local = &local};
	struct sockaddr_in name = {0};
	socklen_t len = sizeof name;
	int listener = harness_listen(&server, BACKLOG);
	struct connecting c;

	connecting_begin(&c);
	connecting_start_by(&c, &server, 1, &options);
	local = harness_address("192.0.2.1:0");
	options.local = NULL;
	connecting_run(&c);
	cr_assert_geq(c.outcome, 0);
	cr_assert_eq(
		getsockname(c.outcome, (struct sockaddr *)(void *)&name, &len),
		0);
	cr_expect_eq(name.sin_addr.s_addr, htonl(0x7f000007));
	close(listener);
	connecting_end(&c);
}

Test(connector_options, a_local_port_is_shared_by_attempts)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0"),
					    harness_address("127.0.0.1:0")};
	struct weir_address local;
	const struct weir_connector_options options = {.local = &local};
	struct connecting c;
	int listener = harness_listen(&addresses[1], BACKLOG);
	int held;
	int fds[2];

	local = harness_refusing_address(&held);
	close(held);
	connecting_listen_full(&addresses[0], fds);
	connecting_begin(&c);
	connecting_start_by(&c, addresses, 2, &options);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0, "%d", c.outcome);
	close(listener);
	connecting_close_both(fds);
	connecting_end(&c);
}

Test(connector_options, an_address_of_another_family_cannot_be_reached)
{
	struct weir_address addresses[2] = {harness_address("[::1]:1"),
					    harness_unix_name()};
	struct weir_address local = harness_address("127.0.0.1:0");
	const struct weir_connector_options options = {.local = &local};
	int listener = harness_listen(&addresses[1], BACKLOG);
	struct connecting c;

	connecting_begin(&c);
	connecting_start_by(&c, addresses, 1, &options);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -EAFNOSUPPORT);
	connecting_end(&c);
	connecting_begin(&c);
	connecting_start_by(&c, addresses, 2, &options);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0, "Unix takes no notice");
	close(listener);
	connecting_end(&c);
}

Test(connector_options, a_local_address_that_is_not_ours_is_told)
{
	struct weir_address server = harness_address("127.0.0.1:1");
	struct weir_address local = harness_address("192.0.2.1:0");
	const struct weir_connector_options options = {.local = &local};
	struct connecting c;

	connecting_begin(&c);
	connecting_start_by(&c, &server, 1, &options);
	connecting_run(&c);
	cr_expect_eq(c.outcome, -EADDRNOTAVAIL);
	connecting_end(&c);
}

Test(connector_options, what_is_out_of_range_is_refused_and_changes_nothing)
{
	struct weir_address server = harness_address("127.0.0.1:1");
	struct weir_address unix_name = harness_unix_name();
	struct weir_address udp = harness_address("udp:127.0.0.1:1");
	const struct weir_connector_options table[] = {{.sndbuf = -1},
						       {.rcvbuf = -1},
						       {.local = &unix_name},
						       {.local = &udp}};
	struct connecting c;

	connecting_begin(&c);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cr_expect_eq(weir_connector_open(&c.connector, c.loop, &server,
						 1, &table[i], connecting_note),
			     -EINVAL);
		cr_expect_not(weir_connector_is_open(&c.connector));
	}
	connecting_end(&c);
}

Test(connector_options, an_option_that_the_kernel_refuses_is_the_outcome)
{
	const struct weir_connector_options options = {.sndbuf = 20000,
						       .rcvbuf = 30000};
	struct weir_address server = harness_address("127.0.0.1:0");
	int listener = harness_listen(&server, BACKLOG);

	for (uint64_t nth = 1; nth <= 2; nth++) {
		struct connecting c;

		fault_result(FAULT_SETSOCKOPT, FAULT_ANY_FD, nth, -ENOBUFS);
		connecting_begin(&c);
		connecting_start_by(&c, &server, 1, &options);
		connecting_run(&c);
		cr_expect_eq(c.outcome, -ENOBUFS);
		connecting_end(&c);
	}
	close(listener);
}
