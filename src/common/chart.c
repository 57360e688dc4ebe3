/* From the back to the front: shaded intervals, grid, lines, levels, words.
 * Only words that may lie over a line have a halo. The legend is HTML above
 * the drawing, so that it wraps whatever the names are. */
#include "chart.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "chart_axis.h"
#include "chart_path.h"
#include "page.h"

enum {
	WIDTH = 960,
	HEIGHT = 320,
	SMALL_WIDTH = 240,
	TOP = 26, /* room for the label of the y axis */
	RIGHT = 34,
	BOTTOM = 48,
	LETTER = 8,  /* the width of a digit, and a little more */
	SPACING = 70 /* between ticks on the x axis, and half that on y */
};

struct drawing {
	const struct chart *chart;
	FILE *out;
	struct chart_ruler x, y;
	double width, height;
	double left, right, top, bottom; /* of the field of lines */
};

/* -- measuring -- */

static bool is_point(const struct chart_point *point)
{
	return isfinite(point->x) && isfinite(point->y);
}

/* False: there is no point to show. */
static bool measure(const struct chart *chart, struct chart_extent *x,
		    struct chart_extent *y)
{
	bool has_points = false;

	for (size_t i = 0; i < chart->n_series; i++) {
		const struct chart_series *series = &chart->series[i];

		for (size_t k = 0; k < series->n_points; k++) {
			if (!is_point(&series->points[k]))
				continue;
			chart_extent_add(x, series->points[k].x);
			chart_extent_add(y, series->points[k].y);
			has_points = true;
		}
	}
	for (size_t i = 0; i < chart->n_rules; i++)
		chart_extent_add(y, chart->rules[i].y);
	return has_points;
}

static double width_of_labels(const struct chart_ruler *ruler, size_t at_least)
{
	char text[CHART_LABEL_SIZE];
	size_t most = at_least;

	for (size_t i = 0; i < ruler->n_ticks; i++) {
		size_t n =
			strlen(chart_ruler_label(ruler, ruler->ticks[i], text));

		most = n > most ? n : most;
	}
	return (double)(LETTER * most);
}

static void lay_out(struct drawing *d, struct chart_extent x,
		    struct chart_extent y)
{
	bool is_small = d->chart->is_small;

	d->width = is_small ? SMALL_WIDTH : WIDTH;
	d->height = d->chart->height > 0 ? d->chart->height : HEIGHT;
	d->top = is_small ? 2 : TOP;
	d->bottom = d->height - (is_small ? 2 : BOTTOM);
	d->right = d->width - (is_small ? 0 : RIGHT);
	chart_ruler_init(&d->y, &d->chart->y, y,
			 (size_t)((d->bottom - d->top) / SPACING * 2),
			 is_small);
	d->y.from = d->bottom;
	d->y.to = d->top;
	d->left =
		is_small ? 0 : 12 + width_of_labels(&d->y, d->chart->n_letters);
	chart_ruler_init(&d->x, &d->chart->x, x,
			 (size_t)((d->right - d->left) / SPACING), true);
	d->x.from = d->left;
	d->x.to = d->right;
}

/* -- words -- */

static void put_words(const struct drawing *d, double x, double y,
		      const char *classes, const char *words)
{
	(void)fprintf(d->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y,
		      classes);
	page_escape(d->out, words);
	(void)fputs("</text>\n", d->out);
}

static void draw_labels(const struct drawing *d)
{
	const struct chart *chart = d->chart;

	if (chart->y.label)
		put_words(d, 0, 13, "start", chart->y.label);
	if (chart->x.label)
		put_words(d, (d->left + d->right) / 2, d->bottom + 42, "middle",
			  chart->x.label);
}

/* -- axes -- */

static void draw_line(const struct drawing *d, const char *class,
		      const double from[2], const double to[2])
{
	(void)fprintf(d->out,
		      "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
		      class, from[0], from[1], to[0], to[1]);
}

static void draw_x_axis(const struct drawing *d)
{
	char text[CHART_LABEL_SIZE];

	for (size_t i = 0; i < d->x.n_ticks; i++) {
		double x = chart_ruler_place(&d->x, d->x.ticks[i]);

		draw_line(d, "grid", (double[]){x, d->top},
			  (double[]){x, d->bottom});
		if (!d->chart->is_small)
			put_words(
				d, x, d->bottom + 20, "middle",
				chart_ruler_label(&d->x, d->x.ticks[i], text));
	}
}

static void draw_y_axis(const struct drawing *d)
{
	char text[CHART_LABEL_SIZE];

	for (size_t i = 0; i < d->y.n_ticks; i++) {
		double y = chart_ruler_place(&d->y, d->y.ticks[i]);

		draw_line(d, "grid", (double[]){d->left, y},
			  (double[]){d->right, y});
		if (!d->chart->is_small)
			put_words(
				d, d->left - 8, y + 4.5, "end",
				chart_ruler_label(&d->y, d->y.ticks[i], text));
	}
	draw_line(d, "axis", (double[]){d->left, d->bottom},
		  (double[]){d->right, d->bottom});
}

/* -- intervals and levels -- */

static bool is_in_sight(const struct drawing *d, const struct chart_band *band)
{
	return band->to >= d->x.min && band->from <= d->x.max;
}

