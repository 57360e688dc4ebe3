/* A worker near the limit on open files.
 *
 * The kernel then refuses accept(2), and clients wait in the backlog. But a
 * relay's client needs a second descriptor, for the target, and /healthz must
 * be answered all the same: for these each worker keeps a reserve. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include <weir.h>

struct worker;

enum {
	N_RESERVE = 4
};

struct descriptors {
	uint64_t limit;		 /* of the process */
	int reserve[N_RESERVE];	 /* -1: in use */
	struct weir_timer timer; /* armed while the limit is near */
	uint64_t n_failures;	 /* of accept, for want of one, so far */
	unsigned n_quiet;	 /* looks without such a failure */
	bool is_paused;		 /* the log says so */
};

/* Before the worker serves. */
void descriptors_open(struct worker *worker);
void descriptors_close(struct worker *worker);

/* A client has been accepted: if the limit is near, begin to watch it. */
void descriptors_check(struct worker *worker);

/* A connection has been closed: its descriptor is for the reserve first, before
 * another client is accepted by it. */
void descriptors_release(struct worker *worker);

/* A descriptor to be closed when another one is about to be opened, so that
 * there is room for it; -1: there is none, or the limit is far. */
int descriptors_hold(struct worker *worker);

#endif
