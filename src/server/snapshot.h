/* The state of all workers at one moment, for the metrics and SIGUSR1.
 *
 * Each worker's counters are read by its own thread alone. The first worker
 * asks for snapshots; each worker writes its own in its own thread, between
 * two callbacks; the first one reads them when all are written. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "client.h"
#include "closes.h"

enum {
	MAX_SERVICES = 16, /* including those of target connections */
	N_LONGEST = 64,
	N_SIZES = 10
};

/* What a connection is doing, for people. */
enum conn_state {
	STATE_FLOWING,
	STATE_THROTTLED, /* its queue is at high */
	STATE_STALLED,	 /* its kernel has accepted nothing for a while */
	STATE_DRAINING,	 /* it is being finished */
	N_STATES
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

/* One of the connections that owe most. */
struct debtor {
	const struct service *service;
	enum conn_state state;
	int fd;
	struct weir_conn_limits limits;
	struct weir_progress progress;
	char peer[PEER_TEXT_SIZE];
};

struct snapshot {
	_Atomic bool is_wanted; /* set by the first worker, cleared by its own
				 * when the rest is written */
	/* set with it: what the kernel holds for the debtors is asked, too, and
	 * a new time begins for recent_turn_ns */
	_Atomic bool is_live;
	size_t n_services;
	struct service_snapshot services[MAX_SERVICES];
	struct weir_loop_stats loop;
	uint64_t recent_turn_ns; /* the longest since the last live one */
	/* connections by what is queued for them: nothing, less than 1 KiB,
	 * less than 4 KiB, and so on */
	uint64_t n_by_size[N_SIZES][N_STATES];
	size_t n_longest; /* queues, the longest first */
	struct debtor longest[N_LONGEST];
	struct closes closes;
};

/* One of many things, of which the greatest are wanted. */
struct ranked {
	uint64_t by;
	void *thing;
};

/* On the first worker: ask all. Asking again meanwhile changes nothing. */
void snapshots_ask(struct server *server, bool is_live);
/* All are written, and can be read until the next snapshots_ask. */
bool snapshots_are_ready(struct server *server);
/* In each worker, when its wakeup fires. */
void snapshot_answer(struct worker *worker);

/* In each worker, between two turns. */
void snapshot_between_turns(struct worker *worker);

/* Insert it into the n greatest, sorted; max + 1 have room there, and max are
 * kept. */
void ranked_insert(struct ranked *ranked, size_t *n, size_t max,
		   struct ranked next);
/* The N_LONGEST longest queues of all workers, each a struct debtor; returns
 * how many there are. */
size_t snapshots_rank(struct server *server, struct ranked ranked[]);

#endif