static void draw_band(const struct drawing *d, const struct chart_band *band)
{
	double from = chart_ruler_place(&d->x, band->from);
	double to = chart_ruler_place(&d->x, band->to);

	if (!is_in_sight(d, band))
		return;
	(void)fprintf(d->out,
		      "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" "
		      "width=\"%.1f\" height=\"%.1f\"/>\n",
		      from, d->top, fmax(to - from, 1), d->bottom - d->top);
}

/* Inside the interval or beyond its left edge, whichever has the room; labels
 * that may meet stand below each other. */
static void draw_band_label(const struct drawing *d, size_t i)
{
	const struct chart_band *band = &d->chart->bands[i];
	double x = chart_ruler_place(&d->x, band->from);
	double y = d->top + 16 + 17 * (double)(i % 3);
	bool has_room = x < (d->left + d->right) / 2;

	if (band->label && is_in_sight(d, band))
		put_words(d, has_room ? x + 6 : x - 6, y,
			  has_room ? "halo" : "halo end", band->label);
}

/* Whether there is a level so little above that a label would lie on it. */
static bool is_below_another(const struct drawing *d, size_t i)
{
	double y = chart_ruler_place(&d->y, d->chart->rules[i].y);

	for (size_t k = 0; k < d->chart->n_rules; k++) {
		double other = chart_ruler_place(&d->y, d->chart->rules[k].y);

		if (other < y && other > y - 20)
			return true;
	}
	return y < d->top + 18;
}

/* To the right and to the left by turns: levels may lie close together. */
static void draw_rule(const struct drawing *d, size_t i)
{
	const struct chart_rule *rule = &d->chart->rules[i];
	double y = chart_ruler_place(&d->y, rule->y);
	double label_y = is_below_another(d, i) ? y + 16 : y - 6;

	draw_line(d, "rule", (double[]){d->left, y}, (double[]){d->right, y});
	if (rule->label && i % 2 == 0)
		put_words(d, d->right - 6, label_y, "halo end", rule->label);
	else if (rule->label)
		put_words(d, d->left + 6, label_y, "halo", rule->label);
}

/* -- the whole -- */

void chart_draw_legend(const struct chart *chart, FILE *out)
{
	(void)fputs("<ul class=\"legend\">", out);
	for (size_t i = 0; i < chart->n_series; i++) {
		bool is_dots = chart->series[i].shape == CHART_DOTS;

		(void)fprintf(out,
			      "<li><svg viewBox=\"0 0 28 10\" "
			      "aria-hidden=\"true\">"
			      "<path class=\"series s%zu%s\" d=\"%s\"/></svg>",
			      i + 1, is_dots ? " dots" : "",
			      is_dots ? "M14 5h0" : "M2 5H26");
		page_escape(out, chart->series[i].name);
		(void)fputs("</li>", out);
	}
	(void)fputs("</ul>\n", out);
}

static void draw_field(const struct drawing *d)
{
	const struct chart *chart = d->chart;

	for (size_t i = 0; i < chart->n_bands; i++)
		draw_band(d, &chart->bands[i]);
	draw_x_axis(d);
	draw_y_axis(d);
	/* the first lies on top */
	for (size_t i = chart->n_series; i-- > 0;)
		chart_path_draw(d->out, &chart->series[i], i, &d->x, &d->y);
	for (size_t i = 0; i < chart->n_bands; i++)
		draw_band_label(d, i);
	for (size_t i = 0; i < chart->n_rules; i++)
		draw_rule(d, i);
	draw_labels(d);
}

static void draw_svg(struct drawing *d)
{
	const struct chart *chart = d->chart;
	const char *description =
		chart->description ? chart->description : chart->title;

	(void)fprintf(d->out,
		      "<svg class=\"chart%s\" role=\"img\" "
		      "viewBox=\"0 0 %.0f %.0f\">\n<title>",
		      chart->is_small ? " small" : "", d->width, d->height);
	page_escape(d->out, chart->title);
	(void)fputs("</title>\n<desc>", d->out);
	page_escape(d->out, description);
	(void)fputs("</desc>\n", d->out);
	draw_field(d);
	(void)fputs("</svg>\n", d->out);
}

static void draw_whole(const struct chart *chart, FILE *out)
{
	struct drawing d = {.chart = chart, .out = out};
	struct chart_extent x = CHART_NO_EXTENT;
	struct chart_extent y = CHART_NO_EXTENT;

	if (!measure(chart, &x, &y)) {
		(void)fputs("<p>There is nothing to draw.</p>\n", out);
		return;
	}
	if (chart->n_series > 1 && !chart->is_small)
		chart_draw_legend(chart, out);
	lay_out(&d, x, y);
	draw_svg(&d);
}

void chart_draw(const struct chart *chart, FILE *out)
{
	assert(chart->n_series <= CHART_MAX_SERIES);
	if (chart->is_small) {
		draw_whole(chart, out);
		return;
	}
	(void)fputs("<figure>\n<figcaption>", out);
	page_escape(out, chart->title);
	(void)fputs("</figcaption>\n", out);
	draw_whole(chart, out);
	(void)fputs("</figure>\n", out);
}
