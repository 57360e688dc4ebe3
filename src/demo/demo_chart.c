#include "demo_chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "chart.h"
#include "quantity.h"
#include "clock.h"

enum {
	/* of all echoes due in this time the worst is drawn */
	BUCKET_NS = 10 * CLOCK_NS_PER_MS,
	CHART_HEIGHT = 170,
	NAME_SIZE = QUANTITY_TEXT_SIZE + 16,
	NOTE_SIZE = 128
};

/* A row: what is measured, and the upper end of its axis. */
struct row {
	const char *title;
	const char *note; /* what else is in the charts; NULL: nothing */
	enum chart_unit unit;
	double (*top)(const struct contest_result *result);
	/* Point the series to what result has; made is for points that are
	 * made for this, to be freed. */
	void (*set)(struct chart_series *series, struct series *made,
		    const struct contest_result *result);
	double (*rule)(const struct contest_result *result); /* 0: none */
};

struct picture {
	struct page *page;
	const struct demo_chart_column *columns;
	size_t n_columns;
	double time_ns; /* the end of all time axes */
};

/* -- what is measured -- */

static void set_step(struct chart_series *series, const struct series *line)
{
	series->shape = CHART_STEP;
	series->points = line->points;
	series->n_points = line->n;
}

static void set_received(struct chart_series *series, struct series *made,
			 const struct contest_result *result)
{
	(void)made;
	set_step(series, &result->received);
}

static double asked(const struct contest_result *result)
{
	return (double)result->asked;
}

static double most_received(const struct contest_result *result)
{
	return (double)(result->delivered > result->asked ? result->delivered
							  : result->asked);
}

/* The worst echo of each bucket. */
static void set_latency(struct chart_series *series, struct series *made,
			const struct contest_result *result)
{
	const struct series *latency = &result->latency;
	size_t n_buckets = 0;
	double *buckets;

	for (size_t i = 0; i < latency->n; i++) {
		size_t at = (size_t)(latency->points[i].x / BUCKET_NS);

		n_buckets = at + 1 > n_buckets ? at + 1 : n_buckets;
	}
	buckets = calloc(n_buckets + 1, sizeof *buckets);
	if (!buckets)
		return;
	for (size_t i = 0; i < latency->n; i++) {
		size_t at = (size_t)(latency->points[i].x / BUCKET_NS);

		buckets[at] = fmax(buckets[at], latency->points[i].y);
	}
	for (size_t i = 0; i < n_buckets; i++)
		if (buckets[i] > 0)
			series_add(made, (double)i * BUCKET_NS, buckets[i]);
	free(buckets);
	series->shape = CHART_LINE;
	series->points = made->points;
	series->n_points = made->n;
}

static double longest_echo(const struct contest_result *result)
{
	double longest = series_percentile(&result->latency, 1);

	return fmax(longest, CLOCK_NS_PER_S); /* NaN is less */
}

static void set_cpu(struct chart_series *series, struct series *made,
		    const struct contest_result *result)
{
	(void)made;
	set_step(series, &result->cpu);
}

static double whole_core(const struct contest_result *result)
{
	(void)result;
	return 1;
}

static void set_queue(struct chart_series *series, struct series *made,
		      const struct contest_result *result)
{
	(void)made;
	set_step(series, &result->queue);
}

static double queue_max(const struct contest_result *result)
{
	return (double)result->strategy->queue_max;
}

static double most_queued(const struct contest_result *result)
{
	return fmax((double)result->queue_peak, queue_max(result));
}

static const struct row received = {.title = "Received by the slow reader",
				    .note = "dotted: what it asked for",
				    .unit = CHART_BYTES,
				    .top = most_received,
				    .set = set_received,
				    .rule = asked};
static const struct row rows[] = {{.title = "Healthy clients' worst echo",
				   .unit = CHART_NS,
				   .top = longest_echo,
				   .set = set_latency},
				  {.title = "CPU of the server's thread",
				   .unit = CHART_SHARE,
				   .top = whole_core,
				   .set = set_cpu},
				  {.title = "Send queue",
				   .note = "dotted: its limit",
				   .unit = CHART_BYTES,
				   .top = most_queued,
				   .set = set_queue,
				   .rule = queue_max}};

/* -- drawing -- */

/* "16 MiB owed" */
static const char *name_of(const struct contest_result *result,
			   char text[NAME_SIZE])
{
	char size[QUANTITY_TEXT_SIZE];

	quantity_format_size(size, (double)result->asked);
	(void)snprintf(text, NAME_SIZE, "%s owed", size);
	return text;
}

