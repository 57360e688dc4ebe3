/* A run in one line, renewed each second; only where the stream is a terminal,
 * and otherwise nothing at all is written. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct result_second;
struct settings;

struct progress {
	FILE *out;
	const struct settings *settings;
	bool is_on;
	bool has_line; /* there is one to wipe */
};

void progress_open(struct progress *progress, FILE *out,
		   const struct settings *settings);
/* The second that is over, and how much of the run is left; a negative left_s
 * says that the run is still warming up. */
void progress_show(struct progress *progress,
		   const struct result_second *second, double left_s);
/* Wipe the line, so that what follows begins on a clean one. */
void progress_close(struct progress *progress);

#endif
