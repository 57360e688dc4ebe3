/* Line charts as inline SVG, for a page of page.h: colours and faces come
 * from that page's style, so light, dark and print each look right. No script;
 * the title and the description are there for a screen reader too.
 *
 * A chart is a description that the caller fills in; drawing it allocates
 * nothing and keeps nothing. Many more points than pixels are fine: of each
 * column of pixels the extremes are drawn, so a spike cannot vanish.
 */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	CHART_MAX_SERIES = 6 /* colours that are easily told apart */
};

enum chart_scale {
	CHART_LINEAR,
	CHART_LOG,	 /* 0 and less stand at the lower edge */
	CHART_PERCENTILE /* x alone: from 0 to 1, with as much room for 90 % to
			    99 % as for 99 % to 99.9 %; 1 is the right edge */
};

/* What the numbers of an axis are: how they are printed, and which steps
 * between ticks are round. */
enum chart_unit {
	CHART_NUMBER, /* 1,500 or 2 M */
	CHART_NS,     /* nanoseconds, shown as 1.5 ms or 2 s */
	CHART_BYTES,  /* shown as 64 KiB */
	CHART_SHARE   /* of 1, shown as 25 % */
};

struct chart_axis {
	const char *label; /* NULL: none */
	enum chart_scale scale;
	enum chart_unit unit;
	/* The range to show at least; 0 and 0: what the data needs. A linear
	 * axis begins at 0 unless min is above. */
	double min, max;
};

struct chart_point {
	double x, y;
};

enum chart_shape {
	CHART_LINE,
	CHART_STEP, /* a value holds until the next point */
	CHART_AREA, /* a line, and a tint below it */
	CHART_DOTS
};

/* In the order of x. A y that is NaN is a gap. */
struct chart_series {
	const char *name;
	enum chart_shape shape;
	const struct chart_point *points;
	size_t n_points;
};

/* An interval of x that is shaded, such as "reader stopped". */
struct chart_band {
	const char *label; /* NULL: none */
	double from, to;
};

/* A level of y that is drawn across, such as a limit; the axis is stretched to
 * show it. */
struct chart_rule {
	const char *label; /* NULL: none */
	double y;
};

struct chart {
	const char *title;
	const char *description; /* one sentence; NULL: the title's */
	struct chart_axis x, y;
	const struct chart_series *series; /* at most CHART_MAX_SERIES */
	size_t n_series;
	const struct chart_band *bands;
	size_t n_bands;
	const struct chart_rule *rules;
	size_t n_rules;
	unsigned height; /* of the drawing 960 wide; 0: 320 */
	/* one of many beside each other (page_grid_open): the drawing alone,
	 * 240 wide, and no words but those of a screen reader. Whoever draws
	 * it says what the axes are, which end where the ranges do */
	bool is_small;
	/* at least this much room left of the y axis, so that charts below each
	 * other begin at the same place */
	unsigned n_letters;
};

/* Write a <figure>; one without a point says so. Errors of writing
 * stay with the stream: page_close reports them. */
void chart_draw(const struct chart *chart, FILE *out);

/* The names and colours of the series alone; a small chart has none. */
void chart_draw_legend(const struct chart *chart, FILE *out);

#endif
