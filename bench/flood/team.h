/* One run in several threads: --threads. Each has a loop of its own and its
 * share of the connections and of the rate; all begin at the same time, and
 * what they have measured is added up. */
#ifndef FLOOD_TEAM_H
#define FLOOD_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "generator.h"

struct team_member;

/* What the others have asked of a member so far. */
struct team_news {
	uint64_t start_ns;  /* when the load begins for all; 0: not yet */
	unsigned n_signals; /* that were caught */
	bool is_stopping;   /* too much is owed, somewhere */
};

/* As generator_run. */
enum status team_run(const struct settings *settings,
		     const struct target *target,
		     const struct generator_events *events,
		     struct result *result);

/* -- from a member's own thread -- */

/* Its loop is there; load_take_news follows whenever there is some. Negative
 * errno. */
int team_join(struct team_member *member);
/* It is connected, and waits for the others. */
void team_be_ready(struct team_member *member);
/* Its load ends because too much is owed, and so do the others. */
void team_stop(struct team_member *member);
struct team_news team_read(struct team_member *member);
/* It hears no more. */
void team_leave(struct team_member *member);

#endif
