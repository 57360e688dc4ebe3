/* A chart takes arrays of points; they are made here and freed when it is
 * drawn. */
#include "report_charts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "expect.h"
#include "histogram.h"
#include "report_words.h"
#include "result.h"

enum {
	MAX_RULES = 4,
	MAX_BANDS = 16
};

/* -- percentiles -- */

/* All steps of the histogram, from its minimum; the curve stands at a slot's
 * value from the share of values below the slot to that up to it. NULL: no
 * memory. */
static struct chart_point *make_curve(const struct histogram *h, size_t *n)
{
	struct histogram_step step = {0};
	struct chart_point *points;
	double count = (double)histogram_count(h);
	size_t n_steps = 0;

	while (histogram_next(h, &step))
		n_steps++;
	points = malloc((2 * n_steps + 1) * sizeof *points);
	*n = 0;
	if (!points)
		return NULL;
	step = (struct histogram_step){0};
	while (histogram_next(h, &step)) {
		double ns = (double)step.last;
		uint64_t n_before = step.n_upto - step.n;

		if (step.last > histogram_max(h))
			ns = (double)histogram_max(h);
		points[(*n)++] =
			(struct chart_point){(double)n_before / count, ns};
		points[(*n)++] =
			(struct chart_point){(double)step.n_upto / count, ns};
	}
	return points;
}

/* The latencies that were expected, up to MAX_RULES. */
static size_t make_rules(const struct expect *expect, struct chart_rule *rules)
{
	size_t n_terms = expect ? expect->n_terms : 0;
	size_t n = 0;

	for (size_t i = 0; i < n_terms && n < MAX_RULES; i++) {
		const struct expect_term *term = &expect->terms[i];

		if (expect_is_latency(term) && term->limit > 0)
			rules[n++] =
				(struct chart_rule){term->text, term->limit};
	}
	return n;
}

int report_chart_percentiles(FILE *out, const struct result *result,
			     const struct expect *expect)
{
	struct chart_point *points[REPORT_N_TIMES] = {0};
	struct chart_series series[REPORT_N_TIMES] = {0};
	struct chart_rule rules[MAX_RULES];
	struct chart chart = {
		.title = "Percentiles",
		.description = "The time that this share of the messages took "
			       "at most.",
		.x = {"share of messages", CHART_PERCENTILE, CHART_SHARE, 0, 0},
		.y = {"time", CHART_LOG, CHART_NS, 0, 0},
		.series = series,
		.rules = rules,
		.n_rules = make_rules(expect, rules),
	};
	int status = 0;

	for (size_t i = 0; i < REPORT_N_TIMES && status == 0; i++) {
		struct report_time time = report_time(result, i);
		struct chart_series *next = &series[chart.n_series];

		if (!report_time_is_told(result, i))
			continue;
		points[i] = make_curve(time.histogram, &next->n_points);
		next->name = time.name;
		next->points = points[i];
		chart.n_series++;
		if (!points[i])
			status = -ENOMEM;
	}
	if (status == 0)
		chart_draw(&chart, out);
	for (size_t i = 0; i < REPORT_N_TIMES; i++)
		free(points[i]);
	return status;
}

/* -- second by second -- */

enum curve {
	CURVE_MESSAGES,
	CURVE_P50,
	CURVE_P99,
	CURVE_MAX,
	N_CURVES
};

static const char *const curve_names[N_CURVES] = {"messages", "median", "p99",
						  "slowest"};

static double value_of(const struct result_second *second, enum curve curve)
{
	if (curve == CURVE_MESSAGES)
		return (double)second->n_messages / second->length_s;
	if (second->n_samples == 0)
		return NAN;
	if (curve == CURVE_P50)
		return (double)second->p50_ns;
	if (curve == CURVE_P99)
		return (double)second->p99_ns;
	return (double)second->max_ns;
}

/* One point where each second begins, and one where the last ends. */
static void make_steps(const struct result *result, enum curve curve,
		       struct chart_point *points)
{
	size_t n = result->n_timeline;

	for (size_t i = 0; i < n; i++) {
		const struct result_second *second = &result->timeline[i];
		double start_s = second->at_s - second->length_s;

		points[i].x = fmax(start_s, 0) * 1e9;
		points[i].y = value_of(second, curve);
	}
	if (n > 0) {
		points[n].x = result->timeline[n - 1].at_s * 1e9;
		points[n].y = points[n - 1].y;
	}
}

/* The seconds in which nothing was answered, neighbours as one. */
static size_t make_bands(const struct result *result, struct chart_band *bands)
{
	size_t n = 0;

	for (size_t i = 0; i < result->n_timeline && n < MAX_BANDS; i++) {
		const struct result_second *second = &result->timeline[i];
		double start_ns = (second->at_s - second->length_s) * 1e9;
		bool goes_on = i > 0 && second[-1].n_messages == 0;

		if (second->n_messages > 0)
			continue;
		if (!goes_on)
			bands[n++] =
				(struct chart_band){"no answer", start_ns, 0};
		if (n > 0)
			bands[n - 1].to = second->at_s * 1e9;
	}
	return n;
}

