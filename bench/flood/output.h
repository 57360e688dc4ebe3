/* Where the results go: the terminal, and the files that were asked for. They
 * are opened before the run, so that a wrong path costs no measurement, and
 * change when there is a result; the lines of JSON when the first is due. */
#ifndef FLOOD_OUTPUT_H
#define FLOOD_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "generator.h"
#include "progress.h"
#include "whole_file.h"

struct expect;

enum output_file {
	OUTPUT_JSON,
	OUTPUT_HTML,
	OUTPUT_HGRM,
	OUTPUT_HLOG,
	OUTPUT_JSON_LINES,
	OUTPUT_N_FILES
};

struct output {
	const struct settings *settings;
	struct generator_events events; /* for the run */
	struct progress progress;
	struct whole_file wholes[OUTPUT_N_FILES];
	FILE *files[OUTPUT_N_FILES]; /* NULL: not asked for */
	int errors[OUTPUT_N_FILES];  /* the first of each, while it ran */
	uint64_t base_ns;	     /* of the log: since 1970 */
};

/* False: one line has said which file, and why. Either way it is to be closed.
 */
bool output_open(struct output *output, const struct settings *settings);

/* The run is over: the terminal's line belongs to others. */
void output_end_progress(struct output *output);

/* The table to standard output (to standard error if a file goes there), and
 * the files. expect was judged, or is NULL. False: not all could be written,
 * which one line has said. */
bool output_write(struct output *output, const struct result *result,
		  const struct expect *expect);

void output_close(struct output *output);

#endif
