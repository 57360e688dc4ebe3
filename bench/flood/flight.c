/* The ring of what is in flight; see flight.h. */
#include "flight.h"

#include <errno.h>
#include <stdlib.h>

int flight_grow(struct flight *flight)
{
	size_t n = flight->ring ? 2 * (flight->mask + 1) : 1;
	struct stamp *ring = calloc(n, sizeof *ring);

	if (!ring)
		return -ENOMEM;
	for (uint64_t i = flight->first; i < flight->next; i++)
		ring[i & (n - 1)] = *flight_at(flight, i);
	free(flight->ring);
	flight->ring = ring;
	flight->mask = n - 1;
	return 0;
}

void flight_free(struct flight *flight)
{
	free(flight->ring);
	*flight = (struct flight){0};
}
