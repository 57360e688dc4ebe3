/* weir-client between every kind of standard input and output. */
#include "test_client.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "harness.h"

enum {
	KIB = 1024,
	MIB = 1048576
};

TestSuite(client_streams, .init = harness_begin, .fini = harness_end,
	  .timeout = CLIENT_PATIENCE_S);

/* One client and the connection that it made. */
struct session {
	struct client client;
	int fd;
};

static void begin(struct session *s, int in, int out)
{
	char address[CLIENT_ADDRESS_SIZE];
	int listener = client_listen(5, address);

	client_start(&s->client, in, out, (const char *[]){address, NULL});
	s->fd = client_accept(listener);
	close(listener);
}

/* End our side; the client must agree that all went well. */
static void finish(struct session *s)
{
	struct client_end end;

	close(s->fd);
	client_wait(&s->client, &end);
	cr_expect_eq(end.status, 0, "%s", end.err);
	cr_expect_str_empty(end.err);
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

/* A terminal that passes bytes as they are; fd[0] is the user's side. */
static void terminal_open(int fd[2])
{
	struct termios raw;

	fd[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_eq(grantpt(fd[0]), 0);
	cr_assert_eq(unlockpt(fd[0]), 0);
	fd[1] = open(ptsname(fd[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_eq(tcgetattr(fd[1], &raw), 0);
	cfmakeraw(&raw);
	cr_assert_eq(tcsetattr(fd[1], TCSANOW, &raw), 0);
}

/* -- standard input -- */

Test(client_streams, reads_a_file)
{
	struct session s;
	int null = null_open();
	int file = file_open();

	client_write_stream(file, 3 * MIB + 1);
	lseek(file, 0, SEEK_SET);
	begin(&s, file, null);
	client_check_stream(s.fd, 3 * MIB + 1, 64 * KIB);
	client_check_end(s.fd);
	finish(&s);
	close(file);
	close(null);
}

Test(client_streams, reads_dev_null)
{
	struct session s;
	int null = null_open();

	begin(&s, null, null);
	client_check_end(s.fd);
	finish(&s);
	close(null);
}

Test(client_streams, reads_a_pipe)
{
	struct session s;
	struct client_pour in;
	int null = null_open();
	int fd[2];

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	begin(&s, fd[0], null);
	client_pour_start(&in, fd[1], 3 * MIB + 1);
	client_check_stream(s.fd, 3 * MIB + 1, 64 * KIB);
	client_check_end(s.fd);
	client_pour_wait(&in);
	finish(&s);
	close(fd[0]);
	close(null);
}

Test(client_streams, reads_a_socket)
{
	struct session s;
	struct client_pour in;
	int null = null_open();
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	begin(&s, fd[0], null);
	client_pour_start(&in, fd[1], 3 * MIB + 1);
	client_check_stream(s.fd, 3 * MIB + 1, 64 * KIB);
	client_check_end(s.fd);
	client_pour_wait(&in);
	finish(&s);
	close(fd[0]);
	close(fd[1]);
	close(null);
}

/* Lines as they are typed, and the end by ^D. */
Test(client_streams, reads_a_terminal)
{
	struct session s;
	struct termios cooked;
	char line[8];
	int null = null_open();
	int fd[2];

	terminal_open(fd);
	cr_assert_eq(tcgetattr(fd[1], &cooked), 0);
	cooked.c_lflag |= ICANON;
	cr_assert_eq(tcsetattr(fd[1], TCSANOW, &cooked), 0);
	begin(&s, fd[1], null);
	client_write(fd[0], "one\n", 4);
	harness_read(s.fd, line, 4);
	cr_expect_arr_eq(line, "one\n", 4);
	client_write(fd[0], "two\n\004", 5);
	harness_read(s.fd, line, 4);
	cr_expect_arr_eq(line, "two\n", 4);
	client_check_end(s.fd);
	finish(&s);
	close(fd[0]);
	close(fd[1]);
	close(null);
}

/* -- standard output -- */

Test(client_streams, writes_a_file)
{
	struct session s;
	int null = null_open();
	int file = file_open();

	begin(&s, null, file);
	client_write_stream(s.fd, 3 * MIB + 1);
	finish(&s);
	lseek(file, 0, SEEK_SET);
	client_check_stream(file, 3 * MIB + 1, 64 * KIB);
	client_check_end(file);
	close(file);
	close(null);
}

Test(client_streams, writes_dev_null)
{
	struct session s;
	int null = null_open();

	begin(&s, null, null);
	client_write_stream(s.fd, 3 * MIB + 1);
	finish(&s);
	close(null);
}

/* The pipe holds one page, and is read in pieces that divide nothing. */
Test(client_streams, writes_a_pipe_that_is_read_slowly)
{
	struct session s;
	struct client_pour out;
	int null = null_open();
	int fd[2];

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	cr_assert_eq(fcntl(fd[1], F_SETPIPE_SZ, 4096), 4096);
	begin(&s, null, fd[1]);
	close(fd[1]);
	client_pour_start(&out, s.fd, 3 * MIB + 1);
	client_check_stream(fd[0], 3 * MIB + 1, 1009);
	client_check_end(fd[0]);
	client_pour_wait(&out);
	finish(&s);
	close(fd[0]);
	close(null);
}

Test(client_streams, writes_a_socket)
{
	struct session s;
	struct client_pour out;
	int null = null_open();
	int least = 1;
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	begin(&s, null, fd[1]);
	close(fd[1]);
	client_pour_start(&out, s.fd, MIB + 1);
	client_check_stream(fd[0], MIB + 1, 1009);
	client_check_end(fd[0]);
	client_pour_wait(&out);
	finish(&s);
	close(fd[0]);
	close(null);
}

Test(client_streams, writes_a_terminal)
{
	struct session s;
	struct client_pour out;
	int null = null_open();
	int fd[2];

	terminal_open(fd);
	begin(&s, null, fd[1]);
	client_pour_start(&out, s.fd, MIB + 1);
	client_check_stream(fd[0], MIB + 1, 1009);
	client_pour_wait(&out);
	finish(&s);
	close(fd[0]);
	close(fd[1]);
	close(null);
}
