/* The command line of weir-client. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

enum {
	OPTIONS_GO_ON = -1
};

struct options {
	const char *address;
	const char *text; /* NULL: standard input */
	uint64_t timeout_ns;
};

/* OPTIONS_GO_ON with options filled in, or the status to exit with: what was
 * asked for (--help, --version) or what is wrong has been printed. */
int options_parse(struct options *options, int argc, char **argv);

#endif
