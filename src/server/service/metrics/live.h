/* What the live page shows, as one line of JSON. docs/live-page.md describes
 * it. */
#ifndef LIVE_H
#define LIVE_H

#include "snapshot.h"

/* The n bytes of it, to be freed; NULL: no memory. The snapshots must be
 * ready. */
char *live_new(struct server *server, size_t *n);

#endif
