/* A self-contained page of HTML: style inside, no script, nothing fetched;
 * light or dark as the reader's system is, and fit to print.
 *
 * Every text given is plain text and is escaped here; formats are printf's.
 * The charts of chart.h take their colours from this page's style: draw them
 * to page.out between two calls.
 *
 *	page_open(&page, out, "weir-flood", "echo, 127.0.0.1:7000");
 *	page_verdict(&page, PAGE_GOOD, "VALID", "no error in 10 s");
 *	page_heading(&page, "Latency");
 *	chart_draw(&chart, page.out);
 *	page_table_open(&page, "Latency", columns, 3);
 *	page_cell(&page, "p50");	(the first column is the row's head)
 *	page_cell(&page, "1.25 ms");
 *	...
 *	page_table_close(&page);
 *	error = page_close(&page, "weir-flood 0.2.0");
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>
#include <stdio.h>

enum page_tone {
	PAGE_PLAIN,
	PAGE_GOOD,
	PAGE_WARNING,
	PAGE_BAD
};

enum page_align {
	PAGE_TEXT,  /* to the left, may wrap */
	PAGE_NUMBER /* to the right, digits of equal width, one line */
};

struct page_column {
	const char *name;
	enum page_align align;
};

struct page {
	FILE *out;
	const struct page_column *columns; /* of the open table, or NULL */
	size_t n_columns;
	size_t column; /* where the next cell stands */
};

/* The stream stays the caller's. The subtitle may be NULL. */
void page_open(struct page *page, FILE *out, const char *title,
	       const char *subtitle);
/* Flush. 0, or the negative errno of what could not be written since
 * page_open. The footer may be NULL. */
int page_close(struct page *page, const char *footer);

/* A headline: a word, and the sentence that explains it. The word stands in the
 * text, so that colour is not the only sign. */
void page_verdict(struct page *page, enum page_tone tone, const char *word,
		  const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void page_heading(struct page *page, const char *text);
void page_paragraph(struct page *page, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Monospaced, with its spaces and line breaks: a command line, an output. */
void page_code(struct page *page, const char *text);

/* The few figures that matter, large, side by side; note may be NULL. */
void page_tiles_open(struct page *page);
void page_tile(struct page *page, const char *label, const char *value,
	       const char *note);
void page_tiles_close(struct page *page);

/* Small charts (chart.h) in rows and columns. A row is a cell of words for what
 * it has, and n_columns charts, drawn to page.out; the first row has an empty
 * cell and n_columns cells of words. The note may be NULL. */
void page_grid_open(struct page *page, size_t n_columns);
void page_grid_words(struct page *page, const char *words, const char *note);
void page_grid_close(struct page *page);

/* Cells fill the rows from left to right; after the last column the next row
 * begins. If all names are "", the table has no head. The columns stay
 * the caller's until page_table_close. The caption may be NULL. A cell of ""
 * stays empty. */
void page_table_open(struct page *page, const char *caption,
		     const struct page_column *columns, size_t n_columns);
void page_cell(struct page *page, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same; what stands between `backticks` is monospaced. */
void page_cell_prose(struct page *page, const char *text);
/* One that stands out: a breach, a failure. */
void page_cell_tone(struct page *page, enum page_tone tone, const char *text);
void page_table_close(struct page *page);

/* Names and what they stand for, as a list in two columns. */
void page_facts_open(struct page *page);
void page_fact(struct page *page, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void page_facts_close(struct page *page);

/* Text as HTML or as an attribute's value; what is not UTF-8 becomes
 * U+FFFD. */
void page_escape(FILE *out, const char *text);

#endif
