/* The command line of send-vs-sendall. */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lesson.h"
#include "strategy.h"

enum {
	OPTIONS_MAX_SIZES = 8,
	OPTIONS_MAX_LESSONS = 32
};

struct options {
	const struct strategy *strategies[STRATEGY_COUNT];
	size_t n_strategies; /* 0: no contest */
	uint64_t sizes[OPTIONS_MAX_SIZES];
	size_t n_sizes;
	uint64_t hold_ns;
	bool is_calm;
	bool wants_trace;
	const struct lesson *lessons[OPTIONS_MAX_LESSONS];
	size_t n_lessons;
	const char *json; /* a path, "-", or NULL */
	const char *html;
};

/* As command_line_read. */
int options_read(struct options *options, int argc, char **argv);

#endif
