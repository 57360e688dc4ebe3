/* Debian's nats-server as the broker of weir-servers, and lines that tell their
 * number. What goes wrong here dies with a message. */
#ifndef TEST_SERVER_NATS_H
#define TEST_SERVER_NATS_H

#include "test_server_broadcast.h"
#include "test_server_relay.h"

enum {
	N_BROKERS = 3,
	LINE = 1024,
	MAX_HELD = 65536 /* such lines */
};

struct broker {
	struct tool tool;
	unsigned port;
	unsigned route; /* its port for the others */
	char address[SERVED_ADDRESS_SIZE];
};

extern struct broker brokers[N_BROKERS];

/* Whether there is a nats-server; if not, a line says so. */
bool has_broker(void);
/* For all of them. */
void choose_ports(void);
/* Start one, with more arguments, NULL behind the last; or none. */
void start_broker(struct broker *b, const char *const *more);
/* Choose ports and start all, as a cluster that is complete. */
void start_cluster(void);

/* Publish lines, each of which tells its number, until nothing moves; how many.
 * *n_sent: so many bytes of one more. */
size_t publish_until_held(int fd, size_t *n_sent);
/* The first n_lines of them; and read and check them. */
void publish_lines(int fd, size_t n_lines);
void expect_lines(int fd, size_t n_lines);
/* Until the server has let fd in: it is told a line of another, at address. */
void await_subscription(int fd, const char *address);
/* Read what others were told by that meanwhile. */
void skip_questions(int fd);

#endif
