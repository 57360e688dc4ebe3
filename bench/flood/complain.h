/* One line on standard error. */
#ifndef FLOOD_COMPLAIN_H
#define FLOOD_COMPLAIN_H

/* "weir-flood: ..." */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum {
	COMPLAIN_CAUSE_SIZE = 128
};

/* A negative errno in the middle of a line, "connection refused". */
const char *complain_cause(int error, char text[COMPLAIN_CAUSE_SIZE]);

#endif
