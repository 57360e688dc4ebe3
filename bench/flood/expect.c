/* Judging: what a term asks for is looked up in the result, and compared. */
#include "expect.h"

#include <math.h>
#include <stdint.h>

#include "expect_figure.h"
#include "histogram.h"
#include "result.h"

static const char *format_count(char *text, double value)
{
	/* a typed limit may be beyond any count */
	return quantity_format_count(text, value < 0x1p64 ? (uint64_t)value
							  : UINT64_MAX);
}

static const char *format_index(char *text, double value)
{
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%.4f", value);
	return text;
}

static const struct quantity_unit percents[] = {{"", 100}, {"%", 1}, {NULL, 0}};

static const struct expect_unit times = {
	.expected = "a time such as 500us, 5ms or 1.5s",
	.units = quantity_times,
	.scale = 1,
	.format = quantity_format_time,
	.is_time = true,
};
static const struct expect_unit counts = {
	.expected = "a number such as 0, or a share such as 0.1%",
	.units = quantity_counts,
	.scale = 1,
	.format = format_count,
	.is_count = true,
};
static const struct expect_unit rates = {
	.expected = "a number a second, such as 10000",
	.units = quantity_rates,
	.scale = 1,
	.format = quantity_format_rate,
};
static const struct expect_unit byte_rates = {
	.expected = "bytes a second, such as 50M/s",
	.units = quantity_byte_rates,
	.scale = 1,
	.format = quantity_format_byte_rate,
};
static const struct expect_unit indices = {
	.expected = "a number such as 0.95",
	.units = quantity_counts,
	.scale = 1,
	.format = format_index,
};
static const struct expect_unit shares = {
	.expected = "a share such as 0.9 or 90%",
	.units = percents,
	.scale = 0.01,
	.format = quantity_format_share,
};

const struct expect_figure expect_figures[] = {
	{"percentile", FIGURE_PERCENTILE, &times},
	{"max", FIGURE_MAX, &times},
	{"mean", FIGURE_MEAN, &times},
	{"throughput", FIGURE_THROUGHPUT, &rates},
	{"bytes", FIGURE_BYTES, &byte_rates},
	{"errors", FIGURE_ERRORS, &counts},
	{"corrupt", FIGURE_CORRUPT, &counts},
	{"missed", FIGURE_MISSED, &counts},
	{"unanswered", FIGURE_UNANSWERED, &counts},
	{"timeouts", FIGURE_TIMEOUTS, &counts},
	{"loss", FIGURE_LOSS, &counts},
	{"repeated", FIGURE_REPEATED, &counts},
	{"reordered", FIGURE_REORDERED, &counts},
	{"late", FIGURE_LATE, &counts},
	{"fairness", FIGURE_FAIRNESS, &indices},
	{"cpu", FIGURE_CPU, &shares},
};

/* -- looking up -- */

static double time_of(const struct expect_term *term,
		      const struct result *result)
{
	const struct histogram *histogram = result->latency;

	if (term->histogram == EXPECT_SERVICE)
		histogram = result->service;
	else if (term->histogram == EXPECT_LATENESS)
		histogram = result->lateness;
	if (histogram_count(histogram) == 0)
		return NAN;
	if (term->figure->figure == FIGURE_MAX)
		return (double)histogram_max(histogram);
	if (term->figure->figure == FIGURE_MEAN)
		return histogram_mean(histogram);
	return (double)histogram_percentile(histogram, term->percentile);
}

/* Of a stream there is no such figure. */
static double datagrams_of(const struct result *result, uint64_t n)
{
	return result->settings->is_datagram ? (double)n : (double)NAN;
}

static double figure_of(const struct expect_term *term,
			const struct result *result)
{
	switch (term->figure->figure) {
	case FIGURE_THROUGHPUT:
		return result->messages_per_s;
	case FIGURE_BYTES:
		return result->bytes_out_per_s + result->bytes_in_per_s;
	case FIGURE_ERRORS:
		return (double)result->n_errors;
	case FIGURE_CORRUPT:
		return (double)result->n_corrupt;
	case FIGURE_MISSED:
		return (double)result->n_missed;
	case FIGURE_UNANSWERED:
		return (double)result->n_unanswered;
	case FIGURE_TIMEOUTS:
		return (double)result->n_timed_out;
	case FIGURE_LOSS:
		return datagrams_of(result, result_count_lost(result));
	case FIGURE_REPEATED:
		return datagrams_of(result, result->datagrams.n_repeated);
	case FIGURE_REORDERED:
		return datagrams_of(result, result->datagrams.n_reordered);
	case FIGURE_LATE:
		return (double)result->n_late;
	case FIGURE_FAIRNESS:
		return result->fairness.jain;
	case FIGURE_CPU:
		return result->cpu_share;
	case FIGURE_PERCENTILE:
	case FIGURE_MAX:
	case FIGURE_MEAN:
	case N_FIGURES:
		break;
	}
	return time_of(term, result);
}

