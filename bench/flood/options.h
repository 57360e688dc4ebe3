/* The command line of weir-flood. */
#ifndef FLOOD_OPTIONS_H
#define FLOOD_OPTIONS_H

#include "expect.h"
#include "settings.h"
#include "status.h"

/* STATUS_GO_ON with settings and expect filled in; or the status to exit with,
 * and what was asked for (--help, --version) or is wrong has been printed.
 * Strings of the settings are argv's. */
enum status options_parse(struct settings *settings, struct expect *expect,
			  int argc, char **argv);

#endif
