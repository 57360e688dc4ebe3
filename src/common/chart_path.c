/* A path has four points a column of pixels at most: where it enters it, its
 * lowest, its highest, and where it leaves. What lies between would not be
 * seen, and a spike is one of them. */
#include "chart_path.h"

#include <math.h>

#include "page.h"

/* The shape of a tint is closed along the base. */
struct pen {
	FILE *out;
	enum chart_shape shape;
	bool is_tint;
	double base;
	bool is_down;
	bool has_moved; /* since it was put down */
	double x;	/* where it is */
	double y;
};

/* One column of pixels that was reached and is not yet drawn. */
struct column {
	size_t n;
	double x; /* of its first point */
	double first, low, high, last;
};

/* -- the pen -- */

static void put_down(struct pen *pen, double x, double y)
{
	if (pen->is_tint)
		(void)fprintf(pen->out, "M%.1f %.1fV%.1f", x, pen->base, y);
	else
		(void)fprintf(pen->out, "M%.1f %.1fh0", x, y);
	pen->is_down = pen->shape != CHART_DOTS;
	pen->has_moved = false;
}

static void move_pen(struct pen *pen, double x, double y)
{
	if (pen->is_down && x == pen->x && y == pen->y)
		return;
	pen->x = x;
	pen->y = y;
	if (!pen->is_down) {
		put_down(pen, x, y);
		return;
	}
	pen->has_moved = true;
	if (pen->shape == CHART_STEP)
		(void)fprintf(pen->out, "H%.1fV%.1f", x, y);
	else
		(void)fprintf(pen->out, "L%.1f %.1f", x, y);
}

/* A point without neighbours becomes a ring, or it would not be seen. */
static void lift(struct pen *pen)
{
	if (pen->is_down && pen->is_tint)
		(void)fprintf(pen->out, "V%.1fZ", pen->base);
	else if (pen->is_down && !pen->has_moved)
		(void)fputs("m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0", pen->out);
	pen->is_down = false;
}

/* -- columns -- */

static void flush(struct column *column, struct pen *pen)
{
	if (column->n == 0)
		return;
	move_pen(pen, column->x, column->first);
	if (column->n > 2) {
		move_pen(pen, column->x, column->low);
		move_pen(pen, column->x, column->high);
	}
	if (column->n > 1)
		move_pen(pen, column->x, column->last);
	column->n = 0;
}

static void add(struct column *column, double x, double y, struct pen *pen)
{
	if (column->n > 0 && x >= column->x + 1)
		flush(column, pen);
	if (column->n++ == 0) {
		*column = (struct column){1, x, y, y, y, y};
		return;
	}
	column->low = fmin(column->low, y);
	column->high = fmax(column->high, y);
	column->last = y;
}

/* -- the path -- */

static void draw(struct pen *pen, const struct chart_series *series,
		 const struct chart_ruler *x, const struct chart_ruler *y)
{
	struct column column = {0};

	for (size_t i = 0; i < series->n_points; i++) {
		const struct chart_point *point = &series->points[i];

		if (isfinite(point->x) && isfinite(point->y)) {
			add(&column, chart_ruler_place(x, point->x),
			    chart_ruler_place(y, point->y), pen);
			continue;
		}
		flush(&column, pen);
		if (pen->shape == CHART_STEP && pen->is_down)
			move_pen(pen, chart_ruler_place(x, point->x), pen->y);
		lift(pen);
	}
	flush(&column, pen);
	lift(pen);
}

void chart_path_draw(FILE *out, const struct chart_series *series, size_t i,
		     const struct chart_ruler *x, const struct chart_ruler *y)
{
	struct pen pen = {.out = out, .shape = series->shape, .base = y->from};
	const char *dots = series->shape == CHART_DOTS ? " dots" : "";

	if (series->shape == CHART_AREA) {
		pen.is_tint = true;
		(void)fprintf(out, "<path class=\"tint s%zu\" d=\"", i + 1);
		draw(&pen, series, x, y);
		(void)fputs("\"/>\n", out);
		pen.is_tint = false;
	}
	(void)fprintf(out, "<path class=\"series s%zu%s\" d=\"", i + 1, dots);
	draw(&pen, series, x, y);
	(void)fputs("\"><title>", out);
	page_escape(out, series->name);
	(void)fputs("</title></path>\n", out);
}
