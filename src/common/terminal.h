/* What a stream shows people: whether it may have colour and the like, and text
 * within its columns. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* It is a terminal that knows escapes, and NO_COLOR is not set (to anything
 * but nothing: no-color.org). */
bool terminal_takes_colour(FILE *stream);

/* The words of text from column on, where the cursor is: a line that would have
 * more than n_columns goes on in the next one, at that column. */
void terminal_print_wrapped(FILE *stream, const char *text, size_t column,
			    size_t n_columns);

#endif
