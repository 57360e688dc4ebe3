/* weir-server: what its files share.
 *
 *	main.c	     from the command line to the exit status
 *	options.c    the command line: settings, or one line of refusal
 *	offers.c     what is offered where
 *	systemd.c    sockets that are open already, and who wants to know
 *	server.c     the process: its workers, from opening to draining
 *	worker.c     one loop in one thread, and all that hangs on it
 *	doors.c	     the addresses it listens on
 *	newcomers.c  who comes in
 *	datagrams.c  the doors of datagram sockets
 *	proxy.c	     the PROXY header of a load balancer in front
 *	clients.c    the memory of the connections, and who the peers are
 *	log.c	     lines on standard error that never wait for it
 *	trace.c	     --trace: what the send path does, as it happens
 *	snapshot.c   how it stands with every worker at a moment
 *	queues.c     SIGUSR1: the longest send queues
 *	metrics.c    the service that answers scrapers: http.c reads what
 *		     they ask, exposition.c writes what they get
 *
 * and one file for each service.
 *
 * A worker is one loop in one thread, and all that hangs on it; workers share
 * the constant settings, and the few fields of struct server that say so.
 * They tell each other something by leaving it there, and ringing a bell. The
 * first worker runs in the main thread, and has the signals. */
#ifndef SERVER_H
#define SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "service.h"
#include "settings.h"

struct server;
struct snapshot;

/* -- a worker -- */

struct worker {
	struct weir_loop *loop;
	struct server *server;
	const struct settings *settings;
	size_t number; /* from 0, which is the main thread's */
	pthread_t thread;
	/* Whoever has left something for this worker rings: the phase has
	 * changed, or a service's on_bell finds out what. */
	struct weir_wakeup bell;
	_Atomic bool is_asked; /* whether it turns; the bell's is the answer */
	struct weir_observer observer;
	struct snapshot *snapshot;
	struct door *doors;
	size_t n_doors;
	size_t n_clients; /* of services that are not private, and of those */
	size_t n_private; /* that are */
	/* connections that the end of the server cost something, and the bytes
	 * that were dropped with them */
	uint64_t n_lost;
	uint64_t lost;
	uint64_t n_lines_lost; /* of the log */
};

/* -- the process -- */

/* Only forwards, and only by the first worker. */
enum phase {
	PHASE_SERVING,
	PHASE_GRACE,	/* serving still, but /healthz says to look away */
	PHASE_DRAINING, /* nobody comes in, everybody is finished */
	PHASE_ABORTING, /* everybody is reset */
	PHASE_OVER	/* every worker is empty: its thread ends */
};

struct server {
	const struct settings *settings;
	struct worker *workers;
	size_t n_workers;
	struct weir_signal interrupt; /* these on the first worker's loop */
	struct weir_signal terminate;
	struct weir_signal usr1;
	bool wants_queues; /* printed, when all snapshots are ready */
	struct weir_timer watchdog;
	struct weir_timer timer; /* until the grace, then the drain, is over */
	pthread_mutex_t gate; /* threads wait here for one another to start */
	bool is_called_off;   /* what they find there: they shall not */
	size_t n_threads;     /* started, and to be joined */
	/* shared by all threads */
	_Atomic int phase;
	_Atomic size_t n_drained;  /* workers without clients, in the end */
	_Atomic uint64_t n_conns;  /* of the process, for --max-conns */
	pthread_barrier_t barrier; /* for the rounds of a drain */
	_Atomic size_t n_ready[3]; /* descriptors, in a round */
};

enum server_outcome {
	SERVER_DRAINED, /* every connection was finished, and nothing lost */
	SERVER_LOST	/* something was: a line said what */
};

/* Listen at every address of settings, or at none: then one line says why,
 * and a negative errno is returned. */
int server_open(struct server *server, const struct settings *settings);
/* Serve until a signal has ended it. */
enum server_outcome server_run(struct server *server);
void server_close(struct server *server);
/* The first worker's bell has rung. */
void server_on_bell(struct server *server);

/* -- worker.c -- */

int worker_open(struct worker *worker, struct server *server, size_t number);
/* Serve, then drain. The first worker returns when all are drained, the
 * others when the phase is over. */
void worker_run(struct worker *worker);
/* Let nobody in to the private services any more, and finish theirs. */
void worker_end(struct worker *worker);
/* Reset the connections of the services that are private, or of all others. */
void worker_abort(struct worker *worker, bool is_private);
void worker_close(struct worker *worker);

static inline enum phase server_phase(struct server *server)
{
	return (enum phase)atomic_load_explicit(&server->phase,
						memory_order_relaxed);
}

/* -- doors.c -- */

/* Listen at every address of the settings; or tell why not, and leave what is
 * open to doors_close. */
int doors_open(struct worker *worker);
/* Say where. */
void doors_announce(struct worker *worker);
/* Let in those who wait at the doors that are private, or at the others, and
 * nobody after them. */
void doors_shut(struct worker *worker, bool is_private);
/* Hear no more datagrams, and tell of those that were lost. */
void doors_hush(struct worker *worker);
/* After the last connection. */
void doors_close(struct worker *worker);

/* -- datagrams.c -- */

int datagrams_open(struct door *door, const struct weir_address *address);
/* One line if some were lost. A closed one stays so. */
void datagrams_close(struct door *door);
/* Every service's on_drain. */
void server_on_drain(struct weir_dgram *d);

/* -- lines on standard error -- */

/* "weir-server: ..." unless --quiet. */
void log_say(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "trace ...", also with --quiet. */
void log_trace(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, also with --quiet: somebody has asked for it. */
void log_print(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Why the program does not start, or stops: always, and waiting if need be. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* -- trace -- */

/* Print what the connections of this worker send from now on. */
void trace_start(struct worker *worker);

#endif
