/* What of a run is each thread's. */
#ifndef FLOOD_TEAM_SHARE_H
#define FLOOD_TEAM_SHARE_H

#include <stddef.h>

struct settings;

/* How many threads have a share: none is to be nothing, which would mean
 * something else. */
size_t team_count_members(const struct settings *settings);
/* The i-th of n of all. */
void team_share_out(struct settings *share, const struct settings *all,
		    size_t i, size_t n);

#endif
