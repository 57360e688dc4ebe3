/* Server-Sent Events. */
#include "sse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* "id: EPOCH-N", two numbers of at most 20 characters, and newlines */
	FRAME = 64,
	MAX_ID = 40
};

static const char data_field[] = "data: ";

static size_t count(const char *text, size_t n, char c)
{
	const char *end = text + n;
	size_t n_found = 0;

	while ((text = memchr(text, c, (size_t)(end - text)))) {
		n_found++;
		text++;
	}
	return n_found;
}

size_t sse_size(const char *line, size_t n)
{
	return FRAME + n + sizeof data_field * (count(line, n, '\r') + 1);
}

static char *put(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

/* Behind "data: ", and without what ends it. */
static char *put_data(char *to, const char *text, size_t n)
{
	const char *end = text + n;
	const char *cr;

	while ((cr = memchr(text, '\r', (size_t)(end - text)))) {
		to = put(to, text, (size_t)(cr - text));
		to = put(to, "\n", 1);
		to = put(to, data_field, sizeof data_field - 1);
		text = cr + 1;
	}
	return put(to, text, (size_t)(end - text));
}

static int write_id(char *to, size_t size, const struct sse_id *id)
{
	return snprintf(to, size, "%" PRIx64 "-%" PRIu64, id->epoch, id->n);
}

size_t sse_write(char *to, const struct sse_id *id, const char *line, size_t n)
{
	char *at = to;

	n--;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	at = put(at, "id: ", 4);
	at += write_id(at, MAX_ID, id);
	at = put(at, "\n", 1);
	at = put(at, data_field, sizeof data_field - 1);
	at = put_data(at, line, n);
	at = put(at, "\n\n", 2);
	return (size_t)(at - to);
}

/* What sse_write has written, and nothing else. */
bool sse_parse_id(const char *text, size_t n, struct sse_id *id)
{
	char given[MAX_ID];
	char right[MAX_ID];
	char *end;
	int n_right;

	if (n >= sizeof given)
		return false;
	memcpy(given, text, n);
	given[n] = '\0';
	id->epoch = strtoull(given, &end, 16);
	if (*end != '-')
		return false;
	id->n = strtoull(end + 1, NULL, 10);
	n_right = write_id(right, sizeof right, id);
	return n == (size_t)n_right && memcmp(given, right, n) == 0;
}
