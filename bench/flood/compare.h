/* A against B: the same load on two targets, in many short rounds. */
#ifndef FLOOD_COMPARE_H
#define FLOOD_COMPARE_H

#include "flood.h"

/* Load settings->target and settings->rival in turns, in random order. result
 * is the target's, of all its rounds together, with the comparison in it and
 * the rival's errors among its errors. As generator_run. */
enum flood_status compare_run(const struct flood_settings *settings,
			      struct flood_result *result);

#endif
