/* --trusted and --untrusted: from where PROXY headers are believed. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "network.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(server_trust, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- who is trusted -- */

static void check_trust(const char *options, const char *from, bool is_trusted)
{
	static const char header[] = "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";
	char endpoint[2 * WEIR_ADDRESS_TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct weir_address own = harness_address(from);
	struct weir_address to;
	struct served s;
	int fd;

	snprintf(endpoint, sizeof endpoint, "echo=0.0.0.0:0,accept-proxy,%s",
		 options);
	served_start(&s, endpoint, "--trace", NULL);
	served_address(&s, "echo", address);
	snprintf(endpoint, sizeof endpoint, "127.0.0.1%s",
		 strrchr(address, ':'));
	to = harness_address(endpoint);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, &own.sa.any, own.len), 0);
	connect_to(fd, &to);
	if (strstr(options, "untrusted=refuse")) {
		expect_reset(fd);
		served_line(&s, ": it comes from no trusted network");
		cr_expect(strstr(s.line, ": 127.0.0.1:"), "%s", s.line);
	} else {
		if (is_trusted)
			harness_write(fd, header, sizeof header - 1);
		expect_echo(fd, "who am I?");
		served_line(&s,
			    is_trusted ? "trace 1.2.3.4:1 " : "trace 127.0.0.");
		close(fd);
	}
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_trust, believes_the_header_of_a_trusted_network)
{
	check_trust("trusted=10.0.0.0/8,trusted=127.0.0.0/8", "127.0.0.1:0",
		    true);
	check_trust("trusted=127.0.0.2", "127.0.0.2:0", true);
	check_trust("trusted=::ffff:127.0.0.0/104", "127.0.0.1:0", true);
}

Test(server_trust, serves_others_as_themselves_or_refuses_them)
{
	check_trust("trusted=127.0.0.2/31,untrusted=serve", "127.0.0.1:0",
		    false);
	check_trust("trusted=127.0.0.2/31,untrusted=refuse", "127.0.0.1:0",
		    false);
	check_trust("trusted=::/0,untrusted=serve", "127.0.0.1:0", true);
}

/* Whoever can open it has been let in by its mode. */
Test(server_trust, a_unix_socket_is_trusted)
{
	static const char header[] = "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";
	struct weir_address path = harness_unix_path("trusted");
	char address[WEIR_ADDRESS_TEXT_SIZE];
	char endpoint[2 * WEIR_ADDRESS_TEXT_SIZE];
	struct served s;
	int fd;

	snprintf(endpoint, sizeof endpoint,
		 "echo=%s,accept-proxy,trusted=10.0.0.0/8",
		 weir_address_format(&path, address, sizeof address));
	served_start(&s, endpoint, "--trace", NULL);
	served_line(&s, "echo listening on");
	fd = dial(address, 0);
	harness_write(fd, header, sizeof header - 1);
	expect_echo(fd, "who am I?");
	served_line(&s, "trace 1.2.3.4:1 ");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	harness_remove_folder();
}

