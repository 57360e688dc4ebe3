/* weir-client's conversations: addresses, ends, failures, the command line. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

TestSuite(client, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

/* Serve one connection as the article's server does, and check both ends. */
static void converse(int listener, const char *address)
{
	struct client client;
	struct client_end end;
	char heard[64];
	int fd;

	client_start_text(&client, address, "Hey~~~");
	fd = client_accept(listener);
	harness_read(fd, heard, 6);
	cr_expect_arr_eq(heard, "Hey~~~", 6);
	harness_write(fd, "Are you want to talk to Me", 26);
	close(fd);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 0, "%s: %s", address, end.err);
	cr_expect_str_eq(end.out, "Are you want to talk to Me");
	cr_expect_str_empty(end.err);
}

Test(client, holds_the_articles_conversation)
{
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen(5, address);

	converse(listener, address);
	close(listener);
}

Test(client, takes_localhost_and_a_bare_port)
{
	char address[CLIENT_ADDRESS_SIZE];
	char other[CLIENT_ADDRESS_SIZE];
	int listener = client_listen(5, address);
	const char *port = strchr(address, ':');

	converse(listener, port);
	snprintf(other, sizeof other, "localhost%s", port);
	converse(listener, other);
	close(listener);
}

Test(client, takes_an_ipv6_address)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *sa = (struct sockaddr *)(void *)&name;
	socklen_t len = sizeof name;
	char address[CLIENT_ADDRESS_SIZE];
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, sa, len) < 0) {
		close(listener);
		cr_skip("no IPv6 on this machine");
	}
	listen(listener, 5);
	getsockname(listener, sa, &len);
	snprintf(address, sizeof address, "[::1]:%d", ntohs(name.sin6_port));
	converse(listener, address);
	close(listener);
}

Test(client, takes_an_abstract_unix_address)
{
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen_unix(5, address);

	converse(listener, address);
	close(listener);
}

Test(client, takes_a_unix_path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/weir-test-XXXXXX";
	char address[CLIENT_ADDRESS_SIZE];
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_not_null(mkdtemp(folder));
	snprintf(name.sun_path, sizeof name.sun_path, "%s/s", folder);
	snprintf(address, sizeof address, "unix:%s/s", folder);
	cr_assert_eq(
		bind(listener, (struct sockaddr *)(void *)&name, sizeof name),
		0);
	listen(listener, 5);
	converse(listener, address);
	close(listener);
	unlink(name.sun_path);
	rmdir(folder);
}

Test(client, an_empty_text_sends_nothing_but_the_end)
{
	struct client client;
	struct client_end end;

	client_open(&client, STDIN_FILENO, CLIENT_PIPE, "");
	client_check_end(client.fd);
	harness_write(client.fd, "so be it", 8);
	client_close(&client, &end);
	cr_expect_str_eq(end.out, "so be it");
}

Test(client, two_dashes_let_the_text_begin_with_one)
{
	struct client client;
	struct client_end end;
	char address[CLIENT_ADDRESS_SIZE];
	char heard[16];
	int listener = client_listen(5, address);
	int fd;

	client_start(&client, STDIN_FILENO, CLIENT_PIPE,
		     (const char *[]){"--timeout", "15s", address, "--", "-x",
				      NULL});
	fd = client_accept(listener);
	client_read_text(fd, heard, sizeof heard);
	cr_expect_str_eq(heard, "-x");
	close(fd);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 0);
	close(listener);
}

Test(client, its_end_of_input_leaves_the_other_direction_open)
{
	struct client client;
	struct client_end end;
	char heard[64];

	client_open(&client, STDIN_FILENO, CLIENT_PIPE, "question");
	harness_write(client.fd, "early, ", 7);
	client_read_text(client.fd, heard, sizeof heard); /* to the end */
	cr_expect_str_eq(heard, "question");
	harness_write(client.fd, "late", 4);
	client_close(&client, &end);
	cr_expect_str_eq(end.out, "early, late");
}

Test(client, the_peers_end_is_its_end_though_its_input_goes_on)
{
	struct client client;
	struct client_end end;
	int in[2];

	client_pipe(in);
	client_open(&client, in[0], CLIENT_PIPE, NULL);
	harness_write(client.fd, "bye", 3);
	client_close(&client, &end);
	cr_expect_str_eq(end.out, "bye");
	client_close_both(in);
}

/* -- failures -- */

static void expect_failure(const struct client_end *end, const char *address,
			   const char *cause)
{
	char line[256];

	snprintf(line, sizeof line, "weir-client: %s: %s\n", address, cause);
	cr_expect_str_eq(end->err, line);
	cr_expect_eq(end->status, 1);
}

Test(client, a_refusal_is_one_line_and_status_1)
{
	struct client client;
	struct client_end end;
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen(5, address);

	/* The port is ours still, so no other program can listen there. */
	shutdown(listener, SHUT_RDWR);
	client_start_text(&client, address, "hello");
	client_wait(&client, &end);
	expect_failure(&end, address, "connection refused");
	cr_expect_str_empty(end.out);
	close(listener);
}

Test(client, a_missing_unix_socket_is_one_line_and_status_1)
{
	struct client client;
	struct client_end end;

	client_start_text(&client, "unix:/nowhere/at/all", "hello");
	client_wait(&client, &end);
	expect_failure(&end, "unix:/nowhere/at/all",
		       "no such file or directory");
}

/* Linux lets one more in than a backlog of 0 says. */
static void expect_timeout(int listener, const char *address)
{
	struct client client;
	struct client_end end;
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	int filler;

	cr_assert_eq(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	filler = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(filler, (struct sockaddr *)&name, len), 0);
	client_start(
		&client, STDIN_FILENO, CLIENT_PIPE,
		(const char *[]){"--timeout=50ms", address, "hello", NULL});
	client_wait(&client, &end);
	expect_failure(&end, address, "connection timed out");
	close(filler);
	close(listener);
}

Test(client, a_full_tcp_backlog_ends_in_the_timeout)
{
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen(0, address);

	expect_timeout(listener, address);
}

Test(client, a_full_unix_backlog_ends_in_the_timeout)
{
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen_unix(0, address);

	expect_timeout(listener, address);
}

/* text NULL: standard input that does not end. */
static void expect_reset(const char *text)
{
	struct client client;
	struct client_end end;
	char printed[5];
	int in[2];

	client_pipe(in);
	client_open(&client, in[0], CLIENT_PIPE, text);
	harness_write(client.fd, "first", 5);
	cr_expect_eq(read(client.out, printed, sizeof printed), 5);
	cr_expect_arr_eq(printed, "first", 5);
	client_reset(client.fd);
	client_wait(&client, &end);
	expect_failure(&end, client.address, "connection reset by peer");
	client_close_both(in);
}

/* A server that ends its side, and then leaves: what it has not taken is told. */
Test(client, says_how_much_a_peer_has_left_unread)
{
	struct client client;
	struct client_end end;
	char byte;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	client_open(&client, zero, CLIENT_PIPE, NULL);
	shutdown(client.fd, SHUT_WR);
	cr_assert_eq(read(client.fd, &byte, 1), 1);
	client_reset(client.fd);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 1);
	cr_expect(strstr(end.err, " bytes unsent"), "%s", end.err);
	close(zero);
}

Test(client, a_reset_is_status_1_while_its_input_goes_on)
{
	expect_reset(NULL);
}

Test(client, a_reset_is_status_1_after_its_input_has_ended)
{
	expect_reset("hello");
}
