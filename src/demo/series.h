/* Values over time, for a chart. */
#ifndef DEMO_SERIES_H
#define DEMO_SERIES_H

#include <stddef.h>

#include "chart.h"

/* Zeroed is empty. A point for which there is no memory is left out. */
struct series {
	struct chart_point *points;
	size_t n;
	size_t room;
};

void series_add(struct series *series, double x, double y);
void series_free(struct series *series);
/* The y that a share (0 to 1) of all points do not exceed, by nearest rank;
 * NaN when there is none. Keeps the order of the points. */
double series_percentile(const struct series *series, double share);
/* The same of those points whose x is from from to to. */
double series_percentile_between(const struct series *series, double share,
				 double from, double to);

#endif
