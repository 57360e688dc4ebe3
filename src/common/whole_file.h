/* A file that is written whole or not at all: what is written goes to a
 * temporary one beside it, which takes its place at the end.
 *
 *	struct whole_file whole;
 *	int error = whole_file_open(&whole, "result.json");
 *
 *	if (error < 0)
 *		return error;
 *	if (measure(whole.file) < 0)
 *		whole_file_abandon(&whole);
 *	else
 *		error = whole_file_commit(&whole);
 *
 * What is no regular file (a device, a pipe), and all in /dev and /proc, is
 * written in place.
 */
#ifndef WHOLE_FILE_H
#define WHOLE_FILE_H

#include <limits.h>
#include <stdio.h>

enum {
	WHOLE_FILE_SUFFIX = 8 /* what makes a temporary name */
};

/* Zeroed: not open. */
struct whole_file {
	FILE *file;	       /* to write to; NULL: not open */
	char target[PATH_MAX]; /* one for all names of the same file */
	char temporary[PATH_MAX + WHOLE_FILE_SUFFIX]; /* "": in place */
};

/* 0, or the negative errno that forbids to write there. */
int whole_file_open(struct whole_file *whole, const char *path);

/* Close it, and let it be there. 0; or the negative errno of what could not be
 * written, and then what was there before is there still. */
int whole_file_commit(struct whole_file *whole);

/* Let it be there from now on, to be read while it grows. 0, or a negative
 * errno. */
int whole_file_publish(struct whole_file *whole);

/* Close it, if it is open, and leave what was there before. */
void whole_file_abandon(struct whole_file *whole);

#endif
