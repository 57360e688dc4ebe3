/* Logs of HdrHistogram (.hlog, version 1.3): a histogram for each interval and
 * tag, a line each, as its tools read them.
 *
 * Values are nanoseconds. Each line holds the whole histogram with its
 * overflow, so those tools can add up the logs of several seconds or machines
 * without losing precision. The zlib streams consist of stored blocks, which
 * every reader accepts.
 *
 * Example:
 *
 *	struct hlog_interval second = {"latency", now_ns, 1000000000};
 *
 *	hlog_write_head(file, start_ns);
 *	hlog_write(file, start_ns, &second, &histogram);
 */
#ifndef FLOOD_HLOG_H
#define FLOOD_HLOG_H

#include <stdint.h>
#include <stdio.h>

#include "histogram.h"

enum {
	HLOG_TAG_SIZE = 32
};

/* When, and what. Times are those of the wall clock, since 1970. */
struct hlog_interval {
	char tag[HLOG_TAG_SIZE]; /* "": none; no comma, space or newline */
	uint64_t start_ns;
	uint64_t length_ns;
};

/* These return 0, or the negative errno of the write that failed. */

/* What stands above the intervals. base_ns is when the log begins, by the wall
 * clock; the lines count their times from there. */
int hlog_write_head(FILE *file, uint64_t base_ns);

/* One line, flushed, with nothing allocated. No interval starts before
 * base_ns. */
int hlog_write(FILE *file, uint64_t base_ns,
	       const struct hlog_interval *interval, const struct histogram *h);

#endif
