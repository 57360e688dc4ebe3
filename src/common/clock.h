/* Clocks are read, and their units named, here alone. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_US	  UINT64_C(1000)
#define CLOCK_NS_PER_MS	  UINT64_C(1000000)
#define CLOCK_NS_PER_S	  UINT64_C(1000000000)
#define CLOCK_NS_PER_MIN  (60 * CLOCK_NS_PER_S)
#define CLOCK_NS_PER_HOUR (60 * CLOCK_NS_PER_MIN)

/* In ns. Of a clock that exists, this cannot fail. */
static inline uint64_t clock_read(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

#endif
