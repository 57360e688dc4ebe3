/* What the files share that write a result as JSON. */
#ifndef REPORT_JSON_INSIDE_H
#define REPORT_JSON_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

struct result;

/* The count if there is one, else null. */
static inline void report_json_known(struct json *json, const char *key,
				     bool is_known, uint64_t count)
{
	if (is_known)
		json_count(json, key, count);
	else
		json_null(json, key);
}

/* The healthy connections, bad peers, and what only some runs have. */
void report_json_peers(struct json *json, const struct result *result);
void report_json_timeline(struct json *json, const struct result *result);

#endif
