/* The body of /metrics. */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include "snapshot.h"

/* All metrics in the Prometheus text format: n bytes, to be freed. NULL: no
 * memory. The snapshots must be ready. */
char *exposition_new(struct server *server, size_t *n);

#endif
