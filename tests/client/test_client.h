/* What the tests of weir-client share: starting it, and being its server. */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	/* a test that takes longer hangs */
	CLIENT_PATIENCE_S = 20,
	CLIENT_ADDRESS_SIZE = 64
};

/* A running weir-client; out and err read what it prints. */
struct client {
	pid_t pid;
	int out; /* -1: its standard output is elsewhere */
	int err;
	/* after client_open, the server's side: */
	int fd;
	char address[CLIENT_ADDRESS_SIZE]; /* as the client was given it */
};

/* How it ended, and what it had printed (must fit). */
struct client_end {
	int status;
	char out[4096];
	char err[512];
};

/* Start $WEIR_BUILD/weir-client with arguments, NULL behind the last. in and
 * out become its standard input and output and stay the caller's as well;
 * CLIENT_CLOSED closes it, CLIENT_PIPE makes out a pipe to client->out. */
enum {
	CLIENT_PIPE = -1,
	CLIENT_CLOSED = -2
};
void client_start(struct client *client, int in, int out,
		  const char *const *arguments);
/* The same, with pipes to print, an address and a text. */
void client_start_text(struct client *client, const char *address,
		       const char *text);
/* Start it towards a TCP listener, and accept; text NULL: it sends its input. */
void client_open(struct client *client, int in, int out, const char *text);
/* Read what it prints to the end, and wait for it. */
void client_wait(struct client *client, struct client_end *end);
/* Close fd, and wait for a client that must find nothing wrong. */
void client_close(struct client *client, struct client_end *end);
/* The line of /proc/PID/status that begins with VmHWM, in KiB. */
size_t client_peak_kib(const struct client *client);

/* A TCP listener on 127.0.0.1; address is its text. */
int client_listen(int backlog, char address[CLIENT_ADDRESS_SIZE]);
/* A listener on an abstract Unix name. */
int client_listen_unix(int backlog, char address[CLIENT_ADDRESS_SIZE]);
/* Blocking; client_close_both ends them. */
void client_pipe(int fd[2]);
void client_socket_pair(int fd[2]);
void client_close_both(const int fd[2]);
/* The next connection, blocking. */
int client_accept(int listener);
/* Close a TCP socket so that its peer gets a reset. */
void client_reset(int fd);

/* As text up to the end of file, which must come within size - 1 bytes. */
void client_read_text(int fd, char *text, size_t size);
/* All n bytes, to any kind of descriptor. */
void client_write(int fd, const void *data, size_t n);

/* Write n_bytes of harness_fill's stream 1 to fd. */
void client_write_stream(int fd, size_t n_bytes);
/* Read n_bytes, at most piece at a time, and check that they are that. */
void client_check_stream(int fd, size_t n_bytes, size_t piece);
/* client_write_stream in another thread, and then the end of it: a socket is
 * shut down, and stays open; anything else is closed. */
struct client_pour {
	pthread_t thread;
	int fd;
	size_t n_bytes;
};
void client_pour_start(struct client_pour *pour, int fd, size_t n_bytes);
void client_pour_wait(struct client_pour *pour);
/* Die unless this is the end of file. */
void client_check_end(int fd);

#endif