static void draw_timeline(FILE *out, const struct result *result,
			  const struct chart_series series[N_CURVES])
{
	static const char time[] = "time since the end of the warm-up";
	struct chart_band bands[MAX_BANDS];
	struct chart chart = {
		.title = "Throughput, second by second",
		.description = "Messages that were answered in each second.",
		.x = {time, CHART_LINEAR, CHART_NS, 0, 0},
		.y = {"messages a second", CHART_LINEAR, CHART_NUMBER, 0, 0},
		.series = &series[CURVE_MESSAGES],
		.n_series = 1,
		.bands = bands,
		.n_bands = make_bands(result, bands),
		.height = 240,
	};

	chart_draw(&chart, out);
	if (histogram_count(result->latency) == 0)
		return;
	chart.title = "Latency, second by second";
	chart.description = "Of the messages answered in each second.";
	chart.y = (struct chart_axis){"latency", CHART_LOG, CHART_NS, 0, 0};
	chart.series = &series[CURVE_P50];
	chart.n_series = N_CURVES - CURVE_P50;
	chart.height = 0;
	chart_draw(&chart, out);
}

int report_chart_timeline(FILE *out, const struct result *result)
{
	size_t n_points = result->n_timeline > 0 ? result->n_timeline + 1 : 0;
	struct chart_series series[N_CURVES] = {0};
	struct chart_point *points =
		calloc(N_CURVES * (n_points + 1), sizeof *points);

	if (!points)
		return -ENOMEM;
	for (size_t i = 0; i < N_CURVES; i++) {
		series[i].name = curve_names[i];
		series[i].shape = CHART_STEP;
		series[i].points = points + i * (n_points + 1);
		series[i].n_points = n_points;
		make_steps(result, (enum curve)i, points + i * (n_points + 1));
	}
	draw_timeline(out, result, series);
	free(points);
	return 0;
}

/* -- round by round -- */

static void make_dots(const double *rounds, size_t n,
		      struct chart_point *points)
{
	for (size_t i = 0; i < n; i++)
		points[i] = (struct chart_point){(double)(i + 1), rounds[i]};
}

int report_chart_rounds(FILE *out, const struct result *result)
{
	const struct result_comparison *comparison = &result->comparison;
	size_t n = comparison->n_rounds;
	struct chart_point *points = calloc(2 * n + 1, sizeof *points);
	struct chart_series series[] = {
		{result->settings->target.text, CHART_DOTS, points, n},
		{result->settings->rival.text, CHART_DOTS, points + n, n},
	};
	struct chart chart = {
		.title = "Round by round",
		.description = "Both targets were measured in turns.",
		.x = {"round", CHART_LINEAR, CHART_NUMBER, 0, 0},
		.y = {comparison->figure, CHART_LINEAR,
		      result->settings->rate > 0 ? CHART_NS : CHART_NUMBER, 0,
		      0},
		.series = series,
		.n_series = 2,
		.height = 240,
	};

	if (!points)
		return -ENOMEM;
	make_dots(comparison->a, n, points);
	make_dots(comparison->b, n, points + n);
	chart_draw(&chart, out);
	free(points);
	return 0;
}

/* -- rate by rate -- */

static int by_rate(const void *a, const void *b)
{
	const struct chart_point *left = a;
	const struct chart_point *right = b;

	return (left->x > right->x) - (left->x < right->x);
}

static double time_of_trial(const struct result_trial *trial, enum curve curve)
{
	if (trial->n_samples == 0)
		return NAN;
	if (curve == CURVE_P50)
		return (double)trial->p50_ns;
	return (double)(curve == CURVE_P99 ? trial->p99_ns : trial->max_ns);
}

void report_chart_search(FILE *out, const struct result *result,
			 const struct expect *expect)
{
	const struct result_search *search = &result->search;
	struct chart_point points[N_CURVES][SEARCH_MAX_TRIALS];
	struct chart_series series[N_CURVES] = {0};
	struct chart_rule rules[MAX_RULES];
	struct chart chart = {
		.title = "Latency over rate",
		.description = "Of all trials of the search.",
		.x = {"messages a second", CHART_LOG, CHART_NUMBER, 0, 0},
		.y = {"latency", CHART_LOG, CHART_NS, 0, 0},
		.series = series + CURVE_P50,
		.n_series = N_CURVES - CURVE_P50,
		.rules = rules,
		.n_rules = make_rules(expect, rules),
	};

	for (size_t k = CURVE_P50; k < N_CURVES; k++) {
		for (size_t i = 0; i < search->n_trials; i++)
			points[k][i] = (struct chart_point){
				(double)search->trials[i].rate,
				time_of_trial(&search->trials[i],
					      (enum curve)k)};
		qsort(points[k], search->n_trials, sizeof *points[k], by_rate);
		series[k] = (struct chart_series){curve_names[k], CHART_LINE,
						  points[k], search->n_trials};
	}
	chart_draw(&chart, out);
}
