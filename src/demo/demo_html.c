/* The page: what became of each strategy, the charts that tell it, and all
 * figures. */
#include <stdlib.h>

#include <weir/version.h>

#include "page.h"
#include "quantity.h"
#include "clock.h"
#include "healthy.h"
#include "demo.h"
#include "demo_chart.h"
#include "verdict.h"

struct html {
	struct page page;
	const struct demo *demo;
	struct demo_chart_column columns[STRATEGY_COUNT];
};

static enum page_tone tone_of(const struct contest_result *result)
{
	if (result->is_calm)
		return PAGE_PLAIN;
	return verdict_is_good(result) ? PAGE_GOOD : PAGE_BAD;
}

/* -- the tables -- */

static void cell_size(struct page *page, uint64_t n_bytes)
{
	char text[QUANTITY_TEXT_SIZE];

	page_cell(page, "%s", quantity_format_size(text, (double)n_bytes));
}

static void cell_time(struct page *page, double ns)
{
	char text[QUANTITY_TEXT_SIZE];

	page_cell(page, "%s", quantity_format_time(text, ns));
}

static void cell_count(struct page *page, uint64_t count)
{
	char text[QUANTITY_TEXT_SIZE];

	page_cell(page, "%s", quantity_format_count(text, count));
}

static void collect(struct html *html)
{
	for (size_t i = 0; i < STRATEGY_COUNT; i++) {
		struct demo_chart_column *column = &html->columns[i];

		for (size_t k = 0; k < html->demo->n_results; k++) {
			const struct contest_result *result =
				&html->demo->results[k];

			if (result->strategy == strategies[i] &&
			    column->n < DEMO_CHART_MAX)
				column->results[column->n++] = result;
		}
	}
}

/* The summary. */
static void put_verdicts(struct html *html)
{
	static const struct page_column columns[] = {
		{"", PAGE_TEXT},
		{"what it does", PAGE_TEXT},
		{"what became of it", PAGE_TEXT}};
	char verdict[VERDICT_SIZE];

	page_table_open(&html->page, NULL, columns, 3);
	for (size_t i = 0; i < STRATEGY_COUNT; i++) {
		const struct contest_result *first =
			html->columns[i].results[0];

		if (!first)
			continue;
		page_cell(&html->page, "%s", strategies[i]->name);
		page_cell(&html->page, "%s", strategies[i]->how);
		page_cell_tone(&html->page, tone_of(first),
			       verdict_text(first, verdict));
	}
	page_table_close(&html->page);
}

static void put_clients(struct html *html)
{
	static const struct page_column columns[] = {
		{"", PAGE_TEXT},
		{"owed", PAGE_NUMBER},
		{"delivered", PAGE_NUMBER},
		{"first wrong byte", PAGE_NUMBER},
		{"healthy p50", PAGE_NUMBER},
		{"p99", PAGE_NUMBER},
		{"longest silence", PAGE_NUMBER},
		{"time", PAGE_NUMBER}};
	struct page *page = &html->page;

	page_table_open(page, "What the clients got", columns, 8);
	for (size_t i = 0; i < html->demo->n_results; i++) {
		const struct contest_result *r = &html->demo->results[i];

		page_cell(page, "%s", r->strategy->name);
		cell_size(page, r->asked);
		cell_size(page, r->delivered);
		if (r->first_bad < 0)
			page_cell(page, "none");
		else
			cell_count(page, (uint64_t)r->first_bad);
		cell_time(page, r->p50_ns);
		cell_time(page, r->p99_ns);
		cell_time(page, (double)r->longest_silence_ns);
		cell_time(page, (double)r->total_ns);
	}
	page_table_close(page);
	page_paragraph(page,
		       "The healthy clients are %d, each asking for an echo "
		       "every %d ms. An echo's latency counts from when it "
		       "was due; silence is when none of them got one.",
		       HEALTHY_CLIENTS,
		       (int)(HEALTHY_PERIOD_NS / CLOCK_NS_PER_MS));
}

