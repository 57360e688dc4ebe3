/* What a program says on standard error: one line, "program: message". */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

enum {
	/* what a pipe takes in one piece: longer lines are cut */
	COMPLAIN_LINE_SIZE = PIPE_BUF,
	COMPLAIN_CAUSE_SIZE = 128
};

/* Print the line in one write(2). The name is that of the program's file. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write prefix, the message and a line feed, without a NUL; the size. Control
 * characters become '?', since what was typed or inherited may have them. */
size_t complain_format(char line[COMPLAIN_LINE_SIZE], const char *prefix,
		       const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* What a negative errno means, in lower case, for the middle of a line. */
const char *complain_cause(int error, char text[COMPLAIN_CAUSE_SIZE]);

#endif
