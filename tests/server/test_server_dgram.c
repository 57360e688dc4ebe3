/* weir-server's services over datagrams. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	SEED = 7,
	LARGE = 65000,
	N_BURST = 500,
	N_FLOOD = 1100,
	TEXT_SIZE = 256,
	PATIENCE_MS = 10000,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(server_dgram, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static unsigned char data[LARGE];

/* A blocking socket connected to address, with a name so that it can be
 * answered; the kernel chooses one on Unix too (unix(7), autobind). */
static int dial_dgram(const char *text)
{
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	struct weir_address address = harness_address(text);
	int family = address.sa.any.sa_family;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	if (family == AF_UNIX)
		cr_assert_eq(bind(fd, &unnamed, sizeof unnamed.sa_family), 0);
	cr_assert_eq(connect(fd, &address.sa.any, address.len), 0, "%s", text);
	return fd;
}

/* SERVICE=ADDRESS at an abstract Unix name of this test's own. */
static const char *offer_at_name(const char *service, char *text)
{
	snprintf(text, TEXT_SIZE, "%s=unixgram:@weir-test-%s-%d", service,
		 service, (int)getpid());
	return text;
}

static void say(int fd, uint64_t seed, size_t n)
{
	harness_fill(data, n, seed, 0);
	cr_assert_eq(send(fd, data, n, 0), (ssize_t)n, "%s", strerror(errno));
}

static void expect_back(int fd, uint64_t seed, size_t n)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	cr_assert_eq(poll(&pollfd, 1, PATIENCE_MS), 1, "nothing comes back");
	cr_assert_eq(recv(fd, data, sizeof data, MSG_TRUNC), (ssize_t)n);
	harness_check(data, n, seed, 0);
}

static void expect_nothing_back(int fd)
{
	cr_assert_lt(recv(fd, data, sizeof data, MSG_DONTWAIT), 0);
}

/* -- each service on every kind of address -- */

static void check_echo(const char *address)
{
	static const size_t sizes[] = {6, 0, 1400, LARGE};
	int fd = dial_dgram(address);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		say(fd, i, sizes[i]);
		expect_back(fd, i, sizes[i]);
	}
	close(fd);
}

/* The echo that comes last shows that the server has been there. */
static void check_discard(const char *address, const char *echo)
{
	int fd = dial_dgram(address);

	say(fd, SEED, 6);
	check_echo(echo);
	expect_nothing_back(fd);
	close(fd);
}

static void check_services(const char *where[2])
{
	char offers[2][TEXT_SIZE];
	char addresses[2][SERVED_ADDRESS_SIZE];
	struct served s;

	snprintf(offers[0], TEXT_SIZE, "echo=%s", where[0]);
	snprintf(offers[1], TEXT_SIZE, "discard=%s", where[1]);
	served_start(&s, offers[0], offers[1], NULL);
	served_address(&s, "echo", addresses[0]);
	served_address(&s, "discard", addresses[1]);
	check_echo(addresses[0]);
	check_discard(addresses[1], addresses[0]);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_dgram, serves_over_udp)
{
	const char *v4[2] = {"udp:127.0.0.1:0", "udp:127.0.0.1:0"};
	const char *v6[2] = {"udp:[::1]:0", "udp:[::1]:0"};

	check_services(v4);
	check_services(v6);
}

Test(server_dgram, serves_over_unix_names_and_paths_and_removes_the_files)
{
	char names[2][TEXT_SIZE];
	const char *where[2] = {
		strchr(offer_at_name("echo", names[0]), '=') + 1,
		strchr(offer_at_name("discard", names[1]), '=') + 1};
	struct weir_address echo = harness_unix_path("echo");
	struct weir_address discard = harness_unix_path("discard");
	char texts[2][WEIR_ADDRESS_TEXT_SIZE];
	const char *paths[2] = {texts[0], texts[1]};

	check_services(where);
	echo.type = SOCK_DGRAM;
	discard.type = SOCK_DGRAM;
	weir_address_format(&echo, texts[0], sizeof texts[0]);
	weir_address_format(&discard, texts[1], sizeof texts[1]);
	check_services(paths);
	cr_assert_lt(access(echo.sa.un.sun_path, F_OK), 0);
	cr_assert_lt(access(discard.sa.un.sun_path, F_OK), 0);
	harness_remove_folder();
}

