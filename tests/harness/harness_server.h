/* Starting weir-server as a child, listening to what it says, and being its
 * clients with plain sockets. What goes wrong here dies with a message; what
 * does not come within a generous time is given up the same way.
 *
 *	struct served s;
 *	char address[SERVED_ADDRESS_SIZE];
 *
 *	served_start(&s, "echo=127.0.0.1:0", NULL);
 *	served_address(&s, "echo", address);
 *	int fd = dial(address, 0);
 *	...
 *	close(fd);
 *	cr_assert_eq(served_stop(&s), 0);
 */
#ifndef HARNESS_SERVER_H
#define HARNESS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct weir_address;

enum {
	SERVED_LINE_SIZE = 8192,
	SERVED_ADDRESS_SIZE = 192
};

struct served {
	pid_t pid;
	int err;       /* reads its standard error */
	char *text;    /* all that it has said so far, */
	size_t size;   /* in a piece of that size, */
	size_t n;      /* so much of it, */
	size_t n_seen; /* and as much of that was asked for */
	char line[SERVED_LINE_SIZE];
};

/* -- the server -- */

/* Start $WEIR_BUILD/weir-server with these arguments, NULL behind the last. */
void served_start(struct served *s, ...) __attribute__((sentinel));
/* The same; before it becomes the server the child calls prepare. */
void served_start_prepared(struct served *s, void (*prepare)(void),
			   const char *const *arguments);
/* The next line that has part in it, past others; good until the next call. */
const char *served_line(struct served *s, const char *part);
/* Where it says that service is listening. */
void served_address(struct served *s, const char *service,
		    char address[SERVED_ADDRESS_SIZE]);
/* Read what it says to the end; its exit status, or 128 + the signal that
 * ended it. s->text is all it has said, until served_forget. */
int served_wait(struct served *s);
void served_forget(struct served *s);
/* served_wait and served_forget; before them SIGTERM. */
int served_end(struct served *s);
int served_stop(struct served *s);
/* SIGSTOP, complete on return; and SIGCONT. Halted it accepts nobody and reads
 * nothing, while the kernel goes on doing its part. */
void served_halt(const struct served *s);
void served_go_on(const struct served *s);
/* A line of /proc/PID/status, such as VmHWM, in KiB. */
size_t served_kib(const struct served *s, const char *name);
size_t served_count_fds(const struct served *s);
/* Whether the programs are built with a sanitizer, which takes memory. */
bool served_is_sanitized(void);

/* Die unless it refuses these arguments with this line and nothing more. */
void expect_refusal(const char *const *arguments, const char *line);
void expect_refusal_of(const char *argument, const char *line);

/* -- its clients -- */

/* Connect a stream socket. It may have been reset by then, or refused: that is
 * left for whoever reads or writes. */
void connect_to(int fd, const struct weir_address *address);
/* A connected socket; rcvbuf > 0: its SO_RCVBUF, so that it is soon full. */
int dial(const char *address, int rcvbuf);
/* Die unless the peer's FIN is what comes next. */
void expect_end(int fd);
/* Send text and die unless it comes back. */
void expect_echo(int fd, const char *text);
/* Send text to greet and die unless its answer and a FIN come. */
void expect_greeting(int fd, const char *text);

#endif
