/* How it stands with every worker at a moment: for /metrics and SIGUSR1.
 *
 * Each worker counts for itself and nobody else reads that. Whoever wants to
 * know asks: each worker then writes a snapshot, in its own thread and between
 * two callbacks, and the first one reads them when all are written. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "server.h"

enum {
	MAX_SERVICES = 16, /* the back doors' among them */
	N_LONGEST = 20
};

/* All doors of one service together, open connections and closed ones. */
struct service_snapshot {
	const struct service *service;
	struct tally tally;
	uint64_t n_failures[WEIR_N_ACCEPT_FAILURES];
	uint64_t n_open;
	uint64_t n_stalled;
	uint64_t queued; /* bytes */
	uint64_t n_datagrams_received;
	uint64_t n_datagrams_sent;
	uint64_t n_datagrams_dropped;
};

/* A connection that is owed something. */
struct debtor {
	const struct service *service;
	struct weir_progress progress;
	char peer[PEER_TEXT_SIZE];
};

struct snapshot {
	_Atomic bool is_wanted; /* set by the first worker, cleared by its own
				 * when all below is written */
	size_t n_services;
	struct service_snapshot services[MAX_SERVICES];
	struct weir_loop_stats loop;
	size_t n_longest; /* queues, the longest first */
	/* and room for one that is to be ranked */
	struct debtor longest[N_LONGEST + 1];
};

/* On the first worker: ask all. Asked again meanwhile, nothing changes. */
void snapshots_ask(struct server *server);
/* All have written theirs: until the next ask they can be read. */
bool snapshots_are_ready(struct server *server);
/* On the bell of each worker. */
void snapshot_answer(struct worker *worker);

/* Put it in its place among the n longest, of which N_LONGEST stay. */
void snapshot_rank(struct debtor *longest, size_t *n,
		   const struct debtor *debtor);

#endif
