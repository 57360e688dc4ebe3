/* Every value goes through begin_value, which puts what separates it from the
 * one before and aborts if it stands in the wrong place. */
#include "json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "utf8.h"

static void put(struct json *json, const char *text)
{
	(void)fputs(text, json->out);
}

static bool is_array(const struct json *json, unsigned depth)
{
	return json->is_array >> depth & 1;
}

static bool is_on_one_line(const struct json *json)
{
	return json->line_depth > 0 && json->depth >= json->line_depth;
}

static void begin_line(struct json *json)
{
	put(json, "\n");
	for (unsigned i = 0; i < json->depth; i++)
		put(json, "  ");
}

/* -- text -- */

static void put_string(struct json *json, const char *text)
{
	put(json, "\"");
	while (*text != '\0') {
		size_t n = utf8_length(text);
		unsigned char c = (unsigned char)*text;

		if (n == 0)
			put(json, UTF8_REPLACEMENT);
		else if (c == '"' || c == '\\')
			(void)fprintf(json->out, "\\%c", c);
		else if (c == '\n')
			put(json, "\\n");
		else if (c == '\t')
			put(json, "\\t");
		else if (c < ' ' || c == 0x7f)
			(void)fprintf(json->out, "\\u%04x", c);
		else
			(void)fwrite(text, 1, n, json->out);
		text += n > 0 ? n : 1;
	}
	put(json, "\"");
}

/* -- places -- */

/* Separate the next item from the one before. In an array plain values go on
 * along the line. */
static void separate(struct json *json, bool nested)
{
	bool in_array = is_array(json, json->depth);

	if (json->has_items)
		put(json, ",");
	if (is_on_one_line(json) || (in_array && !nested)) {
		if (json->has_items)
			put(json, " ");
	} else {
		begin_line(json);
	}
}

static void begin_value(struct json *json, const char *key, bool nested)
{
	bool in_object = json->depth > 0 && !is_array(json, json->depth);

	assert(in_object == (key != NULL));
	assert(json->depth > 0 || !json->has_items);
	if (json->depth > 0)
		separate(json, nested);
	if (key) {
		put_string(json, key);
		put(json, ": ");
	}
	json->has_items = true;
	json->has_nested = nested;
}

static void nest(struct json *json, const char *key, bool array)
{
	bool in_array = json->depth > 0 && is_array(json, json->depth);

	assert(json->depth < JSON_MAX_DEPTH);
	begin_value(json, key, true);
	put(json, array ? "[" : "{");
	json->depth++;
	json->is_array &= ~(UINT64_C(1) << json->depth);
	json->is_array |= (uint64_t)array << json->depth;
	if (json->line_depth == 0 && in_array && !array)
		json->line_depth = json->depth;
	json->has_items = false;
	json->has_nested = false;
}

void json_object(struct json *json, const char *key)
{
	nest(json, key, false);
}

void json_array(struct json *json, const char *key)
{
	nest(json, key, true);
}

void json_end(struct json *json)
{
	bool array = is_array(json, json->depth);
	bool ends_line = json->has_items && !is_on_one_line(json) &&
			 (!array || json->has_nested);

	assert(json->depth > 0);
	if (json->depth == json->line_depth)
		json->line_depth = 0;
	json->depth--;
	if (ends_line)
		begin_line(json);
	put(json, array ? "]" : "}");
	json->has_items = true;
	json->has_nested = true;
}

void json_open(struct json *json, FILE *out)
{
	*json = (struct json){.out = out};
}

void json_open_line(struct json *json, FILE *out)
{
	*json = (struct json){.out = out, .line_depth = 1};
}

int json_close(struct json *json)
{
	assert(json->depth == 0 && json->has_items);
	put(json, "\n");
	errno = 0;
	if (fflush(json->out) == 0 && !ferror(json->out))
		return 0;
	return errno > 0 ? -errno : -EIO;
}

/* -- plain values -- */

void json_count(struct json *json, const char *key, uint64_t value)
{
	begin_value(json, key, false);
	(void)fprintf(json->out, "%" PRIu64, value);
}

void json_integer(struct json *json, const char *key, int64_t value)
{
	begin_value(json, key, false);
	(void)fprintf(json->out, "%" PRId64, value);
}

/* 15 digits are the most that every double keeps, 17 always tell it apart. */
void json_number(struct json *json, const char *key, double value)
{
	char text[32];

	if (!isfinite(value)) {
		json_null(json, key);
		return;
	}
	begin_value(json, key, false);
	for (int n_digits = 15; n_digits <= 17; n_digits++) {
		(void)snprintf(text, sizeof text, "%.*g", n_digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	put(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key, false);
	put(json, value ? "true" : "false");
}

void json_string(struct json *json, const char *key, const char *text)
{
	if (!text) {
		json_null(json, key);
		return;
	}
	begin_value(json, key, false);
	put_string(json, text);
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key, false);
	put(json, "null");
}
