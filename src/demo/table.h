/* The contest on a terminal of 80 columns: two lines for each strategy, the
 * figures and what they mean. In colour if the stream is a terminal and
 * NO_COLOR is not set. */
#ifndef DEMO_TABLE_H
#define DEMO_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "contest.h"

/* A heading, as over each part. */
void table_part(FILE *out, const char *title);
/* What each strategy does. */
void table_strategies(FILE *out, const struct strategy *const *listed,
		      size_t n);
/* Which clients there are, and the words that one needs. */
void table_setting(FILE *out, bool is_calm);
/* The heads of the columns; first says what the figures were measured on. */
void table_open(FILE *out, const struct contest_result *first);
void table_row(FILE *out, const struct contest_result *result);
/* What the columns mean. */
void table_legend(FILE *out);

#endif
