/* A limit of so many a second: a bucket is the time at which its source would be
 * back at the rate, and it may be ahead of that by a second. Zeroed it is full.
 */
#ifndef BUCKET_H
#define BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* Take one, at the time now in ns, if the rate (above 0) allows it. */
static inline bool bucket_take(uint64_t *bucket, uint64_t rate, uint64_t now)
{
	if (*bucket < now)
		*bucket = now;
	if (*bucket + CLOCK_NS_PER_S / rate > now + CLOCK_NS_PER_S)
		return false;
	*bucket += CLOCK_NS_PER_S / rate;
	return true;
}

#endif