static double top_of(const struct picture *picture, const struct row *row)
{
	double top = 0;

	for (size_t i = 0; i < picture->n_columns; i++)
		for (size_t k = 0; k < picture->columns[i].n; k++)
			top = fmax(top,
				   row->top(picture->columns[i].results[k]));
	return top;
}

static void draw_one(const struct picture *picture, const struct row *row,
		     const struct demo_chart_column *column, double top)
{
	const struct contest_result *first = column->results[0];
	struct chart_series series[DEMO_CHART_MAX] = {{0}};
	struct series made[DEMO_CHART_MAX] = {{0}};
	struct chart_rule rules[DEMO_CHART_MAX] = {{0}};
	struct chart_band band = {
		.from = (double)first->stop_from_ns,
		.to = (double)(first->stop_from_ns + first->stop.stopped_ns)};
	char names[DEMO_CHART_MAX][NAME_SIZE];
	char title[NOTE_SIZE];
	struct chart chart = {.title = title,
			      .x = {.unit = CHART_NS, .max = picture->time_ns},
			      .y = {.unit = row->unit, .max = top},
			      .series = series,
			      .n_series = column->n,
			      .bands = &band,
			      .n_bands = !first->is_calm,
			      .rules = rules,
			      .height = CHART_HEIGHT,
			      .is_small = true};

	(void)snprintf(title, sizeof title, "%s: %s", first->strategy->name,
		       row->title);
	for (size_t i = 0; i < column->n; i++) {
		const struct contest_result *result = column->results[i];

		series[i].name = name_of(result, names[i]);
		row->set(&series[i], &made[i], result);
		if (row->rule && row->rule(result) > 0)
			rules[chart.n_rules++].y = row->rule(result);
	}
	chart_draw(&chart, picture->page->out);
	for (size_t i = 0; i < column->n; i++)
		series_free(&made[i]);
}

static void draw_row(const struct picture *picture, const struct row *row)
{
	double top = top_of(picture, row);
	char end[QUANTITY_TEXT_SIZE];
	char note[NOTE_SIZE];

	if (row->unit == CHART_NS)
		quantity_format_time(end, top);
	else if (row->unit == CHART_BYTES)
		quantity_format_size(end, top);
	else
		(void)snprintf(end, sizeof end, "one core");
	(void)snprintf(note, sizeof note, "0 to %s%s%s", end,
		       row->note ? "; " : "", row->note ? row->note : "");
	page_grid_words(picture->page, row->title, note);
	for (size_t i = 0; i < picture->n_columns; i++)
		if (picture->columns[i].n > 0)
			draw_one(picture, row, &picture->columns[i], top);
}

/* The names of the columns, and the end of the time axes. */
static void draw_heads(struct picture *picture)
{
	size_t n = 0;

	for (size_t i = 0; i < picture->n_columns; i++)
		n += picture->columns[i].n > 0;
	page_grid_open(picture->page, n);
	page_grid_words(picture->page, "", NULL);
	for (size_t i = 0; i < picture->n_columns; i++) {
		const struct demo_chart_column *column = &picture->columns[i];

		for (size_t k = 0; k < column->n; k++)
			picture->time_ns =
				fmax(picture->time_ns,
				     (double)column->results[k]->total_ns);
		if (column->n > 0)
			page_grid_words(picture->page,
					column->results[0]->strategy->name,
					NULL);
	}
}

/* Whose lines they are. */
static void draw_legend(struct page *page,
			const struct demo_chart_column *column)
{
	struct chart_series series[DEMO_CHART_MAX] = {{0}};
	struct chart chart = {.series = series, .n_series = column->n};
	char names[DEMO_CHART_MAX][NAME_SIZE];

	for (size_t i = 0; i < column->n; i++)
		series[i].name = name_of(column->results[i], names[i]);
	chart_draw_legend(&chart, page->out);
}

void demo_chart_draw(struct page *page, const struct demo_chart_column *columns,
		     size_t n_columns)
{
	struct picture picture = {
		.page = page, .columns = columns, .n_columns = n_columns};
	char end[QUANTITY_TEXT_SIZE];
	bool is_calm;
	size_t i = 0;

	while (columns[i].n == 0)
		i++;
	is_calm = columns[i].results[0]->is_calm;
	if (columns[i].n > 1)
		draw_legend(page, &columns[i]);
	draw_heads(&picture);
	if (!is_calm)
		draw_row(&picture, &received);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		draw_row(&picture, &rows[i]);
	page_grid_close(page);
	page_paragraph(
		page,
		"Each chart begins when the reader asked and ends %s later.%s",
		quantity_format_time(end, picture.time_ns),
		is_calm ? "" : " While it is shaded the reader has stopped.");
}
