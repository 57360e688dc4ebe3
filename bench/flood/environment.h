/* Where a measurement was made: without it no figure can be compared. */
#ifndef FLOOD_ENVIRONMENT_H
#define FLOOD_ENVIRONMENT_H

#include "flood.h"

/* All CPUs together, in ticks since boot. */
struct environment_times {
	bool is_known;
	unsigned long long stolen; /* by other machines on this host */
	unsigned long long all;
};

/* All but steal and socket. What cannot be read is left empty or NaN. */
void environment_read(struct flood_environment *environment,
		      const struct flood_settings *settings);

/* The options of one connected socket of ours, and what the two ends agreed
 * on. */
void environment_note_socket(struct flood_socket *socket, int fd);

void environment_read_times(struct environment_times *times);
/* The share stolen between the two; NaN where that is unknown. */
double environment_steal(const struct environment_times *before,
			 const struct environment_times *after);

#endif
