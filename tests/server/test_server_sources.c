/* Limits for each address that clients come from. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "sources.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_TRIES = 1000
};

TestSuite(server_sources, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- the table -- */

static struct endpoint_settings settings;
static struct sources *sources;
static bool is_first;

static enum source_verdict admit(const char *from, uint64_t now)
{
	struct weir_address address = harness_address(from);

	return sources_admit(sources, &settings, &address, now, &is_first);
}

static void release(const char *from, uint64_t now)
{
	struct weir_address address = harness_address(from);

	sources_release(sources, &settings, &address, now);
}

static void begin(uint64_t max, uint64_t rate)
{
	settings = (struct endpoint_settings){.max_per_address = max,
					      .rate_per_address = rate,
					      .ipv6_prefix = 64};
	sources = sources_new();
	cr_assert(sources);
}

Test(server_sources, each_address_has_its_own_places)
{
	begin(2, 0);
	cr_expect_eq(admit("10.0.0.1:1", 0), SOURCE_ADMITTED);
	cr_expect_eq(admit("10.0.0.1:2", 0), SOURCE_ADMITTED);
	cr_expect_eq(admit("[::ffff:10.0.0.1]:3", 0), SOURCE_TOO_MANY);
	cr_expect(is_first);
	cr_expect_eq(admit("10.0.0.1:4", 0), SOURCE_TOO_MANY);
	cr_expect_not(is_first);
	cr_expect_eq(admit("10.0.0.2:1", 0), SOURCE_ADMITTED);
	release("10.0.0.1:1", 0);
	cr_expect_eq(admit("10.0.0.1:5", 0), SOURCE_ADMITTED);
	cr_expect_eq(admit("10.0.0.1:5", 0), SOURCE_TOO_MANY);
	cr_expect(is_first);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(admit("unix:@x", 0), SOURCE_ADMITTED);
	sources_free(sources);
}

Test(server_sources, a_network_of_ipv6_is_one_address)
{
	begin(1, 0);
	cr_expect_eq(admit("[fd00::1]:1", 0), SOURCE_ADMITTED);
	cr_expect_eq(admit("[fd00::ffff:0:0:2]:1", 0), SOURCE_TOO_MANY);
	cr_expect_eq(admit("[fd00:0:0:1::1]:1", 0), SOURCE_ADMITTED);
	settings.ipv6_prefix = 63;
	cr_expect_eq(admit("[fd00:0:0:1::1]:1", 0), SOURCE_TOO_MANY);
	sources_free(sources);
}

Test(server_sources, a_rate_allows_as_many_at_once)
{
	uint64_t now = 5 * CLOCK_NS_PER_S;

	begin(0, 4);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(admit("10.0.0.1:1", now), SOURCE_ADMITTED);
		release("10.0.0.1:1", now);
	}
	cr_expect_eq(admit("10.0.0.1:1", now), SOURCE_TOO_FAST);
	cr_expect_eq(admit("10.0.0.2:1", now), SOURCE_ADMITTED);
	now += CLOCK_NS_PER_S / 4;
	cr_expect_eq(admit("10.0.0.1:1", now), SOURCE_ADMITTED);
	cr_expect_eq(admit("10.0.0.1:1", now), SOURCE_TOO_FAST);
	sources_free(sources);
}

/* However many addresses come and go: the counts are right. */
Test(server_sources, forgets_only_those_that_have_gone)
{
	char address[64];

	begin(1, 1000);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(address, sizeof address, "10.%u.%u.1:1", i / 250,
			 i % 250);
		cr_expect_eq(admit(address, i), SOURCE_ADMITTED);
		if (i % 2)
			release(address, i);
	}
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(address, sizeof address, "10.%u.%u.1:1", i / 250,
			 i % 250);
		cr_expect_eq(admit(address, CLOCK_NS_PER_S),
			     i % 2 ? SOURCE_ADMITTED : SOURCE_TOO_MANY);
	}
	sources_free(sources);
}

/* One that has gone could come back at once, and have its rate anew. */
Test(server_sources, remembers_the_rate_of_those_that_have_gone)
{
	uint64_t now = 5 * CLOCK_NS_PER_S;
	char address[64];

	begin(0, 1);
	cr_expect_eq(admit("192.168.0.1:1", now), SOURCE_ADMITTED);
	release("192.168.0.1:1", now);
	/* so many that each chain is searched */
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(address, sizeof address, "10.%u.%u.1:1", i / 250,
			 i % 250);
		cr_expect_eq(admit(address, now), SOURCE_ADMITTED);
		release(address, now);
	}
	cr_expect_eq(admit("192.168.0.1:1", now), SOURCE_TOO_FAST);
	sources_free(sources);
}

