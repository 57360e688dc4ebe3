/* Whether a stream may have colour, progress and the like. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* It is a terminal that knows escapes, and NO_COLOR is not set (to anything
 * but nothing: no-color.org). */
bool terminal_takes_colour(FILE *stream);

#endif
