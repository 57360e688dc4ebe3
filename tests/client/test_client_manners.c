/* weir-client's manners: little memory however much goes through, a reason for
 * each failure of its standard descriptors, and their flags as they were. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

enum {
	BLOCK_SIZE = 65536,
	VOLUME = 67108864,
	QUEUE_MAX = 262144
};

/* What may come on top of a start: the queue, a piece of each direction, the
 * chunks that the pool keeps. */
enum {
#ifdef __SANITIZE_ADDRESS__
	GROWTH_KIB = 16384 /* and what was freed is not used again at once */
#else
	GROWTH_KIB = 4096
#endif
};

TestSuite(client_manners, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

/* -- much at once -- */

/* An echo server in a thread. It writes what it has read before it reads more,
 * so it stands still for a client that does not read while it sends. */
struct echo {
	pthread_t thread;
	int listener;
	int go; /* when all is echoed it waits for a byte before it ends */
};

static void *serve_echo(void *argument)
{
	static unsigned char block[BLOCK_SIZE];
	const struct echo *echo = argument;
	int fd = client_accept(echo->listener);
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0)
		client_write(fd, block, (size_t)n);
	while (read(echo->go, block, 1) < 0 && errno == EINTR)
		;
	close(fd);
	return NULL;
}

/* Send a page round, after which everything is set up. */
static void warm_up(int in, int out)
{
	unsigned char page[4096];

	harness_fill(page, sizeof page, 2, 0);
	client_write(in, page, sizeof page);
	for (size_t n = 0; n < sizeof page;)
		n += (size_t)read(out, page + n, sizeof page - n);
	harness_check(page, sizeof page, 2, 0);
}

Test(client_manners, much_goes_both_ways_at_once_in_little_memory)
{
	struct client client;
	struct client_end end;
	struct client_pour pour;
	struct echo echo;
	char address[CLIENT_ADDRESS_SIZE];
	size_t before_kib;
	int in[2];
	int go[2];

	client_pipe(in);
	client_pipe(go);
	echo.listener = client_listen(5, address);
	echo.go = go[0];
	pthread_create(&echo.thread, NULL, serve_echo, &echo);
	client_start(&client, in[0], CLIENT_PIPE,
		     (const char *[]){address, NULL});
	close(in[0]);
	warm_up(in[1], client.out);
	before_kib = client_peak_kib(&client);
	client_pour_start(&pour, in[1], VOLUME);
	client_check_stream(client.out, VOLUME, BLOCK_SIZE);
	cr_expect_lt(client_peak_kib(&client), before_kib + GROWTH_KIB);
	client_write(go[1], "", 1);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 0, "%s", end.err);
	cr_expect_str_empty(end.out);
	client_pour_wait(&pour);
	pthread_join(echo.thread, NULL);
	client_close_both(go);
	close(echo.listener);
}

/* How much a client holds is what it has read of the file and its peer has not
 * been given; when that is more than fits the queue, a piece was refused. */
Test(client_manners, a_full_queue_is_filled_again_when_the_peer_reads_on)
{
	struct client client;
	struct client_end end;
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen_unix(5, address);
	int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int n_given = 0;
	int fd;

	client_write_stream(file, 8 * QUEUE_MAX);
	lseek(file, 0, SEEK_SET);
	client_start(&client, file, null, (const char *[]){address, NULL});
	fd = client_accept(listener);
	while (lseek(file, 0, SEEK_CUR) - n_given <= QUEUE_MAX)
		cr_assert_eq(ioctl(fd, FIONREAD, &n_given), 0);
	client_check_stream(fd, 8 * QUEUE_MAX, BLOCK_SIZE);
	client_check_end(fd);
	close(fd);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 0, "%s", end.err);
	close(file);
	close(null);
	close(listener);
}

/* -- one direction that stands still -- */

Test(client_manners, an_output_that_is_full_does_not_hold_up_its_input)
{
	struct client client;
	struct client_end end;
	struct client_pour pour;
	char text[4];
	int in[2];
	int out[2];

	client_pipe(in);
	client_pipe(out);
	cr_assert_eq(fcntl(out[1], F_SETPIPE_SZ, 4096), 4096);
	client_open(&client, in[0], out[1], NULL);
	close(out[1]);
	client_pour_start(&pour, client.fd, VOLUME / 64);
	client_check_stream(out[0], 1, 1);
	/* What is left of the first page keeps the next one out. */
	client_write(in[1], "ask\n", 4);
	harness_read(client.fd, text, 4);
	cr_expect_arr_eq(text, "ask\n", 4);
	while (read(out[0], text, sizeof text) > 0)
		;
	client_pour_wait(&pour);
	client_close(&client, &end);
	client_close_both(in);
	close(out[0]);
}

