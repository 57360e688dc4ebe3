/* The figures that an expectation can be about, and their units. */
#ifndef EXPECT_FIGURE_H
#define EXPECT_FIGURE_H

#include <stdbool.h>

#include "quantity.h"

enum figure {
	FIGURE_PERCENTILE, /* the only one whose name has a number */
	FIGURE_MAX,
	FIGURE_MEAN,
	FIGURE_THROUGHPUT,
	FIGURE_BYTES,
	FIGURE_ERRORS,
	FIGURE_CORRUPT,
	FIGURE_MISSED,
	FIGURE_UNANSWERED,
	FIGURE_TIMEOUTS,
	FIGURE_LOSS,
	FIGURE_REPEATED,
	FIGURE_REORDERED,
	FIGURE_LATE,
	FIGURE_FAIRNESS,
	FIGURE_CPU,
	N_FIGURES
};

/* How values are typed and printed. */
struct expect_unit {
	const char *expected;
	const struct quantity_unit *units;
	double scale; /* of the smallest of them */
	/* into QUANTITY_TEXT_SIZE bytes */
	const char *(*format)(char *text, double value);
	bool is_time;
	bool is_count; /* may be typed as a share too */
};

struct expect_figure {
	const char *name;
	enum figure figure;
	const struct expect_unit *unit;
};

/* N_FIGURES, in the order of the enum. */
extern const struct expect_figure expect_figures[];

#endif
