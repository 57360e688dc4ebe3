/* The command line of weir-client. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

struct options {
	const char *address;
	const char *text; /* NULL: standard input */
	uint64_t timeout_ns;
};

/* As command_line_read. */
int options_read(struct options *options, int argc, char **argv);

#endif
