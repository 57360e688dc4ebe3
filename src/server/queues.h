/* SIGUSR1: the longest send queues. */
#ifndef QUEUES_H
#define QUEUES_H

#include "snapshot.h"

/* Print them. The snapshots must be ready. */
void queues_print(struct server *server);

#endif
