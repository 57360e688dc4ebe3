/* --proxy-protocol: relay tells its target the client's address. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy_header.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_V2 = 28,
	N_V2_IPV6 = 52,
	N_LOCAL = 16
};

TestSuite(server_relay_proxy, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* Read a header of n bytes from the target's side. */
static struct proxy_header read_header(int fd, size_t n)
{
	unsigned char data[PROXY_HEADER_WRITTEN_SIZE];
	struct proxy_header header;

	harness_read(fd, data, n);
	cr_assert_eq(proxy_header_parse(&header, data, n), PROXY_WHOLE);
	cr_assert_eq(header.size, n);
	return header;
}

static void check_address(const struct weir_address *address,
			  const char *expected)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	cr_assert_str_eq(weir_address_format(address, text, sizeof text),
			 expected);
}

Test(server_relay_proxy, tells_the_target_of_a_relay_who_its_client_is)
{
	struct proxy_header header;
	struct relay r;
	char own[WEIR_ADDRESS_TEXT_SIZE];
	int client;
	int target;

	RELAY_OPEN(&r, &client, &target, "--proxy-protocol", NULL);
	own_address(client, own);
	write_pattern(client, 1000, 1);
	header = read_header(target, N_V2);
	check_address(&header.source, own);
	check_address(&header.destination, r.address);
	read_pattern(target, 1000, 1);
	close(target);
	close(client);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_proxy, tells_a_target_that_speaks_first)
{
	struct relay r;
	int client;
	int target;

	relay_start(&r, "[::1]:0", "127.0.0.1:0", "--proxy-protocol", NULL);
	relay_pair(&r, &client, &target);
	read_header(target, N_V2_IPV6);
	write_pattern(target, 10, 1);
	read_pattern(client, 10, 1);
	close(target);
	expect_end(client);
	close(client);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_proxy, tells_of_unix_clients_that_they_are_local)
{
	struct proxy_header header;
	struct relay r;
	char listen[64];
	int client;
	int target;

	snprintf(listen, sizeof listen, "unix:@weir-local-%d", (int)getpid());
	relay_start(&r, listen, "127.0.0.1:0", "--proxy-protocol", NULL);
	relay_pair(&r, &client, &target);
	header = read_header(target, N_LOCAL);
	cr_assert_not(header.has_source);
	close(client);
	expect_end(target);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

/* The header of another proxy is told on, whatever the relay listens on. */
static void check_chain(const char *listen)
{
	static const char line[] =
		"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
	struct proxy_header header;
	struct relay r;
	int client;
	int target;

	relay_start(&r, listen, "127.0.0.1:0", "--proxy-protocol",
		    "--accept-proxy", NULL);
	client = dial(r.address, 0);
	harness_write(client, line, strlen(line));
	write_pattern(client, 1000, 1);
	target = relay_accept(&r);
	header = read_header(target, N_V2);
	check_address(&header.source, "192.0.2.1:56324");
	check_address(&header.destination, "192.0.2.2:443");
	read_pattern(target, 1000, 1);
	close(client);
	expect_end(target);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_proxy, passes_on_the_addresses_that_another_proxy_told)
{
	check_chain("127.0.0.1:0");
	check_chain("[::1]:0");
}

Test(server_relay_proxy, passes_them_on_from_a_unix_socket)
{
	char listen[64];

	snprintf(listen, sizeof listen, "unix:@weir-chain-%d", (int)getpid());
	check_chain(listen);
}

/* Where a header tells no addresses the relay tells those of its client. */
Test(server_relay_proxy, tells_its_own_client_behind_a_local_header)
{
	static const char line[] = "PROXY UNKNOWN\r\n";
	struct proxy_header header;
	struct relay r;
	char own[WEIR_ADDRESS_TEXT_SIZE];
	int client;
	int target;

	relay_start(&r, "127.0.0.1:0", "127.0.0.1:0", "--proxy-protocol",
		    "--accept-proxy", NULL);
	client = dial(r.address, 0);
	own_address(client, own);
	harness_write(client, line, strlen(line));
	target = relay_accept(&r);
	header = read_header(target, N_V2);
	check_address(&header.source, own);
	check_address(&header.destination, r.address);
	close(client);
	expect_end(target);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}

Test(server_relay_proxy, sends_version_1_if_told_to)
{
	char line[PROXY_HEADER_WRITTEN_SIZE];
	char expected[sizeof line];
	struct relay r;
	char own[WEIR_ADDRESS_TEXT_SIZE];
	int client;
	int target;

	RELAY_OPEN(&r, &client, &target, "--proxy-protocol",
		   "--proxy-version=1", NULL);
	own_address(client, own);
	snprintf(expected, sizeof expected,
		 "PROXY TCP4 127.0.0.1 127.0.0.1 %s %s\r\n",
		 strchr(own, ':') + 1, strchr(r.address, ':') + 1);
	harness_read(target, line, strlen(expected));
	cr_assert_arr_eq(line, expected, strlen(expected));
	close(client);
	expect_end(target);
	close(target);
	cr_assert_eq(relay_end(&r), 0);
}
