/* The settings of one endpoint, by the same table of options as the command
 * line: those in its argument (",idle=5m,accept-proxy") over the others. */
#ifndef ENDPOINT_SETTINGS_H
#define ENDPOINT_SETTINGS_H

#include "options_table.h"
#include "settings.h"

struct service;

/* Whether this part of an argument, between commas, is an option. An address
 * has a colon before anything else. */
bool endpoint_settings_is_option(const char *part);
/* Take "NAME=VALUE", or the name of a flag, perhaps with "=yes" or "=no", into
 * options of an endpoint of this service. False after a line, which begins with
 * where. */
bool endpoint_settings_take(struct option_values *options, char *part,
			    const struct service *service, const char *where);
/* Fill in settings. False after a line. */
bool endpoint_settings_apply(struct endpoint_settings *settings,
			     const struct option_values *options,
			     const char *where);

#endif
