/* The messages of one connection that have no answer yet, oldest first, and
 * when each was to leave and left.
 *
 * A ring that doubles when it is full: a closed loop fills it once and never
 * allocates again, an open loop may owe any number.
 */
#ifndef FLOOD_FLIGHT_H
#define FLOOD_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stamp {
	uint64_t intended_ns;
	uint64_t sent_ns;
	uint64_t n_left; /* answers that are still to come */
};

/* Zeroed: nothing is in flight, and nothing was.
 *
 * 1. first <= next, and next - first <= mask + 1 once there is a ring
 * 2. message i, first <= i < next, has its stamp at i & mask */
struct flight {
	struct stamp *ring;
	size_t mask;
	uint64_t first; /* the oldest message in flight */
	uint64_t next;	/* the one to be sent next */
};

static inline size_t flight_count(const struct flight *flight)
{
	return (size_t)(flight->next - flight->first);
}

static inline bool flight_is_empty(const struct flight *flight)
{
	return flight->next == flight->first;
}

static inline struct stamp *flight_at(const struct flight *flight,
				      uint64_t message)
{
	return &flight->ring[message & flight->mask];
}

/* The ring is full, or there is none: make it twice as large. -ENOMEM. */
int flight_grow(struct flight *flight);

/* Message number next leaves: where its stamp goes; NULL: no memory. */
static inline struct stamp *flight_push(struct flight *flight)
{
	if ((!flight->ring || flight_count(flight) > flight->mask) &&
	    flight_grow(flight) < 0)
		return NULL;
	return flight_at(flight, flight->next++);
}

/* Take out the oldest, of which there must be one; good until the next push.
 */
static inline const struct stamp *flight_pop(struct flight *flight)
{
	return flight_at(flight, flight->first++);
}

void flight_free(struct flight *flight);

#endif
