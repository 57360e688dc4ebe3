/* What /metrics says. */
#ifndef METRICS_H
#define METRICS_H

#include "snapshot.h"

/* All metrics in the Prometheus text format, n bytes, to be freed; NULL: no
 * memory. The snapshots are ready. */
char *exposition_new(struct server *server, size_t *n);

#endif
