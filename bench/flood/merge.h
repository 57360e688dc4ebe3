/* The logs of several generators, added up: a load that outgrows one machine
 * is still one measurement.
 *
 * Each tag's histograms are added, of all intervals of all logs; so a
 * percentile is that of all samples, which no averaging of percentiles gives.
 * Rates count from the first interval's start to the last one's end, by the
 * clocks of the machines that wrote the logs.
 */
#ifndef FLOOD_MERGE_H
#define FLOOD_MERGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "flood.h"
#include "hlog.h"

enum {
	MERGE_MAX_TAGS = 8
};

/* Zeroed is empty. */
struct merge {
	struct {
		char name[HLOG_TAG_SIZE];
		struct histogram *histogram;
	} tags[MERGE_MAX_TAGS]; /* in the order in which they came */
	size_t n_tags;
	size_t n_logs;
	size_t n_intervals;
	uint64_t start_ns; /* since 1970 */
	uint64_t end_ns;
	char error[HLOG_ERROR_SIZE];
};

/* Add a log. -1: it cannot be read, or is none; error is one line that says
 * where and what was expected, and part of the log may have been added. */
int merge_add(struct merge *merge, const char *path);

void merge_close(struct merge *merge);

/* The histogram of a tag; NULL: no log has it. */
const struct histogram *merge_find(const struct merge *merge, const char *tag);

/* -- what came out; 0, or the negative errno of the write that failed -- */

/* For people. */
int merge_print(FILE *file, const struct merge *merge);
/* An object for each tag, as a run's --json has them: "latency_ns", ... */
int merge_json(FILE *file, const struct merge *merge);
/* One log with one interval for each tag. */
int merge_hlog(FILE *file, const struct merge *merge);
/* The percentiles of "latency", or of the first tag if there is none. */
int merge_hgrm(FILE *file, const struct merge *merge);

/* weir-flood --merge: add up settings->merge_paths, print to standard output
 * (to standard error if some other output goes there), and write the files
 * that are asked for. What went wrong has been said on standard error. */
enum flood_status merge_run(const struct flood_settings *settings);

#endif
