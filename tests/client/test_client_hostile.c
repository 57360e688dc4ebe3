/* weir-client and servers that do what none should: each is the end of it in
 * bounded time, with the status that the manual gives. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

enum {
	ENDLESS = 64 << 20,
	GROWTH_KIB = 4096
};

TestSuite(client_hostile, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

static struct client client;
static struct client_end end;

static void expect_failure(const char *out)
{
	cr_expect_eq(end.status, 1);
	cr_expect_str_eq(end.out, out);
	cr_expect_eq(strcspn(end.err, "\n") + 1, strlen(end.err), "%s",
		     end.err);
}

/* As printed so far: it is not lost with the rest. */
static void expect_printed(const char *text)
{
	char printed[64] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		ssize_t n_read =
			read(client.out, printed + n, strlen(text) - n);

		cr_assert_gt(n_read, 0);
		n += (size_t)n_read;
	}
	cr_expect_str_eq(printed, text);
}

Test(client_hostile, a_reset_in_mid_message_is_status_1)
{
	client_open(&client, CLIENT_CLOSED, CLIENT_PIPE, "Hey");
	client_write(client.fd, "half an ans", 11);
	expect_printed("half an ans");
	client_reset(client.fd);
	client_wait(&client, &end);
	expect_failure("");
}

Test(client_hostile, a_byte_at_a_time_is_printed_at_once)
{
	const char *text = "slow";
	int i;

	client_open(&client, CLIENT_CLOSED, CLIENT_PIPE, "Hey");
	for (i = 0; text[i]; i++) {
		const char byte[2] = {text[i], '\0'};

		client_write(client.fd, byte, 1);
		expect_printed(byte);
	}
	client_read_text(client.fd, end.out, sizeof end.out);
	client_close(&client, &end);
}

Test(client_hostile, an_answer_and_an_end_before_the_question_are_an_answer)
{
	char asked[64];

	client_open(&client, CLIENT_CLOSED, CLIENT_PIPE, "Hey");
	client_write(client.fd, "No.", 3);
	shutdown(client.fd, SHUT_WR);
	expect_printed("No.");
	client_read_text(client.fd, asked, sizeof asked);
	cr_expect_str_eq(asked, "Hey");
	client_close(&client, &end);
}

/* The kernel has connected it, and resets it when the listener goes. */
Test(client_hostile, a_server_that_never_accepts_and_goes_is_status_1)
{
	char address[CLIENT_ADDRESS_SIZE];
	struct pollfd pollfd = {.events = POLLIN};

	pollfd.fd = client_listen(1, address);
	client_start_text(&client, address, "Hey");
	cr_assert_eq(poll(&pollfd, 1, -1), 1);
	close(pollfd.fd);
	client_wait(&client, &end);
	expect_failure("");
}

/* A child that writes to the client until that is gone. */
static pid_t write_for_ever(void)
{
	static const char bytes[65536];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(client.out);
	while (send(client.fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

Test(client_hostile, an_endless_answer_takes_no_memory_and_ends_with_its_reader)
{
	static char bytes[65536];
	size_t n_read = 0;
	size_t before_kib;
	pid_t writer;

	client_open(&client, CLIENT_CLOSED, CLIENT_PIPE, "Hey");
	client_write(client.fd, "first", 5);
	expect_printed("first"); /* so it has set up what it needs */
	before_kib = client_peak_kib(&client);
	writer = write_for_ever();
	while (n_read < ENDLESS) {
		ssize_t n = read(client.out, bytes, sizeof bytes);

		cr_assert_gt(n, 0);
		n_read += (size_t)n;
	}
	cr_expect_lt(client_peak_kib(&client), before_kib + GROWTH_KIB);
	close(client.out);
	client.out = -1;
	client_wait(&client, &end);
	expect_failure("");
	close(client.fd);
	cr_expect_eq(waitpid(writer, NULL, 0), writer);
}
