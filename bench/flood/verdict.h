/* Whether a measurement is worth anything, and if not, why not. */
#ifndef FLOOD_VERDICT_H
#define FLOOD_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

struct expect;
struct result;

enum {
	VERDICT_MAX_REASONS = 12,
	VERDICT_REASON_SIZE = 200
};

/* valid if and only if there is no reason against it. */
struct verdict {
	bool is_valid;
	size_t n_reasons;
	char reasons[VERDICT_MAX_REASONS][VERDICT_REASON_SIZE];
};

/* Fill in result->verdict from the rest of it. percentile is the highest one
 * that an expectation is about, 0 if there is none. */
void verdict_judge(struct result *result, double percentile);

/* Of a comparison: is there one, and is the rival's part of it valid? */
void verdict_judge_comparison(struct result *result);

/* What it comes to, after what is above and expect_judge (expect NULL: nothing
 * was expected): the exit status, the first word and the outcome in JSON.
 * FAILED, INVALID, BREACHED or DONE, the first of them that holds. */
enum status verdict_status(const struct result *result,
			   const struct expect *expect);

/* One more reason against it. */
void verdict_add(struct verdict *verdict, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
