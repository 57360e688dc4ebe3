#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "page.h"
#include "harness.h"
#include "document.h"

TestSuite(page, .init = harness_begin, .fini = harness_end);

static void expect_escaped(const char *text, const char *html)
{
	struct document document;

	document_open(&document);
	page_escape(document.out, text);
	document_close(&document);
	cr_expect_str_eq(document.text, html);
	document_free(&document);
}

Test(page, text_cannot_become_an_element_or_end_an_attribute)
{
	expect_escaped("<a href=\"x\">&</a>",
		       "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
}

Test(page, what_is_no_text_is_replaced)
{
	expect_escaped("a\tb\nc\x01\xff\xc3\xa9",
		       "a\tb\nc\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
}

/* A page with one of everything, all of it hostile. */
static void write_page(struct page *page, FILE *out)
{
	static const struct page_column columns[] = {{"<name>", PAGE_TEXT},
						     {"<value>", PAGE_NUMBER}};

	page_open(page, out, "<title>", "<subtitle>");
	page_verdict(page, PAGE_BAD, "<word>", "%s", "<verdict>");
	page_heading(page, "<heading>");
	page_paragraph(page, "%s %d", "<paragraph>", 7);
	page_code(page, "<code>");
	page_tiles_open(page);
	page_tile(page, "<label>", "<figure>", "<note>");
	page_tile(page, "<label>", "<figure>", NULL);
	page_tiles_close(page);
	page_grid_open(page, 1);
	page_grid_words(page, "", NULL);
	page_grid_words(page, "<words>", "<note>");
	page_grid_close(page);
	page_table_open(page, "<caption>", columns, 2);
	for (int row = 0; row < 3; row++) {
		page_cell(page, "<row %d>", row);
		page_cell_tone(page, PAGE_GOOD, "<cell>");
	}
	page_table_close(page);
	page_facts_open(page);
	page_fact(page, "<fact>", "%s", "<what>");
	page_facts_close(page);
	cr_expect_eq(page_close(page, "<footer>"), 0);
}

static char *make_page(struct document *document)
{
	struct page page;

	document_open(document);
	write_page(&page, document->out);
	document_close(document);
	return document->text;
}

Test(page, every_text_of_a_page_is_escaped)
{
	static const char *const texts[] = {
		"title",     "subtitle", "word",    "verdict", "heading",
		"paragraph", "code",	 "label",   "figure",  "note",
		"name",	     "value",	 "caption", "row 2",   "cell",
		"fact",	     "what",	 "footer",  "words"};
	struct document document;
	char *text = make_page(&document);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char escaped[32];

		(void)snprintf(escaped, sizeof escaped, "&lt;%s&gt;", texts[i]);
		cr_expect_geq(document_count(text, escaped), 1, "%s", texts[i]);
	}
	document_free(&document);
}

Test(page, a_page_fetches_nothing_and_runs_nothing)
{
	static const char *const foreign[] = {
		"<script", "http:", "https:", "url(", "@import", " src="};
	struct document document;
	char *text = make_page(&document);

	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		cr_expect_eq(document_count(text, foreign[i]), 0, "%s",
			     foreign[i]);
	cr_expect_eq(document_count(text, "prefers-color-scheme:dark"), 1);
	document_free(&document);
}

Test(page, what_is_opened_is_closed)
{
	static const char *const names[] = {
		"html",	 "head",  "body", "main",   "style", "title", "table",
		"tbody", "thead", "tr",	  "td",	    "dl",    "dt",    "dd",
		"div",	 "p",	  "pre",  "strong", "span",  "footer"};
	struct document document;
	char *text = make_page(&document);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char open[16];
		char open_more[16];
		char close[16];

		(void)snprintf(open, sizeof open, "<%s>", names[i]);
		(void)snprintf(open_more, sizeof open_more, "<%s ", names[i]);
		(void)snprintf(close, sizeof close, "</%s>", names[i]);
		cr_expect_eq(document_count(text, open) +
				     document_count(text, open_more),
			     document_count(text, close), "%s", names[i]);
	}
	document_free(&document);
}

Test(page, cells_fill_rows_and_the_first_is_the_rows_head)
{
	struct document document;
	char *text = make_page(&document);

	cr_expect_eq(document_count(text, "<tr><th scope=\"row\""), 3);
	cr_expect_eq(document_count(text, "<td class=\"number good\">"), 3);
	cr_expect_eq(document_count(text, "<th scope=\"col\""), 2);
	document_free(&document);
}

/* How often sought is in a page with one cell, in a table without a head. */
static size_t count_in_cell(const char *prose, const char *sought)
{
	static const struct page_column columns[] = {{"", PAGE_TEXT}};
	struct document document;
	struct page page;
	size_t n;

	document_open(&document);
	page_open(&page, document.out, "title", NULL);
	page_table_open(&page, NULL, columns, 1);
	page_cell_prose(&page, prose);
	page_table_close(&page);
	cr_expect_eq(page_close(&page, NULL), 0);
	document_close(&document);
	n = document_count(document.text, sought);
	document_free(&document);
	return n;
}

Test(page, a_table_whose_columns_have_no_names_has_no_head)
{
	cr_expect_eq(count_in_cell("cell", "<thead>"), 0);
}

Test(page, prose_has_code_between_backticks)
{
	cr_expect_eq(count_in_cell("Say `a < b` or `c`.",
				   ">Say <code>a &lt; b</code> or "
				   "<code>c</code>.</th>"),
		     1);
}

Test(page, a_row_that_is_not_full_is_the_programmers_error, .signal = SIGABRT)
{
	static const struct page_column columns[] = {{"a", PAGE_TEXT},
						     {"b", PAGE_TEXT}};
	struct page page;

	page_open(&page, fopen("/dev/null", "we"), "title", NULL);
	page_table_open(&page, NULL, columns, 2);
	page_cell(&page, "alone");
	page_table_close(&page);
}

Test(page, a_full_disk_is_told_at_the_end)
{
	FILE *full = fopen("/dev/full", "we");
	struct page page;

	cr_assert_not_null(full);
	page_open(&page, full, "title", NULL);
	cr_expect_eq(page_close(&page, NULL), -ENOSPC);
	(void)fclose(full);
}
