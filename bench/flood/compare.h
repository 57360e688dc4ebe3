/* A against B: the same load on two targets, in many short rounds. */
#ifndef FLOOD_COMPARE_H
#define FLOOD_COMPARE_H

#include "settings.h"
#include "status.h"

struct result;

/* Load settings->target and settings->rival in turns, in random order. result
 * is the target's, of all its rounds together, with the comparison in it and
 * the rival's errors among its errors. As generator_run. */
enum status compare_run(const struct settings *settings, struct result *result);

#endif
