/* The charts of one strategy on the page. Those of a kind have the same axes
 * for all strategies, so that they can be compared at a glance. */
#ifndef DEMO_CHART_H
#define DEMO_CHART_H

#include <stddef.h>
#include <stdio.h>

#include "contest.h"

enum {
	DEMO_CHART_MAX = 2 /* sizes in one chart; the tables have all */
};

/* The upper ends of the axes. */
struct demo_chart_axes {
	double time_ns;
	double latency_ns;
	double n_queued;
};

void demo_chart_stretch(struct demo_chart_axes *axes,
			const struct contest_result *result);
/* What the reader received, the healthy clients' latency, the server's CPU
 * time and its queue; n results of one strategy, by size. */
void demo_chart_draw(FILE *out, const struct demo_chart_axes *axes,
		     const struct contest_result *const *results, size_t n);

#endif
