/* Between a channel and a subject of NATS: what is published at any worker goes
 * there, and what others publish there goes to all workers.
 *
 * The bridge is one more reader and writer of the channel's ring, so each line
 * crosses it once. While NATS takes none the ring fills, and holds the
 * publishers of all workers. */
#ifndef BRIDGE_H
#define BRIDGE_H

#include "nats.h"
#include "ring.h"

struct bridge;

/* On the first worker, with that number in the ring. NULL: no memory, or no
 * descriptor. */
struct bridge *bridge_new(struct worker *worker, struct ring *ring,
			  size_t number, const char *subject);
/* Before that worker's loop. NULL is nothing. */
void bridge_free(struct bridge *bridge);

#endif
