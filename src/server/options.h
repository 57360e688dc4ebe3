/* The command line of weir-server. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "settings.h"

enum {
	OPTIONS_RUN = -1,
	OPTIONS_REFUSED = 2
};

/* OPTIONS_RUN with settings filled in, or the status to exit with: what was
 * asked for (--help, --version) or what is wrong has been printed. */
int options_read(struct settings *settings, int argc, char **argv);

#endif
