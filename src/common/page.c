/* HTML is written as it comes; only a table remembers where it is. */
#include "page.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "page_style.h"
#include "utf8.h"

enum {
	TEXT_SIZE = 4096 /* of what one format makes; the rest is cut off */
};

static const char *const tones[] = {
	[PAGE_PLAIN] = "plain",
	[PAGE_GOOD] = "good",
	[PAGE_WARNING] = "warning",
	[PAGE_BAD] = "bad",
};

static void put(const struct page *page, const char *html)
{
	(void)fputs(html, page->out);
}

/* What stands for the first byte of a character; NULL: the character. */
static const char *substitute(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\t':
	case '\n':
		return NULL;
	default:
		return c < ' ' ? UTF8_REPLACEMENT : NULL;
	}
}

void page_escape(FILE *out, const char *text)
{
	while (*text != '\0') {
		const char *instead = substitute((unsigned char)*text);
		size_t n = utf8_length(text);

		if (n == 0) {
			instead = UTF8_REPLACEMENT;
			n = 1;
		}
		if (instead)
			(void)fputs(instead, out);
		else
			(void)fwrite(text, 1, n, out);
		text += n;
	}
}

static void put_text(const struct page *page, const char *text)
{
	page_escape(page->out, text);
}

static void put_element(const struct page *page, const char *open,
			const char *text, const char *close)
{
	put(page, open);
	put_text(page, text);
	put(page, close);
}

__attribute__((format(printf, 2, 0))) static void put_format(
	const struct page *page, const char *format, va_list arguments)
{
	char text[TEXT_SIZE];

	(void)vsnprintf(text, sizeof text, format, arguments);
	put_text(page, text);
}

/* -- the whole -- */

void page_open(struct page *page, FILE *out, const char *title,
	       const char *subtitle)
{
	*page = (struct page){.out = out};
	put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		  "<meta charset=\"utf-8\">\n"
		  "<meta name=\"viewport\" "
		  "content=\"width=device-width,initial-scale=1\">\n"
		  "<meta name=\"color-scheme\" content=\"light dark\">\n");
	put_element(page, "<title>", title, "");
	if (subtitle)
		put_element(page, ": ", subtitle, "");
	put(page, "</title>\n<style>\n");
	for (const char *const *piece = page_style; *piece; piece++)
		put(page, *piece);
	put(page, "</style>\n</head>\n<body>\n<main>\n");
	put_element(page, "<h1>", title, "</h1>\n");
	if (subtitle)
		put_element(page, "<p class=\"subtitle\">", subtitle, "</p>\n");
}

int page_close(struct page *page, const char *footer)
{
	assert(!page->columns);
	if (footer)
		put_element(page, "<footer>", footer, "</footer>\n");
	put(page, "</main>\n</body>\n</html>\n");
	errno = 0;
	if (fflush(page->out) == 0 && !ferror(page->out))
		return 0;
	return errno > 0 ? -errno : -EIO;
}

/* -- text -- */

void page_verdict(struct page *page, enum page_tone tone, const char *word,
		  const char *format, ...)
{
	va_list arguments;

	(void)fprintf(page->out, "<p class=\"verdict %s\">", tones[tone]);
	put_element(page, "<strong>", word, "</strong> <span>");
	va_start(arguments, format);
	put_format(page, format, arguments);
	va_end(arguments);
	put(page, "</span></p>\n");
}

void page_heading(struct page *page, const char *text)
{
	put_element(page, "<h2>", text, "</h2>\n");
}

void page_paragraph(struct page *page, const char *format, ...)
{
	va_list arguments;

	put(page, "<p>");
	va_start(arguments, format);
	put_format(page, format, arguments);
	va_end(arguments);
	put(page, "</p>\n");
}

void page_code(struct page *page, const char *text)
{
	put_element(page, "<pre>", text, "</pre>\n");
}

/* -- large figures -- */

void page_tiles_open(struct page *page)
{
	put(page, "<div class=\"tiles\">\n");
}

void page_tile(struct page *page, const char *label, const char *value,
	       const char *note)
{
	put_element(page, "<dl class=\"tile\"><dt>", label, "</dt>");
	put_element(page, "<dd class=\"value\">", value, "</dd>");
	if (note)
		put_element(page, "<dd class=\"note\">", note, "</dd>");
	put(page, "</dl>\n");
}