Test(client_manners, a_peer_that_reads_nothing_does_not_hold_up_its_output)
{
	struct client client;
	struct client_end end;
	char text[4];
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	client_open(&client, zeros, CLIENT_PIPE, NULL);
	for (int i = 0; i < 1000; i++) {
		harness_write(client.fd, "say\n", 4);
		cr_assert_eq(read(client.out, text, sizeof text), 4);
	}
	client_reset(client.fd);
	client_wait(&client, &end);
	cr_expect_eq(end.status, 1);
	cr_expect_not_null(strstr(end.err, " bytes unsent"), "%s", end.err);
	close(zeros);
}

/* -- descriptors that fail -- */

/* With text there is something to print to out; the server must be told by a
 * reset that it has not heard all, or was not heard. */
static void expect_failure(int in, int out, const char *text, const char *line)
{
	struct client client;
	struct client_end end;
	char whole[128];
	char byte;

	client_open(&client, in, out, NULL);
	if (text)
		harness_write(client.fd, text, 4);
	client_wait(&client, &end);
	snprintf(whole, sizeof whole, "weir-client: standard %s\n", line);
	cr_expect_str_eq(end.err, whole);
	cr_expect_eq(end.status, 1);
	cr_expect_lt(recv(client.fd, &byte, 1, 0), 0);
	cr_expect_eq(errno, ECONNRESET);
	close(client.fd);
}

/* Its input does not end. */
static void expect_output_failure(int out, const char *cause)
{
	char line[64];
	int in[2];

	client_pipe(in);
	snprintf(line, sizeof line, "output: %s", cause);
	expect_failure(in[0], out, "text", line);
	client_close_both(in);
}

Test(client_manners, a_directory_as_input_is_an_error)
{
	int in = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	expect_failure(in, CLIENT_PIPE, NULL, "input: is a directory");
	close(in);
}

Test(client_manners, a_closed_input_is_an_error)
{
	expect_failure(CLIENT_CLOSED, CLIENT_PIPE, NULL,
		       "input: bad file descriptor");
}

Test(client_manners, a_closed_output_is_an_error_once_there_is_some)
{
	expect_output_failure(CLIENT_CLOSED, "bad file descriptor");
}

Test(client_manners, an_output_that_is_not_read_is_an_error)
{
	int out[2];

	client_pipe(out);
	close(out[0]);
	expect_output_failure(out[1], "broken pipe");
	close(out[1]);
}

Test(client_manners, a_full_disk_is_an_error)
{
	int out = open("/dev/full", O_WRONLY | O_CLOEXEC);

	expect_output_failure(out, "no space left on device");
	close(out);
}

/* -- descriptors that are shared -- */

/* The flags belong to the open file, which our ends still are. */
static void expect_flags_left_alone(int in, int out, int in_ours, int out_ours)
{
	int in_flags = fcntl(in, F_GETFL);
	int out_flags = fcntl(out, F_GETFL);
	struct client client;
	struct client_end end;
	char text[4];

	client_open(&client, in, out, NULL);
	client_write(in_ours, "ask\n", 4);
	harness_read(client.fd, text, 4);
	harness_write(client.fd, "say\n", 4);
	cr_expect_eq(read(out_ours, text, sizeof text), 4);
	cr_expect_eq(fcntl(in, F_GETFL), in_flags);
	cr_expect_eq(fcntl(out, F_GETFL), out_flags);
	client_close(&client, &end);
	cr_expect_eq(fcntl(in, F_GETFL), in_flags);
	cr_expect_eq(fcntl(out, F_GETFL), out_flags);
}

Test(client_manners, pipes_keep_their_flags)
{
	int in[2];
	int out[2];

	client_pipe(in);
	client_pipe(out);
	expect_flags_left_alone(in[0], out[1], in[1], out[0]);
	client_close_both(in);
	client_close_both(out);
}

Test(client_manners, one_socket_for_both_keeps_its_flags)
{
	int fd[2];

	client_socket_pair(fd);
	expect_flags_left_alone(fd[0], fd[0], fd[1], fd[1]);
	client_close_both(fd);
}