Test(server_trust, the_metrics_await_no_header)
{
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	static const char status[] = "HTTP/1.1 200";
	char address[SERVED_ADDRESS_SIZE];
	char answer[sizeof status];
	struct served s;
	int fd;

	served_start(&s, "--accept-proxy", "--metrics=127.0.0.1:0",
		     "echo=127.0.0.1:0", NULL);
	served_address(&s, "metrics", address);
	fd = dial(address, 0);
	harness_write(fd, request, sizeof request - 1);
	harness_read(fd, answer, sizeof status - 1);
	cr_expect_arr_eq(answer, status, sizeof status - 1);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* It is neither pending nor a client any more. */
Test(server_trust, a_health_check_takes_no_place)
{
	static const char header[] = "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	static char text[1 << 20];
	char address[SERVED_ADDRESS_SIZE];
	char metrics[SERVED_ADDRESS_SIZE];
	struct served s;
	size_t n = 0;
	ssize_t n_read;
	int fd;
	int asking;

	served_start(&s, "--max-conns=1", "--metrics=127.0.0.1:0",
		     "echo=127.0.0.1:0,accept-proxy", NULL);
	served_address(&s, "metrics", metrics);
	served_address(&s, "echo", address);
	for (int i = 0; i < 3; i++) {
		fd = dial(address, 0);
		shutdown(fd, SHUT_WR);
		expect_end(fd);
		close(fd);
	}
	fd = dial(address, 0);
	harness_write(fd, header, sizeof header - 1);
	expect_echo(fd, "served");
	asking = dial(metrics, 0);
	harness_write(asking, request, sizeof request - 1);
	while ((n_read = recv(asking, text + n, sizeof text - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	text[n] = '\0';
	cr_expect(strstr(text, "\nweir_connections_pending{service=\"echo\","
			       "worker=\"0\"} 0\n"));
	close(asking);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* Refused, it is counted no more. */
Test(server_trust, one_that_is_refused_takes_no_place)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	int fd;

	served_start(&s, "--max-conns=2", "echo=127.0.0.1:0",
		     "discard=127.0.0.1:0,accept-proxy,trusted=10.0.0.0/8",
		     NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	served_address(&s, "discard", address);
	for (int i = 0; i < 5; i++) {
		expect_reset_at(address);
		served_line(&s, ": it comes from no trusted network");
	}
	expect_echo(fd, "still here");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- networks -- */

static bool holds(const char *network, const char *address)
{
	struct networks networks = {.n = 1};
	struct weir_address a = harness_address(address);

	cr_assert(network_parse(&networks.list[0], network), "%s", network);
	return networks_hold(&networks, &a);
}

Test(server_trust, a_network_is_a_prefix)
{
	struct network n;

	cr_expect(holds("10.1.2.0/23", "10.1.3.255:1"));
	cr_expect_not(holds("10.1.2.0/23", "10.1.4.0:1"));
	cr_expect(holds("0.0.0.0/0", "10.1.4.0:1"));
	cr_expect_not(holds("0.0.0.0/0", "[::1]:1"));
	cr_expect(holds("10.1.2.3", "[::ffff:10.1.2.3]:1"));
	cr_expect_not(holds("10.1.2.3", "10.1.2.2:1"));
	cr_expect(holds("fd00::/9", "[fd7f::1]:1"));
	cr_expect_not(holds("fd00::/9", "[fd80::1]:1"));
	cr_expect_not(holds("fd00::/9", "unix:@x"));
	cr_expect_not(holds("10.1.2.0/23", "10.1.1.0:1"));
	cr_expect(holds("10.1.2.128/25", "10.1.2.128:1"));
	cr_expect_not(holds("10.1.2.128/25", "10.1.2.127:1"));
	cr_expect_not(network_parse(&n, "10.0.0.0/33"));
	cr_expect_not(network_parse(&n, "::/129"));
	cr_expect_not(network_parse(&n, "10.0.0/8"));
	cr_expect_not(network_parse(&n, "::/"));
	cr_expect_not(network_parse(&n, "localhost"));
	cr_expect_not(network_parse(&n, ""));
}

static bool is_unicast(const char *address)
{
	struct weir_address a = harness_address(address);

	return network_is_unicast(&a);
}

Test(server_trust, groups_and_broadcasts_are_not_one_machine)
{
	cr_expect(is_unicast("1.2.3.4:1"));
	cr_expect(is_unicast("223.255.255.255:1"));
	cr_expect(is_unicast("[::1]:1"));
	cr_expect(is_unicast("[::ffff:1.2.3.4]:1"));
	cr_expect_not(is_unicast("224.0.0.1:1"));
	cr_expect_not(is_unicast("255.255.255.255:1"));
	cr_expect_not(is_unicast("[::ffff:239.1.1.1]:1"));
	cr_expect_not(is_unicast("[ff02::1]:1"));
	cr_expect_not(is_unicast("0.0.0.0:1"));
	cr_expect_not(is_unicast("[::]:1"));
}
