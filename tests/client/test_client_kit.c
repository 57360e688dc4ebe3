/* Starting weir-client, and being its server with plain blocking sockets: what
 * hangs is ended by the timeout of the suite, and the client with it. */
#include "test_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "harness_program.h"

enum {
	BLOCK_SIZE = 65536
};

/* -- the process -- */

static void become(int fd, int standard_fd)
{
	if (fd == CLIENT_CLOSED)
		close(standard_fd);
	else
		must(dup2(fd, standard_fd), "dup2");
}

void client_start(struct client *client, int in, int out,
		  const char *const *arguments)
{
	int out_pipe[2] = {-1, -1};
	int err_pipe[2];

	must(pipe2(err_pipe, O_CLOEXEC), "pipe2");
	if (out == CLIENT_PIPE)
		must(pipe2(out_pipe, O_CLOEXEC), "pipe2");
	client->pid = fork();
	must(client->pid, "fork");
	if (client->pid == 0) {
		become(err_pipe[1], STDERR_FILENO);
		become(in, STDIN_FILENO);
		become(out == CLIENT_PIPE ? out_pipe[1] : out, STDOUT_FILENO);
		/* memory that was freed counts as used there, for a while */
		setenv("ASAN_OPTIONS", "abort_on_error=1:quarantine_size_mb=1",
		       1);
		program_exec("weir-client", arguments);
	}
	close(err_pipe[1]);
	if (out == CLIENT_PIPE)
		close(out_pipe[1]);
	client->out = out_pipe[0];
	client->err = err_pipe[0];
}

void client_start_text(struct client *client, const char *address,
		       const char *text)
{
	client_start(client, STDIN_FILENO, CLIENT_PIPE,
		     (const char *[]){address, text, NULL});
}

void client_open(struct client *client, int in, int out, const char *text)
{
	int listener = client_listen(5, client->address);

	client_start(client, in, out,
		     (const char *[]){client->address, text, NULL});
	client->fd = client_accept(listener);
	close(listener);
}

void client_wait(struct client *client, struct client_end *end)
{
	memset(end, 0, sizeof *end);
	if (client->out >= 0) {
		client_read_text(client->out, end->out, sizeof end->out);
		close(client->out);
	}
	client_read_text(client->err, end->err, sizeof end->err);
	close(client->err);
	end->status = program_wait(client->pid);
	if (end->status > 128)
		harness_die("weir-client: signal %d: %s", end->status - 128,
			    end->err);
}

void client_close(struct client *client, struct client_end *end)
{
	close(client->fd);
	client_wait(client, end);
	if (end->status != 0 || end->err[0])
		harness_die("status %d: %s", end->status, end->err);
}

size_t client_peak_kib(const struct client *client)
{
	return program_kib(client->pid, "VmHWM");
}

/* -- the server -- */

int client_listen(int backlog, char address[CLIENT_ADDRESS_SIZE])
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *sa = (struct sockaddr *)(void *)&name;
	socklen_t len = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(bind(fd, sa, len), "bind");
	must(listen(fd, backlog), "listen");
	must(getsockname(fd, sa, &len), "getsockname");
	snprintf(address, CLIENT_ADDRESS_SIZE, "127.0.0.1:%d",
		 ntohs(name.sin_port));
	return fd;
}

int client_listen_unix(int backlog, char address[CLIENT_ADDRESS_SIZE])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address, CLIENT_ADDRESS_SIZE, "unix:@weir-test-%d",
			 getpid());
	size_t n_name = (size_t)n - strlen("unix:");

	memcpy(name.sun_path, address + strlen("unix:"), n_name);
	name.sun_path[0] = '\0';
	must(bind(fd, (struct sockaddr *)(void *)&name,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_name)),
	     "bind");
	must(listen(fd, backlog), "listen");
	return fd;
}

void client_pipe(int fd[2])
{
	must(pipe2(fd, O_CLOEXEC), "pipe2");
}

void client_socket_pair(int fd[2])
{
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd),
	     "socketpair");
}

void client_close_both(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

int client_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd, "accept");
	return fd;
}

void client_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
	     "SO_LINGER");
	close(fd);
}

/* -- bytes -- */

void client_read_text(int fd, char *text, size_t size)
{
	size_t n_all = 0;
	ssize_t n;

	while ((n = read(fd, text + n_all, size - n_all)) > 0) {
		n_all += (size_t)n;
		if (n_all == size)
			harness_die("more than %zu bytes", size - 1);
	}
	must(n, "read");
	text[n_all] = '\0';
}

void client_write(int fd, const void *data, size_t n)
{
	const char *from = data;

	while (n > 0) {
		ssize_t n_written = write(fd, from, n);

		must(n_written, "write");
		from += n_written;
		n -= (size_t)n_written;
	}
}

void client_write_stream(int fd, size_t n_bytes)
{
	unsigned char block[BLOCK_SIZE];
	uint64_t offset = 0;

	while (offset < n_bytes) {
		size_t n = n_bytes - offset;

		n = n < sizeof block ? n : sizeof block;
		harness_fill(block, n, 1, offset);
		client_write(fd, block, n);
		offset += n;
	}
}

void client_check_stream(int fd, size_t n_bytes, size_t piece)
{
	unsigned char block[BLOCK_SIZE];
	uint64_t offset = 0;

	while (offset < n_bytes) {
		size_t n_left = n_bytes - offset;
		ssize_t n = read(fd, block, n_left < piece ? n_left : piece);

		must(n, "read");
		if (n == 0)
			harness_die("ended after %llu bytes",
				    (unsigned long long)offset);
		harness_check(block, (size_t)n, 1, offset);
		offset += (uint64_t)n;
	}
}

static void *pour_out(void *argument)
{
	const struct client_pour *pour = argument;

	client_write_stream(pour->fd, pour->n_bytes);
	if (shutdown(pour->fd, SHUT_WR) < 0)
		close(pour->fd); /* no socket */
	return NULL;
}

void client_pour_start(struct client_pour *pour, int fd, size_t n_bytes)
{
	pour->fd = fd;
	pour->n_bytes = n_bytes;
	must(-pthread_create(&pour->thread, NULL, pour_out, pour),
	     "pthread_create");
}

void client_pour_wait(struct client_pour *pour)
{
	pthread_join(pour->thread, NULL);
}

void client_check_end(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);

	must(n, "read");
	if (n > 0)
		harness_die("a byte where the end should be");
}
