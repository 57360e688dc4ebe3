/* One run in one thread, of which generator_run makes one or several. */
#ifndef FLOOD_GENERATOR_INSIDE_H
#define FLOOD_GENERATOR_INSIDE_H

#include "generator.h"

struct load;
struct team_member;

/* A load that is to be freed, with an empty result; member NULL: it is alone.
 * NULL: no memory. */
struct load *generator_prepare(const struct settings *settings,
			       const struct target *target,
			       const struct generator_events *events,
			       struct team_member *member,
			       struct result *result);
/* STATUS_GO_ON; STATUS_REFUSED: nobody was there, which is still to be said; or
 * STATUS_FAILED, which was said. */
enum status generator_turn(struct load *load);
/* Say why nobody was there. */
void generator_refuse(const struct load *load);

#endif
