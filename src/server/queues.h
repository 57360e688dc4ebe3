/* SIGUSR1: who is owed most. */
#ifndef QUEUES_H
#define QUEUES_H

#include "snapshot.h"

/* Print the longest send queues; the snapshots are ready. */
void queues_print(struct server *server);

#endif
