/* The command line of weir-flood. */
#ifndef FLOOD_OPTIONS_H
#define FLOOD_OPTIONS_H

#include "expect.h"
#include "flood.h"

/* FLOOD_GO_ON with settings and expect filled in; or the status to exit with,
 * and what was asked for (--help, --version) or is wrong has been printed.
 * Strings of the settings are argv's. */
enum flood_status flood_options_parse(struct flood_settings *settings,
				      struct expect *expect, int argc,
				      char **argv);

#endif
