/* The verdict first, then the figures that are asked for most, each with its
 * unit; what would say "none" is left out. 80 columns wide. */
#include "report.h"

#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "quantity.h"
#include "report_facts.h"
#include "report_words.h"
#include "result.h"
#include "terminal.h"

enum {
	WIDTH = 80,
	NAME_WIDTH = 12,  /* of what stands at the left */
	VALUE_WIDTH = 12, /* of a figure beside it */
	N_FACTS_FIRST = 5 /* before the times */
};

struct table {
	FILE *out;
	const struct result *result;
	const struct expect *expect;
	bool is_coloured;
};

/* Text from column on, and on from there in the lines that it needs: broken
 * between words. */
static void put_text(const struct table *table, size_t column, const char *text)
{
	size_t at = column;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > WIDTH) {
			(void)fprintf(table->out, "\n%*s", (int)column, "");
			at = column;
		}
		(void)fprintf(table->out, "%s%.*s", at > column ? " " : "",
			      (int)n, text);
		at += n + (at > column);
		text += n + strspn(text + n, " ");
	}
	(void)fputc('\n', table->out);
}

/* "  name      " */
static void put_name(const struct table *table, const char *name)
{
	(void)fprintf(table->out, "  %-*s", NAME_WIDTH, name);
}

static void put_line(const struct table *table, const char *name,
		     const char *text)
{
	put_name(table, name);
	put_text(table, 2 + NAME_WIDTH, text);
}

/* -- the verdict -- */

static const char *colour_of(enum status status)
{
	if (status == STATUS_DONE)
		return "\033[1;32m";
	return status == STATUS_FAILED ? "\033[1;31m" : "\033[1;33m";
}

static void put_verdict(const struct table *table)
{
	const struct result *result = table->result;
	enum status status = verdict_status(result, table->expect);
	char text[REPORT_TEXT_SIZE] = REPORT_NO_REASON;

	(void)fprintf(table->out, "%s%-*s%s",
		      table->is_coloured ? colour_of(status) : "",
		      2 + NAME_WIDTH, status_word(status),
		      table->is_coloured ? "\033[0m" : "");
	(void)report_reason(result, table->expect, 0, text);
	put_text(table, 2 + NAME_WIDTH, text);
	for (size_t i = 1; report_reason(result, table->expect, i, text); i++)
		put_line(table, "", text);
	if (result->is_interrupted)
		put_line(table, "", "interrupted: this is the result so far");
	if (result->is_stopped_early)
		put_line(table, "", "stopped early, at the breach");
	(void)fputc('\n', table->out);
	put_line(table, "run", report_description(result, text));
	put_line(table, "", result->label);
	(void)fputc('\n', table->out);
}

/* -- figures -- */

static void put_facts(const struct table *table, size_t from, size_t to)
{
	struct report_fact fact;

	for (size_t i = from; i < to; i++) {
		if (!report_fact(table->result, i, &fact))
			continue;
		put_name(table, fact.name);
		(void)fprintf(table->out, "%*s", VALUE_WIDTH, fact.value);
		if (fact.note[0] != '\0')
			(void)fputs("   ", table->out);
		put_text(table, 2 + NAME_WIDTH + VALUE_WIDTH + 3, fact.note);
	}
}

/* Breaches stand at the top. */
static void put_met(const struct table *table)
{
	size_t n_terms = table->expect ? table->expect->n_terms : 0;
	char text[REPORT_TEXT_SIZE];

	for (size_t i = 0; i < n_terms; i++) {
		if (!table->expect->terms[i].is_met)
			continue;
		expect_explain(&table->expect->terms[i], text, sizeof text);
		put_line(table, "expected", text);
	}
}

/* -- times -- */

enum {
	TIMES_MAX = REPORT_N_PERCENTILES,
	TIMES_MEAN,
	TIMES_COUNT,
	TIMES_ROWS
};

static const char *name_of_row(size_t row)
{
	if (row < REPORT_N_PERCENTILES)
		return report_percentiles[row].name;
	if (row == TIMES_MAX)
		return "max";
	return row == TIMES_MEAN ? "mean" : "count";
}

