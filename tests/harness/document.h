/* What is written as JSON or HTML, as text; and judged by parsers that are not
 * ours, where there are any. */
#ifndef TEST_DOCUMENT_H
#define TEST_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct document {
	FILE *out;
	char *text; /* after document_close */
	size_t size;
};

void document_open(struct document *document);
void document_close(struct document *document);
void document_free(struct document *document);

/* How often a piece occurs in a text. */
size_t document_count(const char *text, const char *piece);

/* Pass when python3 reads the text as JSON without NaN or infinity and the
 * expressions about it, named "it" and separated by lines, are all true. Skip
 * the test where there is no python3. */
void document_check_json(const char *text, const char *expressions);
/* The same for XML, and so for the SVG of a chart: "it" is its root. */
void document_check_xml(const char *text, const char *expressions);

#endif
