/* The time itself: weir_loop_now stands still within a turn, and here a turn's
 * length is what is measured. */
#ifndef FLOOD_CLOCK_H
#define FLOOD_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, in ns. */
static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
