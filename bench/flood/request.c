#include "request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schedule.h"

enum {
	MAX_DIGITS = 20
};

/* -- escapes -- */

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 32) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The byte that text, of n bytes, begins with, "\\r" say, and how many of them
 * say it; -1: there is no such escape. */
static int read_byte(const char *text, size_t n, size_t *n_used)
{
	static const char letters[] = "rn0t\\";
	static const char bytes[] = "\r\n\0\t\\";
	const char *letter;

	*n_used = 1;
	if (text[0] != '\\')
		return (unsigned char)text[0];
	if (n >= 4 && text[1] == 'x' && digit_of(text[2]) >= 0 &&
	    digit_of(text[3]) >= 0) {
		*n_used = 4;
		return digit_of(text[2]) * 16 + digit_of(text[3]);
	}
	*n_used = 2;
	letter = n >= 2 && text[1] ? strchr(letters, text[1]) : NULL;
	return letter ? (unsigned char)bytes[letter - letters] : -1;
}

size_t request_unescape(char *text, size_t n)
{
	size_t n_read = 0;
	size_t n_written = 0;
	size_t n_used;

	while (n_read < n) {
		int byte = read_byte(text + n_read, n - n_read, &n_used);

		if (byte < 0)
			return 0;
		text[n_written++] = (char)byte;
		n_read += n_used;
	}
	return n_written;
}

/* -- parts -- */

static const struct {
	const char *name;
	enum request_kind kind;
	bool has_length; /* always */
	size_t max;
} placeholders[] = {
	{"{i", REQUEST_NUMBER, false, MAX_DIGITS},
	{"{conn", REQUEST_CONNECTION, false, MAX_DIGITS},
	{"{random", REQUEST_LETTERS, true, REQUEST_MAX_SIZE},
	{"{bytes", REQUEST_BYTES, true, REQUEST_MAX_SIZE},
};

/* ":12}" or "}": its length; 0: it is neither. */
static size_t read_length(const char *text, size_t n, bool has_length,
			  size_t max, size_t *value)
{
	size_t i = 1;

	*value = 0;
	if (n >= 1 && text[0] == '}' && !has_length)
		return 1;
	if (n < 3 || text[0] != ':')
		return 0;
	for (; i < n && text[i] >= '0' && text[i] <= '9' && *value <= max; i++)
		*value = 10 * *value + (size_t)(text[i] - '0');
	if (i == n || text[i] != '}' || *value == 0 || *value > max)
		return 0;
	return i + 1;
}

/* What text begins with, and its length; 0: it is no placeholder. */
static size_t read_placeholder(const char *text, size_t n,
			       struct request_part *part)
{
	for (size_t k = 0; k < sizeof placeholders / sizeof *placeholders;
	     k++) {
		size_t n_name = strlen(placeholders[k].name);
		size_t n_length;

		if (n < n_name ||
		    memcmp(text, placeholders[k].name, n_name) != 0)
			continue;
		n_length = read_length(text + n_name, n - n_name,
				       placeholders[k].has_length,
				       placeholders[k].max, &part->n);
		part->kind = placeholders[k].kind;
		if (n_length > 0)
			return n_name + n_length;
	}
	return 0;
}

static bool add_part(struct request *request, struct request_part part)
{
	bool is_number =
		part.kind == REQUEST_NUMBER || part.kind == REQUEST_CONNECTION;

	if (part.kind == REQUEST_TEXT && part.n == 0)
		return true;
	if (request->n_parts == REQUEST_MAX_PARTS)
		return false;
	request->parts[request->n_parts++] = part;
	request->max_size += is_number ? MAX_DIGITS : part.n;
	request->is_constant &= part.kind == REQUEST_TEXT;
	return request->max_size <= REQUEST_MAX_SIZE;
}

/* An escape makes no placeholder: "\\x7bi}" is "{i}". */
static bool add_text(struct request *request, char *text, size_t n,
		     bool has_escapes)
{
	size_t n_text = has_escapes ? request_unescape(text, n) : n;

	if (n > 0 && n_text == 0)
		return false;
	return add_part(request,
			(struct request_part){REQUEST_TEXT, text, n_text});
}

bool request_parse(struct request *request, char *text, size_t n,
		   bool has_escapes)
{
	size_t start = 0;
	size_t at = 0;

	*request = (struct request){.is_constant = true};
	while (at < n) {
		struct request_part part = {0};
		size_t n_used = read_placeholder(text + at, n - at, &part);

		if (n_used == 0) {
			at++;
			continue;
		}
		if (!add_text(request, text + start, at - start, has_escapes) ||
		    !add_part(request, part))
			return false;
		at += n_used;
		start = at;
	}
	return add_text(request, text + start, n - start, has_escapes) &&
	       request->n_parts > 0;
}

/* -- composing -- */

static size_t put_number(unsigned char *to, uint64_t value, size_t n_digits)
{
	char text[MAX_DIGITS + 1];
	int n = snprintf(text, sizeof text, "%0*" PRIu64, (int)n_digits, value);

	memcpy(to, text, (size_t)n);
	return (size_t)n;
}

static void put_random(unsigned char *to, size_t n, uint64_t *state,
		       bool is_letters)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789"
				      "AB";
	uint64_t random = 0;

	for (size_t i = 0; i < n; i++, random >>= 8) {
		if (i % sizeof random == 0)
			random = schedule_random(state);
		to[i] = is_letters ? (unsigned char)letters[random % 64]
				   : (unsigned char)random;
	}
}

static size_t put_part(unsigned char *to, const struct request_part *part,
		       const struct request_number *number, uint64_t *random)
{
	switch (part->kind) {
	case REQUEST_TEXT:
		memcpy(to, part->text, part->n);
		break;
	case REQUEST_NUMBER:
		return put_number(to, number->i, part->n);
	case REQUEST_CONNECTION:
		return put_number(to, number->connection, part->n);
	case REQUEST_LETTERS:
	case REQUEST_BYTES:
		put_random(to, part->n, random, part->kind == REQUEST_LETTERS);
		break;
	}
	return part->n;
}

size_t request_compose(const struct request *request, unsigned char *text,
		       const struct request_number *number)
{
	uint64_t random = number->seed ^ number->i;
	size_t n = 0;

	/* numbers that differ little are to begin elsewhere */
	random = schedule_random(&random);
	for (size_t k = 0; k < request->n_parts; k++)
		n += put_part(text + n, &request->parts[k], number, &random);
	return n;
}