static void put_costs(struct html *html)
{
	static const struct page_column columns[] = {
		{"", PAGE_TEXT},
		{"owed", PAGE_NUMBER},
		{"CPU time", PAGE_NUMBER},
		{"peak queue", PAGE_NUMBER},
		{"system calls", PAGE_NUMBER},
		{"EPOLLOUT events", PAGE_NUMBER},
		{"echoes served", PAGE_NUMBER}};
	struct page *page = &html->page;

	page_table_open(page, "What it cost the server, one thread", columns,
			7);
	for (size_t i = 0; i < html->demo->n_results; i++) {
		const struct contest_result *r = &html->demo->results[i];

		page_cell(page, "%s", r->strategy->name);
		cell_size(page, r->asked);
		cell_time(page, (double)r->cpu_ns);
		cell_size(page, r->queue_peak);
		cell_count(page, r->n_calls);
		cell_count(page, r->n_wakeups);
		cell_count(page, r->n_echoes);
	}
	page_table_close(page);
}

/* -- the other parts -- */

static void put_trace(struct page *page, const struct demo *demo)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	trace_print(stream, &demo->send, &demo->sendall);
	if (fclose(stream) == 0) {
		page_heading(page, "1 MiB sent twice, event by event");
		page_code(page, text);
	}
	free(text);
}

static void put_lessons(struct page *page, const struct demo *demo)
{
	static const struct page_column columns[] = {{"belief", PAGE_TEXT},
						     {"", PAGE_TEXT},
						     {"measured", PAGE_TEXT},
						     {"right", PAGE_TEXT}};

	page_heading(page, "Beliefs, tried");
	page_table_open(page, NULL, columns, 4);
	for (size_t i = 0; i < demo->n_lessons; i++) {
		const struct demo_lesson *told = &demo->lessons[i];

		page_cell_prose(page, told->lesson->belief);
		if (told->result.holds)
			page_cell_tone(page, PAGE_PLAIN, "held");
		else
			page_cell_tone(page, PAGE_BAD, "wrong");
		page_cell(page, "%s", told->result.measured);
		page_cell_prose(page, told->lesson->right);
	}
	page_table_close(page);
}

static void put_setting(struct html *html)
{
	const struct contest_result *first = &html->demo->results[0];
	char set[QUANTITY_TEXT_SIZE];
	char sndbuf[QUANTITY_TEXT_SIZE];

	if (first->is_calm) {
		page_paragraph(&html->page,
			       "Nobody is slow: %d healthy clients want 64 "
			       "bytes echoed by a server of one thread, over "
			       "TCP on loopback.",
			       HEALTHY_CLIENTS);
		return;
	}
	page_paragraph(
		&html->page,
		"A server of one thread owes megabytes to a client that reads "
		"64 KiB slowly, stops, and reads on; %d healthy clients only "
		"want 64 bytes echoed. Each way of sending is tried on real "
		"sockets: TCP over loopback, SO_SNDBUF and SO_RCVBUF set to "
		"%s, which Linux made %s.",
		HEALTHY_CLIENTS, quantity_format_size(set, CONTEST_BUFFER),
		quantity_format_size(sndbuf, (double)first->sndbuf));
}

static void put_words(struct page *page)
{
	page_paragraph(page,
		       "A send that finds the kernel's buffer full takes "
		       "nothing and says EAGAIN. EPOLLOUT is how epoll says "
		       "that there is room again; it is armed if the server "
		       "asked to be told so. A mark is the size of a queue at "
		       "which something is done.");
}

static void put_contest(struct html *html)
{
	put_setting(html);
	put_verdicts(html);
	demo_chart_draw(&html->page, html->columns, STRATEGY_COUNT);
	if (!html->demo->results[0].is_calm)
		put_words(&html->page);
	page_heading(&html->page, "All figures of this run");
	put_clients(html);
	put_costs(html);
}

int demo_html(FILE *out, const struct demo *demo)
{
	struct html html = {.demo = demo};

	collect(&html);
	page_open(&html.page, out, "send or sendall?",
		  "What becomes of one slow reader's bytes, and of every other "
		  "client meanwhile");
	if (demo->n_results > 0)
		put_contest(&html);
	if (demo->has_trace)
		put_trace(&html.page, demo);
	if (demo->n_lessons > 0)
		put_lessons(&html.page, demo);
	return page_close(&html.page, "send-vs-sendall " WEIR_VERSION);
}
