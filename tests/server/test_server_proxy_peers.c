/* The PROXY header beside HAProxy's, whose protocol it is. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	PATH_SIZE = 128,
	TEXT_SIZE = 256
};

TestSuite(server_proxy_peers, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* HAProxy listens at a free port of 127.0.0.1, with these words behind bind,
 * and sends its clients on to target, with these behind server. */
struct balancer {
	struct tool tool;
	char address[TEXT_SIZE];
};

static void start_haproxy(struct balancer *b, const char *bind,
			  const char *target, const char *server)
{
	struct weir_address path = harness_unix_path("haproxy.cfg");
	FILE *file = fopen(path.sa.un.sun_path, "we");

	cr_assert(file);
	snprintf(b->address, sizeof b->address, "127.0.0.1:%u", free_port());
	fprintf(file,
		"global\n"
		"	maxconn 100\n"
		"defaults\n"
		"	mode tcp\n"
		"	unique-id-format %%Ts.%%rt\n"
		"	timeout connect 20s\n"
		"	timeout client 60s\n"
		"	timeout server 60s\n"
		"listen weir\n"
		"	bind %s %s\n"
		"	server target %s %s\n",
		b->address, bind, target, server);
	fclose(file);
	tool_start(&b->tool, (const char *[]){"haproxy", "-db", "-f",
					      path.sa.un.sun_path, NULL});
	await_listener(b->address);
}

static void stop_haproxy(struct balancer *b)
{
	tool_kill(&b->tool);
	harness_remove_folder();
}

/* -- HAProxy in front -- */

static void check_in_front(const char *server)
{
	struct served s;
	struct balancer b;
	char address[SERVED_ADDRESS_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	char expected[TEXT_SIZE];
	int fd;

	if (!has_tool("haproxy"))
		cr_skip_test("there is no HAProxy here");
	served_start(&s, "--accept-proxy", "greet=127.0.0.1:0", NULL);
	served_address(&s, "greet", address);
	start_haproxy(&b, "", address, server);
	for (int i = 0; i < 3; i++) {
		fd = dial(b.address, 0);
		own_address(fd, own);
		snprintf(expected, sizeof expected, " %s: Hey~~~", own);
		expect_greeting(fd, "Hey~~~");
		close(fd);
		served_line(&s, expected);
	}
	stop_haproxy(&b);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_proxy_peers, understands_haproxys_version_1)
{
	check_in_front("send-proxy");
}

Test(server_proxy_peers, understands_haproxys_version_2)
{
	check_in_front("send-proxy-v2");
}

Test(server_proxy_peers, verifies_haproxys_checksum)
{
	check_in_front("send-proxy-v2 proxy-v2-options crc32c,unique-id");
}

/* Its health checks say LOCAL, or nothing at all: neither harms. */
Test(server_proxy_peers, bears_haproxys_health_checks)
{
	check_in_front("send-proxy-v2 check inter 20ms check-send-proxy");
}

/* -- HAProxy behind -- */

/* It understands the relay's header, and says so in version 1. */
Test(server_proxy_peers, is_understood_by_haproxy)
{
	struct weir_address behind = harness_address("127.0.0.1:0");
	int listener = harness_listen(&behind, 8);
	char target[WEIR_ADDRESS_TEXT_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	char endpoint[2 * TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	char expected[2 * TEXT_SIZE];
	char line[2 * TEXT_SIZE] = "";
	struct balancer b;
	struct served s;
	int client;
	int fd;

	if (!has_tool("haproxy")) {
		close(listener);
		cr_skip_test("there is no HAProxy here");
	}
	weir_address_format(&behind, target, sizeof target);
	start_haproxy(&b, "accept-proxy", target, "send-proxy");
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,%s", b.address);
	served_start(&s, "--proxy-protocol", endpoint, NULL);
	served_address(&s, "relay", address);
	client = dial(address, 0);
	own_address(client, own);
	snprintf(expected, sizeof expected,
		 "PROXY TCP4 127.0.0.1 127.0.0.1 %s %s\r\nHey~~~",
		 strrchr(own, ':') + 1, strrchr(address, ':') + 1);
	harness_write(client, "Hey~~~", 6);
	fd = accept_at(listener);
	harness_read(fd, line, strlen(expected));
	cr_assert_str_eq(line, expected);
	close(fd);
	expect_end(client);
	close(client);
	close(listener);
	cr_assert_eq(served_stop(&s), 0);
	stop_haproxy(&b);
}
