/* Logs of HdrHistogram (.hlog, version 1.3): a histogram for each interval and
 * tag, a line each, as its tools write and read them.
 *
 * Values are nanoseconds. Each line holds the whole histogram, so logs can be
 * added up afterwards without losing precision: those of several seconds, of
 * several machines, or of other programs. The overflow goes with it. Written
 * logs are not compressed (their zlib streams consist of stored blocks), which
 * every reader accepts; compressed ones are read too.
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
	HLOG_TAG_SIZE = 32,
	HLOG_ERROR_SIZE = 4096 + 128 /* the longest path, and why */
};

/* When, and what. Times are those of the wall clock, since 1970. */
struct hlog_interval {
	char tag[HLOG_TAG_SIZE]; /* "": none; no comma, space or newline */
	uint64_t start_ns;
	uint64_t length_ns;
};

/* -- writing: 0, or the negative errno of the write that failed -- */

/* What stands above the intervals. base_ns is when the log begins, by the wall
 * clock; the lines count their times from there. */
int hlog_write_head(FILE *file, uint64_t base_ns);

/* One line, flushed, with nothing allocated. No interval starts before
 * base_ns. */
int hlog_write(FILE *file, uint64_t base_ns,
	       const struct hlog_interval *interval, const struct histogram *h);

/* -- reading -- */

struct hlog_reader {
	FILE *file;
	const char *path;
	unsigned long line_number;
	char *line;
	/* What the head says; 0 while it says nothing. */
	uint64_t start_ns;
	uint64_t base_ns;
	char error[HLOG_ERROR_SIZE]; /* one line, without its end */
};

/* Open a log to be read; path must outlive the reader. -1: not possible, and
 * error says why. In either case the reader is to be closed. */
int hlog_open(struct hlog_reader *reader, const char *path);

/* Read the next interval; what h held before is forgotten. 1: read; 0: there
 * are no more; -1: what stands there is no log, and error names the file, the
 * line, and what was expected. After -1, h is of no use.
 *
 * Of a log that hlog_write wrote, h is as it was written, but for min, which
 * is known to 3 digits. Histograms of other precision are read as well, each
 * of their values taken for the middle of its slot. */
int hlog_read(struct hlog_reader *reader, struct hlog_interval *interval,
	      struct histogram *h);

void hlog_close(struct hlog_reader *reader);

#endif
