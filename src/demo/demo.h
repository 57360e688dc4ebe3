/* All that one run of the demonstration has shown. */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "contest.h"
#include "lesson.h"
#include "trace.h"

struct demo_lesson {
	const struct lesson *lesson;
	struct lesson_result result;
};

struct demo {
	struct contest_result *results; /* by size, then by strategy */
	size_t n_results;
	bool has_trace;
	struct trace send;
	struct trace sendall;
	struct demo_lesson *lessons;
	size_t n_lessons;
};

/* These return 0, or the negative errno of what could not be written. */
int demo_json(FILE *out, const struct demo *demo);
int demo_html(FILE *out, const struct demo *demo);

#endif
