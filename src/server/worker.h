/* A worker: one loop in one thread, with its endpoints and its clients. */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>

#include "descriptors.h"
#include "server.h"

struct endpoint;
struct closes;
struct snapshot;

/* The longest turn, beyond what the loop counts since a page was told. */
struct turns {
	uint64_t longest_ns; /* of all */
	enum weir_work longest_in;
	uint64_t told_ns;   /* in the last snapshot */
	uint64_t untold_ns; /* the turn after it; 0: it was not longer */
	bool is_told;	    /* and the loop is to begin anew */
};

struct worker {
	struct weir_loop *loop;
	struct server *server;
	const struct settings *settings;
	size_t number; /* from 0, which runs in the main thread */
	pthread_t thread;
	/* Sent when the phase has changed, a snapshot is wanted, or another
	 * worker has left something for a service (its on_wakeup). */
	struct weir_wakeup wakeup;
	_Atomic bool is_asked; /* by the watchdog; the wakeup clears it */
	struct weir_observer observer;
	struct snapshot *snapshot;
	struct closes *closes; /* the last ones; NULL: without metrics */
	struct turns turns;
	struct descriptors descriptors;
	struct endpoint *endpoints;
	size_t n_endpoints;
	size_t n_clients; /* of services that are not private */
	size_t n_private; /* of those that are */
	size_t n_owing;	  /* subjects of NATS that have lines to send */
	/* connections that stopping the server cost bytes, and these bytes */
	uint64_t n_lost;
	uint64_t lost;
	uint64_t n_lines_lost; /* of the log */
};

int worker_open(struct worker *worker, struct server *server, size_t number);
/* Serve, then drain. The first worker returns when all are drained, the
 * others when the phase is over. */
void worker_run(struct worker *worker);
/* Close the private endpoints and finish their connections. */
void worker_finish_private(struct worker *worker);
/* Reset the connections of the private services, or of all others. */
void worker_abort(struct worker *worker, bool is_private);
void worker_close(struct worker *worker);

#endif