Test(server_dgram, a_bare_port_is_served_in_both_families)
{
	char first[SERVED_ADDRESS_SIZE];
	char second[SERVED_ADDRESS_SIZE];
	char address[TEXT_SIZE];
	struct served s;

	served_start(&s, "echo=udp::0", NULL);
	served_address(&s, "echo", first);
	served_address(&s, "echo", second);
	snprintf(address, sizeof address, "udp:[::1]%s", strrchr(first, ':'));
	check_echo(address);
	snprintf(address, sizeof address, "udp:127.0.0.1%s",
		 strrchr(second, ':'));
	check_echo(address);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- senders that are slow, or cannot be answered -- */

/* Few fit the queue of a Unix receiver: the rest waits in the server. */
Test(server_dgram, a_burst_is_echoed_whole_and_in_order)
{
	char endpoint[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	int fd;

	served_start(&s, offer_at_name("echo", endpoint), NULL);
	served_address(&s, "echo", address);
	fd = dial_dgram(address);
	for (unsigned i = 0; i < N_BURST; i++)
		say(fd, i, 100);
	for (unsigned i = 0; i < N_BURST; i++)
		expect_back(fd, i, 100);
	expect_nothing_back(fd);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* One client floods and does not read, the other is served meanwhile; of the
 * first one's answers those that have no room are dropped, and told of. It is
 * not connected: the kernel lets one that is fill the server's send buffer. */
/* -- sources that are not answered -- */

/* As dial_dgram, from there: 127.0.0.2:PORT. */
static int dial_from(const char *from, const char *text)
{
	struct weir_address source = harness_address(from);
	struct weir_address address = harness_address(text);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, &source.sa.any, source.len), 0, "%s", from);
	cr_assert_eq(connect(fd, &address.sa.any, address.len), 0, "%s", text);
	return fd;
}

/* What comes from there is not answered; what comes after it is. */
static void check_unanswered(const char *from, const char *address)
{
	int fd = dial_from(from, address);
	int other = dial_dgram(address);

	say(fd, SEED, 6);
	say(other, SEED, 6);
	expect_back(other, SEED, 6);
	expect_nothing_back(fd);
	close(other);
	close(fd);
}

/* It would be answered in turn, by others of its kind or by itself. */
Test(server_dgram, does_not_answer_what_would_answer_in_turn)
{
	struct served s;
	char first[SERVED_ADDRESS_SIZE];
	char second[SERVED_ADDRESS_SIZE];
	char from[TEXT_SIZE];

	served_start(&s, "echo=udp:127.0.0.1:0", "echo=udp:127.0.0.1:0", NULL);
	served_address(&s, "echo", first);
	served_address(&s, "echo", second);
	snprintf(from, sizeof from, "udp:127.0.0.2%s", strrchr(first, ':'));
	check_unanswered(from, first);
	check_unanswered(from, second);
	if (geteuid() == 0)
		check_unanswered("udp:127.0.0.2:7", first);
	cr_assert_eq(served_stop(&s), 0);
}

/* Many machines may have it, and all would answer. What is sent after it is
 * answered, so the server has had it. */
static void check_many(int fd, const char *host, const char *address)
{
	char text[TEXT_SIZE];
	struct weir_address to;

	snprintf(text, sizeof text, "%s%s", host, strrchr(address, ':'));
	to = harness_address(text);
	cr_assert_eq(sendto(fd, "many", 4, 0, &to.sa.any, to.len), 4, "%s",
		     strerror(errno));
	snprintf(text, sizeof text, "udp:127.0.0.1%s", strrchr(address, ':'));
	to = harness_address(text);
	harness_fill(data, 6, SEED, 0);
	cr_assert_eq(sendto(fd, data, 6, 0, &to.sa.any, to.len), 6);
	expect_back(fd, SEED, 6);
	expect_nothing_back(fd);
}

Test(server_dgram, answers_no_broadcast_and_no_group)
{
	struct weir_address group = harness_address("udp:239.7.7.7:0");
	struct ip_mreqn on_loopback = {.imr_multiaddr = group.sa.in.sin_addr,
				       .imr_address.s_addr =
					       htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char address[SERVED_ADDRESS_SIZE];
	struct served s;

	served_start(&s, "echo=udp:0.0.0.0:0", NULL);
	served_address(&s, "echo", address);
	/* all sockets on the port hear what one socket has joined (ip(7),
	 * IP_MULTICAST_ALL) */
	must(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &on_loopback,
			sizeof on_loopback),
	     "join");
	must(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &on_loopback,
			sizeof on_loopback),
	     "choose the interface");
	must(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)),
	     "allow broadcasts");
	check_many(fd, "udp:239.7.7.7", address);
	check_many(fd, "udp:127.255.255.255", address);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* One source at a time: another is answered all the same. */
