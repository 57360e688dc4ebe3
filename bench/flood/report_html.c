/* From what is asked first to what is asked last: does it count, how fast, how
 * slow at worst, when, by whom, and where it was measured. */
#include "report.h"

#include <math.h>
#include <string.h>

#include "expect.h"
#include "histogram.h"
#include "page.h"
#include "quantity.h"
#include "report_charts.h"
#include "report_facts.h"
#include "report_words.h"
#include "result.h"

/* -- the verdict -- */

static void put_verdict(struct page *page, const struct result *result,
			const struct expect *expect)
{
	enum status status = verdict_status(result, expect);
	enum page_tone tone = PAGE_WARNING;
	char text[REPORT_TEXT_SIZE] = REPORT_NO_REASON;

	(void)report_reason(result, expect, 0, text);
	if (status == STATUS_DONE)
		tone = PAGE_GOOD;
	else if (status == STATUS_FAILED)
		tone = PAGE_BAD;
	page_verdict(page, tone, status_word(status), "%s", text);
	for (size_t i = 1; report_reason(result, expect, i, text); i++)
		page_paragraph(page, "Also: %s.", text);
	if (result->is_interrupted)
		page_paragraph(page, "The run was interrupted: this is the "
				     "result so far.");
}

/* -- figures -- */

static void put_tiles(struct page *page, const struct result *result)
{
	char text[QUANTITY_TEXT_SIZE];
	struct report_fact fact;

	page_tiles_open(page);
	for (size_t i = 0; i < 2 && report_fact(result, i, &fact); i++)
		page_tile(page, fact.name, fact.value, fact.note);
	if (histogram_count(result->latency) > 0) {
		uint64_t p50_ns = histogram_percentile(result->latency, 50);
		uint64_t p99_ns = histogram_percentile(result->latency, 99);
		uint64_t max_ns = histogram_max(result->latency);

		quantity_format_time(text, (double)p50_ns);
		page_tile(page, "latency, median", text, NULL);
		quantity_format_time(text, (double)p99_ns);
		page_tile(page, "latency, p99", text, NULL);
		quantity_format_time(text, (double)max_ns);
		page_tile(page, "latency, slowest", text, NULL);
	}
	page_tiles_close(page);
}

static void put_time(struct page *page, const struct report_time *time)
{
	const struct histogram *h = time->histogram;
	char text[QUANTITY_TEXT_SIZE];

	page_cell(page, "%s", time->name);
	for (size_t i = 0; i < REPORT_N_PERCENTILES; i++) {
		double percent = report_percentiles[i].percent;
		uint64_t ns = histogram_percentile(h, percent);

		page_cell(page, "%s", quantity_format_time(text, (double)ns));
	}
	page_cell(page, "%s",
		  quantity_format_time(text, (double)histogram_max(h)));
	page_cell(page, "%s", quantity_format_time(text, histogram_mean(h)));
	page_cell(page, "%s", quantity_format_count(text, histogram_count(h)));
}

static void put_times(struct page *page, const struct result *result)
{
	static const struct page_column columns[] = {
		{"", PAGE_TEXT},	{"p50", PAGE_NUMBER},
		{"p75", PAGE_NUMBER},	{"p90", PAGE_NUMBER},
		{"p95", PAGE_NUMBER},	{"p99", PAGE_NUMBER},
		{"p99.9", PAGE_NUMBER}, {"p99.99", PAGE_NUMBER},
		{"max", PAGE_NUMBER},	{"mean", PAGE_NUMBER},
		{"count", PAGE_NUMBER},
	};

	page_table_open(page, NULL, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < REPORT_N_TIMES; i++) {
		struct report_time time = report_time(result, i);

		if (report_time_is_told(result, i))
			put_time(page, &time);
	}
	page_table_close(page);
}

static int put_latency(struct page *page, const struct result *result,
		       const struct expect *expect)
{
	int status;

	if (histogram_count(result->latency) == 0 &&
	    histogram_count(result->lateness) == 0)
		return 0;
	page_heading(page, "How long it took");
	status = report_chart_percentiles(page->out, result, expect);
	put_times(page, result);
	return status;
}

static void put_facts(struct page *page, const struct result *result)
{
	static const struct page_column columns[] = {
		{"", PAGE_TEXT}, {"", PAGE_NUMBER}, {"", PAGE_TEXT}};
	struct report_fact fact;

	page_heading(page, "All figures");
	page_table_open(page, NULL, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < report_n_facts; i++) {
		if (!report_fact(result, i, &fact))
			continue;
		page_cell(page, "%s", fact.name);
		page_cell(page, "%s", fact.value);
		page_cell(page, "%s", fact.note);
	}
	page_table_close(page);
}