static const char *format_row(char *text, const struct histogram *h, size_t row)
{
	double percent;

	if (row == TIMES_COUNT)
		return quantity_format_count(text, histogram_count(h));
	if (row == TIMES_MEAN)
		return quantity_format_time(text, histogram_mean(h));
	if (row == TIMES_MAX)
		return quantity_format_time(text, (double)histogram_max(h));
	percent = report_percentiles[row].percent;
	return quantity_format_time(text,
				    (double)histogram_percentile(h, percent));
}

/* Row TIMES_ROWS is the head, what each column is of. */
static void put_times(const struct table *table, size_t row)
{
	char text[QUANTITY_TEXT_SIZE];

	put_name(table, row < TIMES_ROWS ? name_of_row(row) : "");
	for (size_t i = 0; i < REPORT_N_TIMES; i++) {
		struct report_time time = report_time(table->result, i);

		if (!report_time_is_told(table->result, i))
			continue;
		(void)fprintf(table->out, "%*s", VALUE_WIDTH,
			      row < TIMES_ROWS
				      ? format_row(text, time.histogram, row)
				      : time.name);
	}
	(void)fputc('\n', table->out);
}

/* A reader is to know what the latency leaves out. */
static void put_left_out(const struct table *table)
{
	const struct result *result = table->result;
	uint64_t n = histogram_count(result->latency);
	char text[QUANTITY_TEXT_SIZE];
	char sent[QUANTITY_TEXT_SIZE];

	if (n != result->n_asked && n > 0)
		(void)fprintf(table->out, "%*s(latency of %s of %s sent)\n",
			      2 + NAME_WIDTH, "",
			      quantity_format_count(text, n),
			      quantity_format_count(sent, result->n_asked));
}

static void put_histograms(const struct table *table)
{
	bool is_told = false;

	for (size_t i = 0; i < REPORT_N_TIMES; i++)
		is_told |= report_time_is_told(table->result, i);
	if (!is_told)
		return;
	(void)fputc('\n', table->out);
	put_times(table, TIMES_ROWS);
	for (size_t row = 0; row < TIMES_ROWS; row++)
		put_times(table, row);
	put_left_out(table);
	(void)fputc('\n', table->out);
}

/* -- A/B -- */

static void put_comparison(const struct table *table)
{
	char text[REPORT_TEXT_SIZE];

	if (table->result->comparison.n_rounds == 0)
		return;
	(void)fputc('\n', table->out);
	put_line(table, "compared", report_comparison(table->result, text));
	put_line(table, "ratio", report_ratio(table->result, text));
	put_line(table, "by", table->result->comparison.method);
}

/* -- the search for a rate -- */

static void put_trial(const struct table *table,
		      const struct result_trial *trial)
{
	const uint64_t times[] = {trial->p50_ns, trial->p99_ns, trial->p999_ns,
				  trial->max_ns};
	char text[QUANTITY_TEXT_SIZE];

	put_name(table, "");
	quantity_format_rate(text, (double)trial->rate);
	(void)fprintf(table->out, "%12s", text);
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		quantity_format_time(text, (double)times[i]);
		(void)fprintf(table->out, "%9s",
			      trial->n_samples > 0 ? text : "-");
	}
	(void)fprintf(table->out, "  %s\n", status_word(trial->status));
}

static void put_search(const struct table *table)
{
	const struct result_search *search = &table->result->search;
	char text[REPORT_TEXT_SIZE];

	if (search->n_trials == 0)
		return;
	put_line(table, "found", report_search(table->result, text));
	if (search->why[0] != '\0')
		put_line(table, "no more", search->why);
	(void)fputc('\n', table->out);
	put_name(table, "trials");
	(void)fprintf(table->out, "%12s%9s%9s%9s%9s\n", "rate", "p50", "p99",
		      "p99.9", "max");
	for (size_t i = 0; i < search->n_trials; i++)
		put_trial(table, &search->trials[i]);
	(void)fputc('\n', table->out);
}

void report_table(FILE *out, const struct result *result,
		  const struct expect *expect)
{
	struct table table = {.out = out,
			      .result = result,
			      .expect = expect,
			      .is_coloured = terminal_takes_colour(out)};

	put_verdict(&table);
	put_search(&table);
	put_facts(&table, 0, N_FACTS_FIRST);
	put_histograms(&table);
	put_facts(&table, N_FACTS_FIRST, report_n_facts);
	put_met(&table);
	put_comparison(&table);
	(void)fflush(out);
}
