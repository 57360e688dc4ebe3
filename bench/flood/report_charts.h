/* The charts of the page: percentiles, and how the run went on. */
#ifndef REPORT_CHARTS_H
#define REPORT_CHARTS_H

#include <stdio.h>

struct expect;
struct result;

/* Latency, service and lateness by percentile, with the levels that were
 * expected. 0 or -ENOMEM. */
int report_chart_percentiles(FILE *out, const struct result *result,
			     const struct expect *expect);

/* Throughput, and latency where there are answers, second by second. 0 or
 * -ENOMEM. */
int report_chart_timeline(FILE *out, const struct result *result);

/* --compare: what each round has shown. 0 or -ENOMEM. */
int report_chart_rounds(FILE *out, const struct result *result);

/* --find-rate: the latency of each trial. */
void report_chart_search(FILE *out, const struct result *result,
			 const struct expect *expect);

#endif
