/* The highest rate of an open loop at which an expectation holds. */
#ifndef FLOOD_FIND_RATE_H
#define FLOOD_FIND_RATE_H

#include "generator.h"

struct expect;
struct result;

/* Load settings->target at one rate after another. result is that of the last
 * trial that held, or else of the last; it is judged, with the search in it, and
 * settings are those of that trial. As generator_run. */
enum status find_rate_run(struct settings *settings, struct expect *expect,
			  const struct generator_events *events,
			  struct result *result);

#endif
