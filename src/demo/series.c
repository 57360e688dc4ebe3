#include "series.h"

#include <math.h>
#include <stdlib.h>

void series_add(struct series *series, double x, double y)
{
	if (series->n == series->room) {
		size_t room = series->room ? 2 * series->room : 1024;
		struct chart_point *points =
			realloc(series->points, room * sizeof *points);

		if (!points)
			return;
		series->points = points;
		series->room = room;
	}
	series->points[series->n++] = (struct chart_point){x, y};
}

void series_free(struct series *series)
{
	free(series->points);
	*series = (struct series){0};
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

double series_percentile_between(const struct series *series, double share,
				 double from, double to)
{
	double *values = calloc(series->n ? series->n : 1, sizeof *values);
	double value = NAN;
	size_t n = 0;

	if (!values)
		return NAN;
	for (size_t i = 0; i < series->n; i++)
		if (series->points[i].x >= from && series->points[i].x <= to)
			values[n++] = series->points[i].y;
	qsort(values, n, sizeof *values, compare);
	if (n > 0) {
		double rank = ceil(share * (double)n);

		value = values[rank < 1 ? 0 : (size_t)rank - 1];
	}
	free(values);
	return value;
}

double series_percentile(const struct series *series, double share)
{
	return series_percentile_between(series, share, -INFINITY, INFINITY);
}