void page_tiles_close(struct page *page)
{
	put(page, "</div>\n");
}

/* -- grids of small charts -- */

void page_grid_open(struct page *page, size_t n_columns)
{
	(void)fprintf(page->out, "<div class=\"many\" style=\"--n:%zu\">\n",
		      n_columns);
}

void page_grid_words(struct page *page, const char *words, const char *note)
{
	put_element(page, "<div><b>", words, "</b>");
	if (note)
		put_element(page, "<span>", note, "</span>");
	put(page, "</div>\n");
}

void page_grid_close(struct page *page)
{
	put(page, "</div>\n");
}

/* -- tables -- */

static const char *attributes_of(const struct page_column *column)
{
	return column->align == PAGE_NUMBER ? " class=\"number\"" : "";
}

static bool has_names(const struct page_column *columns, size_t n_columns)
{
	for (size_t i = 0; i < n_columns; i++)
		if (columns[i].name[0] != '\0')
			return true;
	return false;
}

static void put_head(const struct page *page)
{
	put(page, "<thead><tr>");
	for (size_t i = 0; i < page->n_columns; i++) {
		(void)fprintf(page->out, "<th scope=\"col\"%s>",
			      attributes_of(&page->columns[i]));
		put_element(page, "", page->columns[i].name, "</th>");
	}
	put(page, "</tr></thead>\n");
}

void page_table_open(struct page *page, const char *caption,
		     const struct page_column *columns, size_t n_columns)
{
	assert(!page->columns && n_columns > 0);
	page->columns = columns;
	page->n_columns = n_columns;
	page->column = 0;
	put(page, "<div class=\"wide\"><table>\n");
	if (caption)
		put_element(page, "<caption>", caption, "</caption>\n");
	if (has_names(columns, n_columns))
		put_head(page);
	put(page, "<tbody>\n");
}

/* Where the next cell begins: the first of a row is its head. */
static void open_cell(struct page *page, const char *tone)
{
	const struct page_column *column = &page->columns[page->column];
	bool is_number = column->align == PAGE_NUMBER;

	assert(page->columns);
	(void)fprintf(page->out, "%s<%s class=\"%s %s\">",
		      page->column == 0 ? "<tr>" : "",
		      page->column == 0 ? "th scope=\"row\"" : "td",
		      is_number ? "number" : "text", tone);
}

static void close_cell(struct page *page)
{
	put(page, page->column == 0 ? "</th>" : "</td>");
	if (++page->column < page->n_columns)
		return;
	page->column = 0;
	put(page, "</tr>\n");
}

void page_cell(struct page *page, const char *format, ...)
{
	va_list arguments;

	open_cell(page, tones[PAGE_PLAIN]);
	va_start(arguments, format);
	put_format(page, format, arguments);
	va_end(arguments);
	close_cell(page);
}

void page_cell_prose(struct page *page, const char *text)
{
	char piece[TEXT_SIZE];
	bool is_code = false;

	open_cell(page, tones[PAGE_PLAIN]);
	for (;;) {
		size_t n = strcspn(text, "`");

		(void)snprintf(piece, sizeof piece, "%.*s", (int)n, text);
		put_element(page, is_code ? "<code>" : "", piece,
			    is_code ? "</code>" : "");
		if (text[n] == '\0')
			break;
		is_code = !is_code;
		text += n + 1;
	}
	close_cell(page);
}

void page_cell_tone(struct page *page, enum page_tone tone, const char *text)
{
	open_cell(page, tones[tone]);
	put_text(page, text);
	close_cell(page);
}

void page_table_close(struct page *page)
{
	assert(page->columns && page->column == 0);
	page->columns = NULL;
	put(page, "</tbody></table></div>\n");
}

/* -- facts -- */

void page_facts_open(struct page *page)
{
	put(page, "<dl class=\"facts\">\n");
}

void page_fact(struct page *page, const char *name, const char *format, ...)
{
	va_list arguments;

	put_element(page, "<dt>", name, "</dt><dd>");
	va_start(arguments, format);
	put_format(page, format, arguments);
	va_end(arguments);
	put(page, "</dd>\n");
}

void page_facts_close(struct page *page)
{
	put(page, "</dl>\n");
}
