#include "pid_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "whole_file.h"

enum {
	TEXT_SIZE = 24 /* a number and a newline */
};

int pid_file_write(const char *path)
{
	struct whole_file whole;
	int error;

	if (!path)
		return 0;
	error = whole_file_open(&whole, path);
	if (error < 0)
		return error;
	(void)fprintf(whole.file, "%ld\n", (long)getpid());
	return whole_file_commit(&whole);
}

/* A pipe or a device could keep us waiting. */
static bool is_ours(const char *path)
{
	struct stat st;
	FILE *file;
	char text[TEXT_SIZE];
	char ours[TEXT_SIZE];

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof text, file))
		text[0] = '\0';
	(void)fclose(file);
	(void)snprintf(ours, sizeof ours, "%ld\n", (long)getpid());
	return strcmp(text, ours) == 0;
}

void pid_file_remove(const char *path)
{
	char target[PATH_MAX];

	/* where a link points, as it was written */
	if (path && realpath(path, target) && is_ours(target))
		(void)unlink(target);
}
