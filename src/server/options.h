/* The command line of weir-server. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "settings.h"

enum options_outcome {
	OPTIONS_RUN,
	OPTIONS_INFORMED, /* --help or --version was printed */
	OPTIONS_REFUSED,  /* the reason was printed */
	OPTIONS_FAILED	  /* standard output could not be written */
};

enum options_outcome options_parse(struct settings *settings, int argc,
				   char **argv);

#endif
