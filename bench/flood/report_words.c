#include "report_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "quantity.h"
#include "result.h"

const struct report_percentile report_percentiles[REPORT_N_PERCENTILES] = {
	{"p50", "p50", 50},	    {"p75", "p75", 75}, {"p90", "p90", 90},
	{"p95", "p95", 95},	    {"p99", "p99", 99}, {"p99.9", "p999", 99.9},
	{"p99.99", "p9999", 99.99},
};

struct report_time report_time(const struct result *result, size_t i)
{
	if (i == 0)
		return (struct report_time){"latency", "latency_ns",
					    result->latency};
	if (i == 1)
		return (struct report_time){"service", "service_ns",
					    result->service};
	return (struct report_time){"lateness", "lateness_ns",
				    result->lateness};
}

bool report_time_is_told(const struct result *result, size_t i)
{
	struct report_time time = report_time(result, i);

	if (histogram_count(time.histogram) == 0)
		return false;
	return i == 0 || result->settings->rate > 0;
}

/* -- the reasons -- */

/* The i-th expectation that is breached. */
static bool explain_breach(const struct expect *expect, size_t i, char *text)
{
	for (size_t k = 0; expect && k < expect->n_terms; k++) {
		if (expect->terms[k].is_met || i-- > 0)
			continue;
		expect_explain(&expect->terms[k], text, REPORT_TEXT_SIZE);
		return true;
	}
	return false;
}

bool report_reason(const struct result *result, const struct expect *expect,
		   size_t i, char *text)
{
	const struct verdict *verdict = &result->verdict;

	if (i >= verdict->n_reasons)
		return explain_breach(expect, i - verdict->n_reasons, text);
	(void)snprintf(text, REPORT_TEXT_SIZE, "%s", verdict->reasons[i]);
	return true;
}

/* -- counts by name -- */

static void add_count(char *text, const char *name, uint64_t count)
{
	char number[QUANTITY_TEXT_SIZE];
	size_t n = strlen(text);

	if (count > 0)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n, "%s%s %s",
			       n > 0 ? ", " : "", name,
			       quantity_format_count(number, count));
}

const char *report_errors(const struct result *result, char *text)
{
	text[0] = '\0';
	for (int i = 0; i < FAILURE_N; i++)
		add_count(text, failure_name((enum failure)i),
			  result->errors[i]);
	return text;
}

const char *report_corruptions(const struct result *result, char *text)
{
	text[0] = '\0';
	for (int i = 0; i < CHECKER_N_CORRUPTIONS; i++)
		add_count(text,
			  checker_corruption_name((enum checker_corruption)i),
			  result->corrupt[i]);
	return text;
}

/* -- what was run -- */

const char *report_description(const struct result *result, char *text)
{
	const struct settings *settings = result->settings;
	char number[QUANTITY_TEXT_SIZE];
	size_t n;

	(void)snprintf(text, REPORT_TEXT_SIZE, "%s to %.200s, %s connection%s",
		       mode_name(settings->mode), settings->target.text,
		       quantity_format_count(number, settings->n_connections),
		       settings->n_connections == 1 ? "" : "s");
	if (settings->mode == MODE_SOURCE)
		return text;
	n = strlen(text);
	quantity_format_size(number, (double)settings->message_size);
	(void)snprintf(text + n, REPORT_TEXT_SIZE - n, ", %s messages", number);
	n = strlen(text);
	quantity_format_rate(number, (double)settings->rate);
	if (settings->rate > 0)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n, " at %s",
			       number);
	else if (settings->mode != MODE_SINK)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n,
			       ", %zu in flight%s", settings->pipeline,
			       settings->pipeline > 1 ? " each" : "");
	n = strlen(text);
	quantity_format_rate(number, (double)settings->ramp_rate);
	if (settings->ramp_rate > 0)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n, " to %s",
			       number);
	n = strlen(text);
	if (settings->n_threads > 1)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n, ", %zu threads",
			       settings->n_threads);
	return text;
}

const char *report_comparison(const struct result *result, char *text)
{
	const struct result_comparison *comparison = &result->comparison;
	const char *target = result->settings->target.text;
	const char *rival = result->settings->rival.text;
	bool is_rival = (comparison->ratio > 1) == comparison->is_more_better;
	size_t n;

	(void)snprintf(text, REPORT_TEXT_SIZE,
		       "%s of %.100s to that of %.100s, %zu rounds each: ",
		       comparison->figure, rival, target, comparison->n_rounds);
	n = strlen(text);
	if (comparison->is_significant && isnan(comparison->ratio))
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n, "they differ");
	else if (comparison->is_significant)
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n,
			       "%.100s is better", is_rival ? rival : target);
	else
		(void)snprintf(text + n, REPORT_TEXT_SIZE - n,
			       "no significant difference");
	return text;
}

/* "1.083", or "-" for what is no number. */
static const char *format_ratio(char *text, double ratio)
{
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%.3f", ratio);
	return isfinite(ratio) ? text : "-";
}

const char *report_ratio(const struct result *result, char *text)
{
	const struct result_comparison *comparison = &result->comparison;
	char ratio[QUANTITY_TEXT_SIZE];
	char low[QUANTITY_TEXT_SIZE];
	char high[QUANTITY_TEXT_SIZE];

	(void)snprintf(text, REPORT_TEXT_SIZE,
		       "%s (%.0f %% interval %s to %s, p = %.2g)",
		       format_ratio(ratio, comparison->ratio),
		       100 * comparison->confidence,
		       format_ratio(low, comparison->low),
		       format_ratio(high, comparison->high),
		       comparison->p_value);
	return text;
}

const char *report_search(const struct result *result, char *text)
{
	const struct result_search *search = &result->search;
	const char *expected = result->settings->expect;
	char rate[QUANTITY_TEXT_SIZE];

	quantity_format_rate(rate, (double)search->rate);
	if (search->rate == 0)
		(void)snprintf(text, REPORT_TEXT_SIZE,
			       "no rate at which %.200s holds", expected);
	else if (search->end == SEARCH_FOUND)
		(void)snprintf(text, REPORT_TEXT_SIZE,
			       "%s is the highest rate at which %.200s held, "
			       "twice, within 2 %%",
			       rate, expected);
	else
		(void)snprintf(text, REPORT_TEXT_SIZE,
			       "%s is the highest rate at which %.200s held "
			       "so far",
			       rate, expected);
	return text;
}
