/* One axis of a chart: where a value stands, and which values get a tick.
 *
 * Ticks are round in the axis's unit: 1, 2 or 5 times a power of ten, powers
 * of two for bytes, whole decades on a logarithmic axis that spans several,
 * and 0, 50, 90, 99, 99.9 ... % on one of percentiles.
 */
#ifndef CHART_AXIS_H
#define CHART_AXIS_H

#include <math.h>

#include "chart.h"

enum {
	CHART_LABEL_SIZE = 32,
	CHART_MAX_TICKS = 24
};

/* What the data needs; begin with CHART_NO_EXTENT. */
struct chart_extent {
	double min, max;
	double min_above_0; /* for a logarithm */
	double max_below_1; /* for a percentile */
};

#define CHART_NO_EXTENT \
	((struct chart_extent){INFINITY, -INFINITY, INFINITY, -INFINITY})

struct chart_ruler {
	enum chart_scale scale;
	enum chart_unit unit;
	double min, max;  /* the range shown */
	double from, to;  /* in the drawing: where min and max stand */
	double divisor;	  /* of linear labels, so that they share one unit */
	const char *name; /* of that unit */
	double ticks[CHART_MAX_TICKS];
	size_t n_ticks;
};

void chart_extent_add(struct chart_extent *extent, double value);

/* A range for the extent and the axis's own wishes, and at most n_ticks ticks
 * (and no more than CHART_MAX_TICKS). A snug range ends with the data, another
 * with a tick. from and to are for the caller to set. */
void chart_ruler_init(struct chart_ruler *ruler, const struct chart_axis *axis,
		      struct chart_extent extent, size_t n_ticks, bool is_snug);

/* Never outside of from and to. */
double chart_ruler_place(const struct chart_ruler *ruler, double value);

/* A tick's label, in CHART_LABEL_SIZE bytes; returns text. */
const char *chart_ruler_label(const struct chart_ruler *ruler, double value,
			      char *text);

#endif