/* -- expectations and A/B -- */

static void put_expectations(struct page *page, const struct expect *expect)
{
	static const struct page_column columns[] = {{"expected", PAGE_TEXT},
						     {"outcome", PAGE_TEXT}};
	char text[REPORT_TEXT_SIZE];

	if (!expect || expect->n_terms == 0)
		return;
	page_heading(page, "What was expected");
	page_table_open(page, NULL, columns, 2);
	for (size_t i = 0; i < expect->n_terms; i++) {
		const struct expect_term *term = &expect->terms[i];

		expect_explain(term, text, sizeof text);
		page_cell(page, "%s", term->text);
		page_cell_tone(page, term->is_met ? PAGE_GOOD : PAGE_BAD,
			       text + strlen(term->text) + 2);
	}
	page_table_close(page);
}

static int put_comparison(struct page *page, const struct result *result)
{
	char text[REPORT_TEXT_SIZE];

	if (result->comparison.n_rounds == 0)
		return 0;
	page_heading(page, "Compared");
	page_facts_open(page);
	page_fact(page, "outcome", "%s", report_comparison(result, text));
	page_fact(page, "ratio", "%s", report_ratio(result, text));
	page_fact(page, "by", "%s", result->comparison.method);
	page_facts_close(page);
	return report_chart_rounds(page->out, result);
}

static void put_search(struct page *page, const struct result *result,
		       const struct expect *expect)
{
	char text[REPORT_TEXT_SIZE];

	if (result->search.n_trials == 0)
		return;
	page_heading(page, "The highest rate");
	page_paragraph(page, "%s.", report_search(result, text));
	if (result->search.why[0] != '\0')
		page_paragraph(page, "No more, since %s.", result->search.why);
	report_chart_search(page->out, result, expect);
}

/* -- where it was measured -- */

static void put_socket(struct page *page,
		       const struct environment_socket *socket)
{
	char sndbuf[QUANTITY_TEXT_SIZE];
	char rcvbuf[QUANTITY_TEXT_SIZE];

	if (!socket->is_known)
		return;
	quantity_format_size(sndbuf, socket->sndbuf);
	quantity_format_size(rcvbuf, socket->rcvbuf);
	page_fact(page, "our sockets", "send buffer %s, receive buffer %s%s",
		  sndbuf, rcvbuf,
		  socket->is_tcp && socket->is_nodelay ? ", TCP_NODELAY" : "");
	if (!socket->is_tcp)
		return;
	page_fact(page, "both ends",
		  "segments of %d bytes, %s, window scales %u and %u%s%s%s",
		  socket->mss, socket->congestion, socket->own_scale,
		  socket->peer_scale,
		  socket->has_timestamps ? ", timestamps" : "",
		  socket->has_sack ? ", SACK" : "",
		  socket->has_ecn ? ", ECN" : "");
}

static void put_environment(struct page *page,
			    const struct environment *environment)
{
	char text[QUANTITY_TEXT_SIZE];

	page_heading(page, "Where it was measured");
	page_facts_open(page);
	page_fact(page, "kernel", "%s", environment->kernel);
	page_fact(page, "CPUs", "%ld%s%s", environment->n_cpus,
		  environment->machine[0] != '\0' ? ", " : "",
		  environment->machine);
	if (!isnan(environment->load_average))
		page_fact(page, "load", "%.2f in the minute before",
			  environment->load_average);
	if (!isnan(environment->steal))
		page_fact(page, "steal", "%s of all CPUs' time",
			  quantity_format_share(text, environment->steal));
	page_fact(page, "started", "%s", environment->started);
	put_socket(page, &environment->socket);
	page_facts_close(page);
	if (environment->command)
		page_code(page, environment->command);
}

/* 0, or the first error of the charts. */
static int put_all(struct page *page, const struct result *result,
		   const struct expect *expect)
{
	int status;

	put_verdict(page, result, expect);
	page_paragraph(page, "%s", result->label);
	put_tiles(page, result);
	put_expectations(page, expect);
	put_search(page, result, expect);
	status = put_comparison(page, result);
	if (status == 0)
		status = put_latency(page, result, expect);
	page_heading(page, "How it went on");
	if (status == 0)
		status = report_chart_timeline(page->out, result);
	put_facts(page, result);
	put_environment(page, &result->environment);
	return status;
}

int report_html(FILE *out, const struct result *result,
		const struct expect *expect)
{
	char text[REPORT_TEXT_SIZE];
	struct page page;
	int status;
	int write_status;

	page_open(&page, out, "weir-flood", report_description(result, text));
	status = put_all(&page, result, expect);
	write_status = page_close(&page, "weir-flood " WEIR_VERSION);
	return status < 0 ? status : write_status;
}
