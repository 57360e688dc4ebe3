/* weir-server: the process, its workers, and how they stop.
 *
 * A worker is one loop in one thread. Workers share the constant settings and
 * the few atomic fields of struct server. To tell another worker something, a
 * worker stores it and sends that worker's wakeup. The first worker runs in
 * the main thread, handles the signals, and leads the others from phase to
 * phase. */
#ifndef SERVER_H
#define SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "restart.h"
#include "settings.h"

struct worker;

/* Only moves forward, and only the first worker moves it. */
enum phase {
	PHASE_SERVING,
	PHASE_GRACE,	/* still serving, but /healthz says 503 */
	PHASE_REPLACED, /* another process accepts; connections go on */
	PHASE_DRAINING, /* accepts nothing; connections are being finished */
	PHASE_ABORTING, /* connections are reset */
	PHASE_OVER	/* no worker has clients: the threads end */
};

struct server {
	const struct settings *settings;
	struct worker *workers;
	size_t n_workers;
	struct weir_signal interrupt; /* these on the first worker's loop */
	struct weir_signal terminate;
	struct weir_signal hangup;
	struct weir_signal usr1;
	struct weir_signal usr2;
	struct restart restart;
	struct weir_list nats; /* on the first worker's loop */
	bool wants_queues;     /* to be printed once all snapshots are ready */
	struct weir_timer watchdog;
	struct weir_timer timer;    /* ends the grace, or the time after a
				     * replacement, then the drain */
	pthread_mutex_t start_lock; /* held until all threads have started */
	bool is_cancelled;	    /* one could not be started: all end */
	size_t n_threads;	    /* started, and to be joined */
	/* shared by all threads */
	_Atomic int phase;
	_Atomic size_t n_replaced; /* workers that listen no more */
	_Atomic size_t n_drained;  /* workers that have no clients left */
	_Atomic uint64_t n_conns;  /* of the process, for --max-conns */
	pthread_barrier_t barrier; /* for the rounds of a drain */
	_Atomic size_t n_ready[3]; /* descriptors, in a round */
};

enum server_outcome {
	SERVER_DRAINED, /* every connection was finished, nothing was lost */
	SERVER_LOST	/* something was lost, and reported in one line */
};

/* Listen at all addresses of settings. On failure listen at none, report why
 * in one line and return a negative errno. */
int server_open(struct server *server, const struct settings *settings);
/* Serve until a signal has ended it. */
enum server_outcome server_run(struct server *server);
void server_close(struct server *server);
/* The first worker's wakeup has fired. */
void server_on_wakeup(struct server *server);

static inline enum phase server_phase(struct server *server)
{
	return (enum phase)atomic_load_explicit(&server->phase,
						memory_order_relaxed);
}

#endif
