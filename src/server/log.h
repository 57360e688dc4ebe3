/* Lines on standard error. */
#ifndef LOG_H
#define LOG_H

#include "worker.h"

/* Make path the standard error of the process, so that every line goes there:
 * of a crash and of the C library too. Done again it follows a file that was
 * moved away. A negative errno: nothing has changed. */
int log_open(const char *path);

/* "weir-server: ...", or as --log-format has it, unless --quiet. */
void log_say(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, as a warning: something went wrong for a client. */
void log_warn(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "trace ...", also with --quiet. */
void log_trace(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same as log_say, also with --quiet: it was asked for. */
void log_print(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum {
	LOG_MAX_A_SECOND = 10
};

/* Of one kind of line, for which anyone out there can be the cause. Zeroed:
 * none was printed yet. */
struct log_limit {
	uint64_t second;
	unsigned n; /* printed in it */
	uint64_t n_left_out;
};

/* The same as log_warn, at most LOG_MAX_A_SECOND times a second; the next one
 * tells how many were left out. */
void log_limited(struct worker *worker, struct log_limit *limit,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
