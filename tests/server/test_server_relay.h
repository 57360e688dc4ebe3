/* What the tests of relay and of the PROXY header share: weir-server between
 * clients and a target that are both this test's, and other programs as their
 * substitutes. What goes wrong here dies with a message. */
#ifndef TEST_SERVER_RELAY_H
#define TEST_SERVER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/address.h>

#include "harness.h"
#include "harness_server.h"

/* -- a relay -- */

struct relay {
	struct served s;
	char address[SERVED_ADDRESS_SIZE]; /* where clients come in */
	char target[SERVED_ADDRESS_SIZE];
	int listener; /* the target; -1: it is no socket of ours */
	size_t n_fds; /* that the server has without clients */
};

/* Listen at target (the kernel chooses port 0) and start a relay to there from
 * listen, with these options, NULL behind the last. */
void relay_start(struct relay *r, const char *listen, const char *target, ...)
	__attribute__((sentinel));
/* Stop it; its exit status. */
int relay_stop(struct relay *r);
/* The same when it stops by itself, or has been told to. */
int relay_wait(struct relay *r);
/* Stop it once it has closed all sockets of its clients. */
int relay_end(struct relay *r);
/* A client's socket, and the target's that it leads to. */
void relay_pair(struct relay *r, int *client, int *target);
/* Start a relay from and to 127.0.0.1 with these options, and a pair. */
#define RELAY_OPEN(r, client, target, ...)                          \
	(relay_start(r, "127.0.0.1:0", "127.0.0.1:0", __VA_ARGS__), \
	 relay_pair(r, client, target))
/* The next one that connects to the target, or to any listener. */
int relay_accept(struct relay *r);
int accept_at(int listener);
/* Until the server has so many descriptors more than without clients, at
 * least; or just as many. */
void await_more_fds(struct relay *r, size_t n_more);
void await_fds(struct relay *r, size_t n_more);

/* -- ends -- */

/* SO_SNDBUF, so that a source is soon full. */
void set_sndbuf(int fd, int n_bytes);
/* Close by reset. */
void close_by_reset(int fd);
/* Die unless a reset comes, be it after data; fd is closed. */
void expect_reset(int fd);
/* Connect, and die unless a reset comes, perhaps before connect(2) returns. */
void expect_reset_at(const char *address);
/* The address of this end, as the other knows it. */
void own_address(int fd, char text[WEIR_ADDRESS_TEXT_SIZE]);
/* Write n bytes of the pattern seed, from offset 0 on, or read and check
 * them. */
void write_pattern(int fd, size_t n, uint64_t seed);
void read_pattern(int fd, size_t n, uint64_t seed);
/* Write the pattern until nothing has moved for a while, or n_most bytes at
 * least; how many. Who reads on after that makes a test see less, not fail. */
size_t write_until_quiet(int fd, uint64_t seed, size_t n_most);

/* -- other programs -- */

struct tool {
	pid_t pid;
	int out; /* reads its standard output and error */
};

/* Whether there is such a program; if not, a line says that the test is
 * skipped. */
bool has_tool(const char *name);
/* Start argv[0], found by PATH; NULL behind the last argument. */
void tool_start(struct tool *tool, const char *const *argv);
/* All that it says until it ends, as text of size bytes; its exit status. */
int tool_wait(struct tool *tool, char *text, size_t size);
/* Kill it, whatever it does. */
void tool_kill(struct tool *tool);
/* A free port of 127.0.0.1, for a program that cannot choose one itself. */
unsigned free_port(void);
/* Until somebody listens at address. */
void await_listener(const char *address);

#endif