/* -- the server -- */

/* From an address of this machine's own network. */
static int dial_from(const char *address, const char *from)
{
	struct weir_address to = harness_address(address);
	struct weir_address own = harness_address(from);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, &own.sa.any, own.len), 0);
	connect_to(fd, &to);
	return fd;
}

Test(server_sources, resets_more_clients_than_an_address_may_have)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[3];
	bool is_served = false;

	served_start(&s, "--max-per-address=2", "--workers=2",
		     "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	for (int i = 0; i < 2; i++) {
		fds[i] = dial_from(address, "127.0.0.2:0");
		expect_echo(fds[i], "let in");
	}
	expect_reset(dial_from(address, "127.0.0.2:0"));
	served_line(&s, "as many as max-per-address are here");
	cr_expect(strstr(s.line, ": 127.0.0.2:"), "%s", s.line);
	fds[2] = dial_from(address, "127.0.0.3:0");
	expect_echo(fds[2], "another address");
	close(fds[0]);
	/* until the server has noticed that it has gone */
	for (int i = 0; !is_served && i < N_TRIES; i++) {
		char byte = 'x';

		fds[0] = dial_from(address, "127.0.0.2:0");
		is_served = send(fds[0], &byte, 1, MSG_NOSIGNAL) == 1 &&
			    recv(fds[0], &byte, 1, 0) == 1;
		if (!is_served)
			close(fds[0]);
	}
	cr_assert(is_served);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&s), 0);
}

/* Neither the one whose refusal is told nor those after it. */
Test(server_sources, one_that_is_refused_takes_no_place)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	int fds[2];

	served_start(&s, "--max-per-address=1", "--max-conns=2",
		     "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fds[0] = dial_from(address, "127.0.0.2:0");
	expect_echo(fds[0], "let in");
	for (int i = 0; i < 5; i++)
		expect_reset(dial_from(address, "127.0.0.2:0"));
	fds[1] = dial_from(address, "127.0.0.3:0");
	expect_echo(fds[1], "another address");
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_sources, counts_the_address_that_a_proxy_tells)
{
	static const char *const headers[] = {
		"PROXY TCP4 1.2.3.4 1.1.1.1 1 2\r\n",
		"PROXY TCP4 1.2.3.5 1.1.1.1 1 2\r\n"};
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[2];
	int fd;

	served_start(&s, "echo=127.0.0.1:0,accept-proxy,max-per-address=1",
		     NULL);
	served_address(&s, "echo", address);
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(address, 0);
		harness_write(fds[i], headers[i], strlen(headers[i]));
		expect_echo(fds[i], "let in");
	}
	fd = dial(address, 0);
	harness_write(fd, headers[0], strlen(headers[0]));
	expect_reset(fd);
	served_line(&s, ": 1.2.3.4:1: as many as max-per-address");
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&s), 0);
}

/* As the server is told, not by default. */
Test(server_sources, looks_at_as_much_of_an_ipv6_address_as_it_is_told)
{
	static const char *const headers[] = {
		"PROXY TCP6 fd00:0:0:1::1 fd00::9 1 2\r\n",
		"PROXY TCP6 fd00:0:0:2::1 fd00::9 1 2\r\n"};
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int fds[2];

	served_start(&s,
		     "echo=127.0.0.1:0,accept-proxy,max-per-address=1,"
		     "address-prefix=48",
		     NULL);
	served_address(&s, "echo", address);
	for (int i = 0; i < 2; i++) {
		fds[i] = dial(address, 0);
		harness_write(fds[i], headers[i], strlen(headers[i]));
		if (i == 0)
			expect_echo(fds[i], "let in");
	}
	expect_reset(fds[1]);
	close(fds[0]);
	cr_assert_eq(served_stop(&s), 0);
}

/* One a second: of many that come soon after another, some do not. */
Test(server_sources, resets_clients_that_come_too_fast)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	bool is_served = true;
	int n;

	served_start(&s, "echo=127.0.0.1:0,rate-per-address=1", NULL);
	served_address(&s, "echo", address);
	for (n = 0; is_served && n < N_TRIES; n++) {
		char byte = 'x';
		int fd = dial(address, 0);

		is_served = send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
			    recv(fd, &byte, 1, 0) == 1;
		close(fd);
	}
	cr_expect_not(is_served);
	cr_expect_gt(n, 1, "the first is let in");
	served_line(&s, ": more a second than rate-per-address");
	cr_assert_eq(served_stop(&s), 0);
}