Test(server_dgram, answers_no_source_faster_than_it_should)
{
	uint64_t start;
	uint64_t n_seconds;
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	int n_answers = 0;
	int fd;
	int other;

	served_start(&s, "--udp-rate=10", "echo=udp:127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial_from("udp:127.0.0.2:0", address);
	other = dial_dgram(address);
	start = clock_read(CLOCK_MONOTONIC);
	for (int i = 0; i < 100; i++)
		say(fd, SEED, 6);
	say(other, SEED, 6);
	expect_back(other, SEED, 6);
	n_seconds = (clock_read(CLOCK_MONOTONIC) - start) / CLOCK_NS_PER_S;
	while (recv(fd, data, sizeof data, MSG_DONTWAIT) >= 0)
		n_answers++;
	cr_expect_geq(n_answers, 10);
	cr_expect_leq(n_answers, 10 * (int)(n_seconds + 2));
	close(other);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* -- queues -- */

Test(server_dgram, a_client_who_does_not_read_does_not_hold_up_another)
{
	char endpoint[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	struct weir_address server;
	int stuck = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	served_start(&s, offer_at_name("echo", endpoint), NULL);
	served_address(&s, "echo", address);
	server = harness_address(address);
	cr_assert_eq(bind(stuck, &unnamed, sizeof unnamed.sa_family), 0);
	for (unsigned i = 0; i < N_FLOOD; i++)
		cr_assert_eq(
			sendto(stuck, "x", 1, 0, &server.sa.any, server.len),
			1);
	check_echo(address);
	close(stuck);
	served_line(&s, "datagrams dropped so far");
	check_echo(address);
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	cr_assert(strstr(s.text, " datagrams dropped, 0 cut; "), "%s", s.text);
	served_forget(&s);
}

Test(server_dgram, a_sender_without_a_name_is_not_answered)
{
	struct weir_address name;
	char endpoint[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	served_start(&s, offer_at_name("echo", endpoint), NULL);
	served_address(&s, "echo", address);
	name = harness_address(address);
	cr_assert_eq(sendto(fd, "Hey", 3, 0, &name.sa.any, name.len), 3);
	check_echo(address);
	expect_nothing_back(fd);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

/* What had been sent before the signal is answered. */
Test(server_dgram, what_has_come_is_answered_at_the_end)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	int fd;

	served_start(&s, "echo=udp:127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial_dgram(address);
	cr_assert_eq(kill(s.pid, SIGSTOP), 0);
	say(fd, SEED, 100);
	cr_assert_eq(kill(s.pid, SIGTERM), 0);
	cr_assert_eq(kill(s.pid, SIGCONT), 0);
	expect_back(fd, SEED, 100);
	cr_assert_eq(served_end(&s), 0);
	close(fd);
}

/* -- refusals -- */

Test(server_dgram, services_for_streams_are_refused)
{
	expect_refusal_of("greet=udp:127.0.0.1:0",
			  "greet=udp:127.0.0.1:0: expected a stream: only echo "
			  "and discard serve datagrams");
	expect_refusal_of("chargen=unixgram:@x",
			  "chargen=unixgram:@x: expected a stream: only echo "
			  "and discard serve datagrams");
}

Test(server_dgram, addresses_that_cannot_be_had_are_told)
{
	struct weir_address address = harness_address("udp:127.0.0.1:0");
	socklen_t len = sizeof address.sa;
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char endpoint[TEXT_SIZE];
	char reason[2 * TEXT_SIZE];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, &address.sa.any, address.len), 0);
	cr_assert_eq(getsockname(fd, &address.sa.any, &len), 0);
	weir_address_format(&address, text, sizeof text);
	snprintf(endpoint, sizeof endpoint, "echo=%s", text);
	snprintf(reason, sizeof reason,
		 "echo: cannot listen on %s: Address already in use", text);
	expect_refusal_of(endpoint, reason);
	close(fd);
	expect_refusal_of("discard=udp:192.0.2.1:7009",
			  "discard: cannot listen on udp:192.0.2.1:7009: "
			  "this machine has no such address");
}
