/* Whether a measurement is worth anything, and if not, why not. */
#ifndef FLOOD_VERDICT_H
#define FLOOD_VERDICT_H

#include "flood.h"

/* Fill in result->verdict from the rest of it. percentile is the highest one
 * that somebody will judge by, 0 if nobody does. */
void flood_verdict_judge(struct flood_result *result, double percentile);

/* Of a comparison: is there one, and is the rival's part of it valid? */
void flood_verdict_judge_comparison(struct flood_result *result);

/* One more reason against it. */
void flood_verdict_add(struct flood_verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
