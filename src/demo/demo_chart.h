/* The picture of the contest: a row a measure, a column a way of sending, and in
 * each row the same axes, so that all are seen at one glance. */
#ifndef DEMO_CHART_H
#define DEMO_CHART_H

#include <stddef.h>

#include "contest.h"
#include "page.h"

enum {
	DEMO_CHART_MAX = 2 /* sizes in one chart; the tables have all */
};

/* The results of one strategy, by size. */
struct demo_chart_column {
	const struct contest_result *results[DEMO_CHART_MAX];
	size_t n; /* 0: it was not tried; the same of all that were */
};

/* What the reader received, the healthy clients' latency, the server's CPU
 * time and its queue. One column at least has results. */
void demo_chart_draw(struct page *page, const struct demo_chart_column *columns,
		     size_t n_columns);

#endif
