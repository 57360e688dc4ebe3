/* What the measuring peers share. They use plain blocking sockets, so that
 * what is measured is not measured with itself. */
#ifndef DIAL_H
#define DIAL_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <weir.h>

enum {
	/* so long without a byte is a failure */
	PATIENCE_S = 20
};

static inline _Noreturn void die(int status, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		why);
	exit(status);
}

/* A connection to the address that is written so; -1: not now. */
static inline int try_to_dial(const char *text)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct weir_address to;
	int on = 1;
	int fd;
	int n = weir_address_resolve(text, WEIR_ADDRESS_CONNECT, &to, 1);

	if (n < 0)
		die(2, text, weir_address_error(n));
	fd = socket(to.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die(2, text, strerror(errno));
	if (connect(fd, &to.sa.any, to.len) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static inline int dial(const char *text)
{
	int fd = try_to_dial(text);

	if (fd < 0)
		die(2, text, strerror(errno));
	return fd;
}

/* Receive n bytes, which must be those that were sent. */
static inline void check_echo(int fd, const void *sent, void *answer, size_t n)
{
	ssize_t n_got = recv(fd, answer, n, MSG_WAITALL);

	if (n_got != (ssize_t)n)
		die(1, "echo", n_got < 0 ? strerror(errno) : "ended early");
	if (memcmp(sent, answer, n) != 0)
		die(1, "echo", "a byte is not what was sent");
}

/* Send n bytes, which the kernel must have room for. */
static inline void say(int fd, const void *data, size_t n)
{
	if (send(fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
		die(1, "send", strerror(errno));
}

/* Keep everything open until standard input ends. */
static inline void wait_for_end_of_input(void)
{
	char byte;

	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

#endif
