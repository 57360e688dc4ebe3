/* What a run has shown, for people and for programs.
 *
 * Each takes the expectations after expect_judge, or NULL where nothing was
 * expected. The stream stays the caller's.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct expect;
struct result;
struct result_second;

/* A table that a person reads in five seconds; the verdict comes first. In
 * colour if the stream is a terminal and NO_COLOR is not set. */
void report_table(FILE *out, const struct result *result,
		  const struct expect *expect);

/* These return 0, or the negative errno of what could not be written. */

/* docs/weir-flood-json.md says what is in it. */
int report_json(FILE *out, const struct result *result,
		const struct expect *expect);

/* One second of it, as in the timeline, on a line of its own. */
int report_json_line(FILE *out, const struct result_second *second,
		     bool is_datagram);

/* A self-contained page. */
int report_html(FILE *out, const struct result *result,
		const struct expect *expect);

#endif
