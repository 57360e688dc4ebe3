/* --trace: the send path, one line for each thing that happens on it. */
#ifndef TRACE_H
#define TRACE_H

#include "worker.h"

/* Print what the connections of this worker send from now on. */
void trace_start(struct worker *worker);

#endif
