/* The seconds of several threads, added up: each is told when all have told
 * it. */
#ifndef FLOOD_TEAM_SECONDS_H
#define FLOOD_TEAM_SECONDS_H

#include <stddef.h>

#include "generator.h"

struct team_second;

/* Zeroed: none. */
struct team_seconds {
	struct team_second *all;
	size_t n;
	size_t n_told; /* the first of them */
};

/* What one of them tells of second i. */
void team_seconds_add(struct team_seconds *seconds, size_t i,
		      const struct result_second *second,
		      const struct generator_interval *interval);
/* Tell those that so many have told, in their order; events may be NULL. */
void team_seconds_tell(struct team_seconds *seconds, size_t n_members,
		       const struct generator_events *events);
/* All have been told: they are the result's timeline. */
void team_seconds_take(struct team_seconds *seconds, struct result *result);
void team_seconds_free(struct team_seconds *seconds);

#endif