/* In the modes without answers, of what was transferred. */
static double actual_of(const struct expect_term *term,
			const struct result *result)
{
	uint64_t n_all = result->n_asked ? result->n_asked : result->n_messages;
	double actual = figure_of(term, result);

	return term->is_share ? actual / (double)n_all : actual;
}

/* -- judging -- */

/* Of NaN none is true. */
static bool is_met(enum expect_relation relation, double actual, double limit)
{
	switch (relation) {
	case EXPECT_LESS:
		return actual < limit;
	case EXPECT_AT_MOST:
		return actual <= limit;
	case EXPECT_EQUAL:
		return actual == limit;
	case EXPECT_AT_LEAST:
		return actual >= limit;
	case EXPECT_MORE:
		return actual > limit;
	}
	return false;
}

size_t expect_judge(struct expect *expect, const struct result *result)
{
	size_t n_breached = 0;

	for (size_t i = 0; i < expect->n_terms; i++) {
		struct expect_term *term = &expect->terms[i];

		term->actual = actual_of(term, result);
		term->is_met =
			!term->was_breached &&
			is_met(term->relation, term->actual, term->limit);
		n_breached += !term->is_met;
	}
	return n_breached;
}

/* One slow answer is no percentile. */
static bool has_samples(const struct expect_term *term,
			const struct result *result)
{
	return term->figure->figure != FIGURE_PERCENTILE ||
	       (double)histogram_count(result->latency) *
			       (1 - term->percentile / 100) >=
		       EXPECT_SAMPLES_BEYOND;
}

bool expect_is_breached(struct expect *expect, const struct result *result)
{
	bool is_breached = false;

	for (size_t i = 0; i < expect->n_terms; i++) {
		struct expect_term *term = &expect->terms[i];
		double actual = actual_of(term, result);

		term->was_breached =
			!isnan(actual) && has_samples(term, result) &&
			!is_met(term->relation, actual, term->limit);
		is_breached |= term->was_breached;
	}
	return is_breached;
}

double expect_percentile(const struct expect *expect)
{
	double highest = 0;

	for (size_t i = 0; i < expect->n_terms; i++)
		if (expect->terms[i].figure->figure == FIGURE_PERCENTILE)
			highest = fmax(highest, expect->terms[i].percentile);
	return highest;
}

bool expect_has_loss(const struct expect *expect)
{
	for (size_t i = 0; i < expect->n_terms; i++)
		if (expect->terms[i].figure->figure == FIGURE_LOSS)
			return true;
	return false;
}

bool expect_is_latency(const struct expect_term *term)
{
	return term->figure->unit->is_time && term->histogram == EXPECT_LATENCY;
}

void expect_explain(const struct expect_term *term, char *text, size_t size)
{
	const char *(*format)(char *, double) =
		term->is_share ? quantity_format_share
			       : term->figure->unit->format;
	double excess = term->actual - term->limit;
	char actual[QUANTITY_TEXT_SIZE];
	char off[QUANTITY_TEXT_SIZE];

	if (isnan(term->actual)) {
		(void)snprintf(text, size,
			       "%s: breached, this run has no such figure",
			       term->text);
		return;
	}
	format(actual, term->actual);
	format(off, fabs(excess));
	if (term->was_breached)
		(void)snprintf(text, size,
			       "%s: breached, %s when the run had ended",
			       term->text, actual);
	else if (term->is_met)
		(void)snprintf(text, size, "%s: %s, met", term->text, actual);
	else if (excess == 0)
		(void)snprintf(text, size, "%s: %s, breached: the limit itself",
			       term->text, actual);
	else
		(void)snprintf(text, size, "%s: %s, breached by %s", term->text,
			       actual, off);
}
