/* Between datagram.c and datagram_connect.c. */
#ifndef FLOOD_DATAGRAM_INSIDE_H
#define FLOOD_DATAGRAM_INSIDE_H

#include <weir.h>

#include "datagram.h"

enum {
	/* messages that were given up last, which may still come */
	DATAGRAM_MAX_OVERDUE = 4096
};

/* Of the stamps in flight those with n_left 1 wait for an answer; what has one
 * leaves with the oldest that waits, or before it. */
struct datagram {
	struct weir_dgram dgram;
	struct weir_timer timer; /* while it connects */
	struct peer *peer;
	size_t i_address; /* of the target's, that it tries */
	uint64_t deadline_ns;
	uint64_t hello_ns;
	bool is_connected;
	size_t n_waiting;
	uint64_t newest;     /* behind the last message that was answered */
	uint64_t unheard_ns; /* the first message since an answer was sent */
	uint64_t n_unheard;  /* of those since, how many were given up */
	/* bit i: message i, modulo DATAGRAM_MAX_OVERDUE, was given up */
	uint64_t overdue[DATAGRAM_MAX_OVERDUE / 64];
};

/* All of one load. */
struct datagrams {
	uint64_t n_unheard; /* messages since an answer to any of them */
	struct datagram all[];
};

extern const struct weir_dgram_events datagram_events;

/* As weir_dgram_send. */
int datagram_transmit(struct datagram *datagram, uint64_t sequence);

/* The dial of its mode. */
int datagram_dial(struct peer *peer);
/* Whether it is the echo of what asked for a target, and if so: */
bool datagram_is_hello(const struct peer *peer,
		       const struct weir_dgram_received *in);
void datagram_be_connected(struct datagram *datagram);

#endif
