/* JSON, written to a stream as it comes: objects, arrays and values in the
 * order of the calls. Laid out for people: an object inside an array stands
 * on one line, and so do plain values there.
 *
 *	struct json json;
 *
 *	json_open(&json, out);
 *	json_object(&json, NULL);
 *	json_count(&json, "messages", 12);
 *	json_array(&json, "seconds");
 *	json_number(&json, NULL, 0.5);
 *	json_end(&json);
 *	json_end(&json);
 *	error = json_close(&json);
 *
 * The key names the value inside an object and is NULL everywhere else: in an
 * array and for the outermost value. A value in the wrong place is the
 * programmer's error and aborts. What is written is always valid: NaN
 * and infinities become null, a byte that is not UTF-8 becomes U+FFFD.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	unsigned depth;	     /* objects and arrays that are open */
	unsigned line_depth; /* from this one inwards all is on one line */
	uint64_t is_array;   /* bit d: the one at depth d is an array */
	bool has_items;	     /* the innermost open one is not empty */
	bool has_nested;     /* its last item is an object or an array */
};

enum {
	JSON_MAX_DEPTH = 60
};

/* The stream stays the caller's. */
void json_open(struct json *json, FILE *out);
/* The same for a value that stands on one line. */
void json_open_line(struct json *json, FILE *out);
/* End the line and flush. 0, or the negative errno of what could not be
 * written since json_open: nothing else reports it. */
int json_close(struct json *json);

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
/* Close the innermost object or array. */
void json_end(struct json *json);

void json_count(struct json *json, const char *key, uint64_t value);
void json_integer(struct json *json, const char *key, int64_t value);
/* With as few digits as read back to the same double. */
void json_number(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
/* NULL is null. */
void json_string(struct json *json, const char *key, const char *text);
void json_null(struct json *json, const char *key);

#endif
