/* The addresses that an endpoint's clients come from: how many connections each
 * has, and how fast it makes new ones. All workers share them. An IPv6 client
 * has a whole network to itself, so prefixes count there. */
#ifndef SOURCES_H
#define SOURCES_H

#include <stdbool.h>

#include "settings.h"

struct sources;

enum source_verdict {
	SOURCE_ADMITTED,
	SOURCE_TOO_MANY, /* --max-per-address */
	SOURCE_TOO_FAST	 /* --rate-per-address */
};

/* NULL: no memory. */
struct sources *sources_new(void);
void sources_free(struct sources *sources);

/* Admit a connection, until it is released, or say why not: *is_first then, if
 * this is the first refusal since the address was last admitted. Addresses
 * that are not IP are admitted, as are all when there is no memory. now in
 * ns. */
enum source_verdict sources_admit(struct sources *sources,
				  const struct endpoint_settings *settings,
				  const struct weir_address *from, uint64_t now,
				  bool *is_first);
void sources_release(struct sources *sources,
		     const struct endpoint_settings *settings,
		     const struct weir_address *from, uint64_t now);

#endif
