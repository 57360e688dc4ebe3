/* weir-client between every kind of standard input and output. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harness.h"

enum {
	KIB = 1024,
	MIB = 1048576
};

TestSuite(client_streams, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

static void finish(struct client *client)
{
	struct client_end end;

	client_close(client, &end);
}

static int null_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int file_open(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	return fd;
}

/* A terminal that passes bytes as they are; fd[0] is the user's side. Skips the
 * test where there are none: in a chroot without /dev/pts, say. */
static void terminal_open(int fd[2])
{
	struct termios raw;

	fd[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd[0] < 0 || grantpt(fd[0]) < 0 || unlockpt(fd[0]) < 0) {
		if (fd[0] >= 0)
			close(fd[0]);
		cr_skip("no pseudoterminal: is /dev/pts mounted?");
	}
	fd[1] = open(ptsname(fd[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_eq(tcgetattr(fd[1], &raw), 0);
	cfmakeraw(&raw);
	cr_assert_eq(tcsetattr(fd[1], TCSANOW, &raw), 0);
}

/* -- standard input -- */

Test(client_streams, reads_a_file)
{
	struct client client;
	int null = null_open();
	int file = file_open();

	client_write_stream(file, 3 * MIB + 1);
	lseek(file, 0, SEEK_SET);
	client_open(&client, file, null, NULL);
	client_check_stream(client.fd, 3 * MIB + 1, 64 * KIB);
	client_check_end(client.fd);
	finish(&client);
	close(file);
	close(null);
}

Test(client_streams, reads_dev_null)
{
	struct client client;
	int null = null_open();

	client_open(&client, null, null, NULL);
	client_check_end(client.fd);
	finish(&client);
	close(null);
}

/* What is written to far comes out of near. */
static void expect_read(int near, int far)
{
	struct client client;
	struct client_pour in;
	int null = null_open();

	client_open(&client, near, null, NULL);
	close(near);
	client_pour_start(&in, far, 3 * MIB + 1);
	client_check_stream(client.fd, 3 * MIB + 1, 64 * KIB);
	client_check_end(client.fd);
	client_pour_wait(&in);
	finish(&client);
	close(null);
}

Test(client_streams, reads_a_pipe)
{
	int fd[2];

	client_pipe(fd);
	expect_read(fd[0], fd[1]);
}

Test(client_streams, reads_a_socket)
{
	int fd[2];

	client_socket_pair(fd);
	expect_read(fd[0], fd[1]);
	close(fd[1]);
}

/* Lines as they are typed, and the end by ^D. */
Test(client_streams, reads_a_terminal)
{
	struct client client;
	struct termios cooked;
	char line[8];
	int null;
	int fd[2];

	terminal_open(fd);
	null = null_open();
	cr_assert_eq(tcgetattr(fd[1], &cooked), 0);
	cooked.c_lflag |= ICANON;
	cr_assert_eq(tcsetattr(fd[1], TCSANOW, &cooked), 0);
	client_open(&client, fd[1], null, NULL);
	client_write(fd[0], "one\n", 4);
	harness_read(client.fd, line, 4);
	cr_expect_arr_eq(line, "one\n", 4);
	client_write(fd[0], "two\n\004", 5);
	harness_read(client.fd, line, 4);
	cr_expect_arr_eq(line, "two\n", 4);
	client_check_end(client.fd);
	finish(&client);
	close(fd[0]);
	close(fd[1]);
	close(null);
}

/* -- a peer that ends its side first -- */

Test(client_streams, sends_a_file_to_a_peer_that_has_ended)
{
	struct client client;
	int null = null_open();
	int file = file_open();

	client_write_stream(file, 64 * MIB);
	lseek(file, 0, SEEK_SET);
	client_open(&client, file, null, NULL);
	shutdown(client.fd, SHUT_WR);
	client_check_stream(client.fd, 64 * MIB, 64 * KIB);
	client_check_end(client.fd);
	finish(&client);
	close(file);
	close(null);
}

/* Halt the client, complete on return. */
static void halt(const struct client *client)
{
	int status = 0;

	cr_assert_eq(kill(client->pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(client->pid, &status, WUNTRACED), client->pid);
	cr_assert(WIFSTOPPED(status));
}

static void wait_until_full(int fd, int size)
{
	int n_bytes = 0;

	while (n_bytes < size) {
		cr_assert_eq(ioctl(fd, FIONREAD, &n_bytes), 0);
		sched_yield();
	}
}

/* As long as there is something in it when the peer ends: the client is halted
 * until there is more in the pipe than it reads before it hears of the end. */
Test(client_streams, sends_a_pipe_to_a_peer_that_has_ended)
{
	struct client client;
	struct client_pour in;
	int null = null_open();
	int fd[2];

	client_pipe(fd);
	cr_assert_eq(fcntl(fd[0], F_SETPIPE_SZ, MIB), MIB);
	client_open(&client, fd[0], null, NULL);
	halt(&client);
	client_pour_start(&in, fd[1], 64 * MIB);
	wait_until_full(fd[0], MIB);
	shutdown(client.fd, SHUT_WR);
	kill(client.pid, SIGCONT);
	client_check_stream(client.fd, 64 * MIB, 64 * KIB);
	client_check_end(client.fd);
	client_pour_wait(&in);
	finish(&client);
	close(fd[0]);
	close(null);
}

/* -- standard output -- */

Test(client_streams, writes_a_file)
{
	struct client client;
	int null = null_open();
	int file = file_open();

	client_open(&client, null, file, NULL);
	client_write_stream(client.fd, 3 * MIB + 1);
	finish(&client);
	lseek(file, 0, SEEK_SET);
	client_check_stream(file, 3 * MIB + 1, 64 * KIB);
	client_check_end(file);
	close(file);
	close(null);
}

Test(client_streams, writes_dev_null)
{
	struct client client;
	int null = null_open();

	client_open(&client, null, null, NULL);
	client_write_stream(client.fd, 3 * MIB + 1);
	finish(&client);
	close(null);
}

/* What the client writes to near is read from far in pieces that divide
 * nothing. */
static void expect_written(int near, int far, size_t n_bytes)
{
	struct client client;
	struct client_pour out;
	int null = null_open();

	client_open(&client, null, near, NULL);
	client_pour_start(&out, client.fd, n_bytes);
	client_check_stream(far, n_bytes, 1009);
	client_pour_wait(&out);
	finish(&client);
	close(near);
	close(null);
}

/* The pipe holds one page. */
Test(client_streams, writes_a_pipe_that_is_read_slowly)
{
	int fd[2];

	client_pipe(fd);
	cr_assert_eq(fcntl(fd[1], F_SETPIPE_SZ, 4096), 4096);
	expect_written(fd[1], fd[0], 3 * MIB + 1);
	client_check_end(fd[0]);
	close(fd[0]);
}

Test(client_streams, writes_a_socket)
{
	int least = 1;
	int fd[2];

	client_socket_pair(fd);
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	expect_written(fd[1], fd[0], MIB + 1);
	client_check_end(fd[0]);
	close(fd[0]);
}

Test(client_streams, writes_a_terminal)
{
	int fd[2];

	terminal_open(fd);
	expect_written(fd[1], fd[0], MIB + 1);
	close(fd[0]);
}
