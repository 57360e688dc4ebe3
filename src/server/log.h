/* Lines on standard error. */
#ifndef LOG_H
#define LOG_H

#include "worker.h"

/* "weir-server: ..." unless --quiet. */
void log_say(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "trace ...", also with --quiet. */
void log_trace(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same as log_say, also with --quiet: it was asked for. */
void log_print(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
