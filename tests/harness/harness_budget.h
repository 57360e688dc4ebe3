/* Many probes that stall at once, against the budget of their loop. */
#ifndef HARNESS_BUDGET_H
#define HARNESS_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "harness_conn.h"

enum {
	BUDGET_N_PROBES = 200
};

extern struct conn_probe budget_probes[BUDGET_N_PROBES];
/* Theirs: nothing but the budget keeps them from queueing. */
extern const struct weir_conn_limits budget_unthrottled;

/* Open the first n probes. */
void budget_open_all(size_t n);
/* The same, and their kernels are full. */
void budget_stall_all(size_t n);
/* weir_loop_budget of the probes' loop, which must take it. */
void budget_set(size_t high, size_t low);
/* What the queues of the loop hold, by its statistics and its pool. */
size_t budget_n_used(void);
/* A victim that on_close has not been called for. */
bool budget_is_victim(const struct conn_probe *probe);

#endif
