/* The lines of a chart as SVG paths. */
#ifndef CHART_PATH_H
#define CHART_PATH_H

#include "chart_axis.h"

/* Draw the series in the i-th colour. */
void chart_path_draw(FILE *out, const struct chart_series *series, size_t i,
		     const struct chart_ruler *x, const struct chart_ruler *y);

#endif
