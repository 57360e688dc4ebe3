#include "demo_chart.h"

#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "quantity.h"
#include "clock.h"

enum {
	/* of all echoes due in this time the worst is drawn */
	BUCKET_NS = 10 * CLOCK_NS_PER_MS,
	CHART_HEIGHT = 170,
	N_LETTERS = 7, /* "512 KiB" is as long as labels get */
	NAME_SIZE = QUANTITY_TEXT_SIZE + 16
};

/* One chart on its way. */
struct drawing {
	FILE *out;
	struct chart chart;
	struct chart_series series[DEMO_CHART_MAX];
	char names[DEMO_CHART_MAX][NAME_SIZE];
	struct chart_band band;
	struct chart_rule rules[DEMO_CHART_MAX];
};

void demo_chart_stretch(struct demo_chart_axes *axes,
			const struct contest_result *result)
{
	axes->time_ns = fmax(axes->time_ns, (double)result->total_ns);
	axes->latency_ns =
		fmax(axes->latency_ns, series_percentile(&result->latency, 1));
	axes->n_queued = fmax(axes->n_queued, (double)result->queue_peak);
}

/* What all charts have: the time, the stop, and whose lines they are. */
static void prepare(struct drawing *drawing, const struct demo_chart_axes *axes,
		    const struct contest_result *const *results, size_t n)
{
	const struct contest_result *first = results[0];
	char size[QUANTITY_TEXT_SIZE];

	drawing->band = (struct chart_band){
		.label = first->is_calm ? "nobody is slow"
					: "the reader has stopped",
		.from = (double)first->stop_from_ns,
		.to = (double)(first->stop_from_ns + first->stop.stopped_ns)};
	drawing->chart = (struct chart){.x = {.label = "since the reader asked",
					      .unit = CHART_NS,
					      .max = axes->time_ns},
					.series = drawing->series,
					.n_series = n,
					.bands = &drawing->band,
					.n_bands = 1,
					.rules = drawing->rules,
					.height = CHART_HEIGHT,
					.n_letters = N_LETTERS};
	for (size_t i = 0; i < n; i++) {
		quantity_format_size(size, (double)results[i]->asked);
		(void)snprintf(drawing->names[i], NAME_SIZE, "%s owed", size);
		drawing->series[i].name = drawing->names[i];
	}
}

static void set_line(struct drawing *drawing, size_t i,
		     const struct series *line)
{
	drawing->series[i].shape = CHART_STEP;
	drawing->series[i].points = line->points;
	drawing->series[i].n_points = line->n;
}

static void draw_received(struct drawing *drawing,
			  const struct contest_result *const *results)
{
	struct chart *chart = &drawing->chart;

	chart->title = "Received by the slow reader";
	chart->description = "Bytes that the slow reader has got, over time";
	chart->y = (struct chart_axis){.unit = CHART_BYTES};
	chart->n_rules = chart->n_series;
	for (size_t i = 0; i < chart->n_series; i++) {
		set_line(drawing, i, &results[i]->received);
		drawing->rules[i] =
			(struct chart_rule){.y = (double)results[i]->asked};
	}
	chart_draw(chart, drawing->out);
}

/* The worst echo of each bucket. */
static void thin(const struct series *latency, struct series *worst)
{
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
			series_add(worst, (double)i * BUCKET_NS, buckets[i]);
	free(buckets);
}

static void draw_latency(struct drawing *drawing, double latency_ns,
			 const struct contest_result *const *results)
{
	struct series worst[DEMO_CHART_MAX] = {{0}};
	struct chart *chart = &drawing->chart;

	chart->title = "Healthy clients: the worst echo of each 10 ms";
	chart->description = "Latency of the healthy clients' echoes by the "
			     "time at which they were due";
	chart->y = (struct chart_axis){.unit = CHART_NS,
				       .max = fmax(latency_ns, CLOCK_NS_PER_S)};
	for (size_t i = 0; i < chart->n_series; i++) {
		thin(&results[i]->latency, &worst[i]);
		set_line(drawing, i, &worst[i]);
		drawing->series[i].shape = CHART_LINE;
	}
	chart_draw(chart, drawing->out);
	for (size_t i = 0; i < chart->n_series; i++)
		series_free(&worst[i]);
}

static void draw_cpu(struct drawing *drawing,
		     const struct contest_result *const *results)
{
	struct chart *chart = &drawing->chart;

	chart->title = "CPU of the server's thread";
	chart->description = "Share of a core that the server's thread was "
			     "running, over time";
	chart->y = (struct chart_axis){.unit = CHART_SHARE, .max = 1};
	for (size_t i = 0; i < chart->n_series; i++)
		set_line(drawing, i, &results[i]->cpu);
	chart_draw(chart, drawing->out);
}

static void draw_queue(struct drawing *drawing, double n_queued,
		       const struct contest_result *const *results)
{
	size_t max = results[0]->strategy->queue_max;
	struct chart *chart = &drawing->chart;

	chart->title = "Send queue";
	chart->description = "Bytes that the server keeps in memory for the "
			     "slow reader, over time";
	chart->y = (struct chart_axis){.unit = CHART_BYTES, .max = n_queued};
	for (size_t i = 0; i < chart->n_series; i++)
		set_line(drawing, i, &results[i]->queue);
	drawing->rules[0] =
		(struct chart_rule){.label = "its limit", .y = (double)max};
	chart->n_rules = max > 0;
	chart_draw(chart, drawing->out);
}

void demo_chart_draw(FILE *out, const struct demo_chart_axes *axes,
		     const struct contest_result *const *results, size_t n)
{
	struct drawing drawing = {.out = out};

	prepare(&drawing, axes, results, n);
	if (!results[0]->is_calm)
		draw_received(&drawing, results);
	prepare(&drawing, axes, results, n);
	draw_latency(&drawing, axes->latency_ns, results);
	prepare(&drawing, axes, results, n);
	draw_cpu(&drawing, results);
	prepare(&drawing, axes, results, n);
	draw_queue(&drawing, axes->n_queued, results);
}
