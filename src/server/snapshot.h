/* The state of all workers at one moment, for /metrics and SIGUSR1.
 *
 * Each worker's counters are read by its own thread alone. The first worker
 * asks for snapshots; each worker writes its own in its own thread, between
 * two callbacks; the first one reads them when all are written. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "client.h"

enum {
	MAX_SERVICES = 16, /* including those of target connections */
	N_LONGEST = 20
};

/* All endpoints of one service, with open and closed connections. */
struct service_snapshot {
	const struct service *service;
	struct counters counters;
	uint64_t n_failures[WEIR_N_ACCEPT_FAILURES];
	uint64_t n_open;
	uint64_t n_pending;
	uint64_t n_stalled;
	uint64_t queued; /* bytes */
	uint64_t unread; /* bytes received, that the service has not used */
	uint64_t n_datagrams_received;
	uint64_t n_datagrams_sent;
	uint64_t n_datagrams_dropped;
};

/* A connection with bytes queued for it. */
struct debtor {
	const struct service *service;
	struct weir_progress progress;
	char peer[PEER_TEXT_SIZE];
};

struct snapshot {
	_Atomic bool is_wanted; /* set by the first worker, cleared by its own
				 * when the rest is written */
	size_t n_services;
	struct service_snapshot services[MAX_SERVICES];
	struct weir_loop_stats loop;
	size_t n_longest; /* queues, the longest first */
	/* with room for one to be ranked */
	struct debtor longest[N_LONGEST + 1];
};

/* On the first worker: ask all. Asking again meanwhile changes nothing. */
void snapshots_ask(struct server *server);
/* All are written, and can be read until the next snapshots_ask. */
bool snapshots_are_ready(struct server *server);
/* In each worker, when its wakeup fires. */
void snapshot_answer(struct worker *worker);

/* Insert it into the n longest, sorted, of which N_LONGEST are kept. */
void snapshot_rank(struct debtor *longest, size_t *n,
		   const struct debtor *debtor);

#endif
