/* What the tests of datagrams share: a loop with one datagram socket on it,
 * which notes what it hears, and raw sockets as its peers. */
#ifndef TEST_DGRAM_H
#define TEST_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dgram.h"
#include "loop.h"

struct talk {
	struct weir_loop *loop;
	struct weir_dgram d;
	unsigned n_heard;
	unsigned n_drains;
	unsigned n_error_queues;
	/* of the last that was heard */
	size_t n;
	size_t true_size;
	struct weir_address from;
	struct weir_dgram_received in; /* without its data */
	unsigned char data[65536];
	/* what is done with each, unless NULL */
	void (*then)(struct talk *t, const void *data, size_t n);
	void (*on_drain)(struct talk *t);
	void (*on_error_queue)(struct talk *t);
};

struct talk *talk_of(struct weir_dgram *d);

/* Zero t, but for what is done; open a loop, and d bound to the address
 * that text means ("": an abstract Unix name of the test's own). */
void talk_bind(struct talk *t, const char *text,
	       const struct weir_dgram_options *options);
void talk_connect(struct talk *t, const struct weir_address *to,
		  const struct weir_dgram_options *options);
/* The same, but d takes over fd; returns weir_dgram_adopt's result. */
int talk_adopt(struct talk *t, int fd);
/* Also checks the account, after the close too. */
void talk_end(struct talk *t);

/* Turn until n have been heard in all; dies if they do not come. */
void talk_hear(struct talk *t, unsigned n);
/* n_accepted = n_sent + n_queued + n_dropped, and so much each. */
void talk_expect_account(struct talk *t, uint64_t n_sent, uint64_t n_queued,
			 uint64_t n_dropped);
/* Whether EPOLLOUT is wanted. */
bool talk_is_armed(const struct talk *t);
/* weir_dgram_send of n bytes of the pattern that seed names. */
int talk_send(struct talk *t, const struct weir_address *to, uint64_t seed,
	      size_t n);

/* -- peers -- */

/* A raw socket, non-blocking, bound to address, which gets the port or the
 * name that it was given: "" is any Unix name. */
int peer_open(struct weir_address *address, const char *text);
/* Send n bytes of the pattern that seed names to d. */
void peer_send(int fd, const struct talk *t, uint64_t seed, size_t n);
/* Wait for a datagram, and die unless it is n bytes of that pattern. */
void peer_expect(int fd, uint64_t seed, size_t n);
/* Die if a datagram is there. */
void peer_expect_nothing(int fd);
/* Take what is there; how many. */
unsigned peer_drain(int fd);

#endif
