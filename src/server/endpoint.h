/* An endpoint: one listening address of one worker, its connections, and what
 * they add up to. A worker opens all of its endpoints or none. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "counters.h"
#include "endpoint_config.h"
#include "log.h"
#include "service.h"
#include "worker.h"

/* How the PROXY header of a client failed. */
enum proxy_failure {
	PROXY_FAILED_LATE,
	PROXY_FAILED_WRONG,
	PROXY_FAILED_CUT, /* the client ended before it was whole */
	PROXY_FAILED_ERROR,
	PROXY_FAILED_STOP, /* the server stops */
	N_PROXY_FAILURES
};

/* The lines that clients can cause, each kind with a limit of its own: a flood
 * of one does not hide another. */
struct lines {
	struct log_limit refused[N_REFUSALS];
	struct log_limit proxy[N_PROXY_FAILURES];
	struct log_limit closed[WEIR_N_REASONS];
	struct log_limit unconnected;
	struct log_limit half_closed;
	struct log_limit target;
	struct log_limit datagrams;
};

struct endpoint {
	struct worker *worker;
	const struct service *service;
	const struct endpoint_config *config;
	void *state;			      /* the service's own */
	struct weir_conn_limits limits;	      /* of its connections */
	struct weir_conn_limits drain_limits; /* the same with --drain-idle */
	struct weir_listener listener; /* one of these two is open, or none */
	struct weir_dgram dgram;       /* if it holds target connections */
	uint64_t *buckets;	       /* datagrams.c: of UDP, for the rate */
	struct endpoint *target;       /* of service->target; NULL: none */
	int family;		       /* of the address */
	bool is_full;		  /* --max-conns: the last one was refused */
	struct weir_list roomy;	  /* blocks of client.c with a free slot */
	struct weir_list full;	  /* and those without */
	struct weir_list pending; /* proxy.c: waiting for their PROXY header */
	size_t n_pending;
	size_t n_clients;
	struct lines lines;
	struct counters counters;
};

/* Listen at every address of the settings. On failure report why; what is
 * open is closed by endpoint_close_all. */
int endpoint_open_all(struct worker *worker);
/* Log where. */
void endpoint_announce_all(struct worker *worker);
/* The files of its Unix sockets are this process's to remove, or another's. */
void endpoint_own_files(struct worker *worker, bool is_owner);
/* Accept what waits at the private endpoints, or at all others, then stop
 * listening there. */
void endpoint_stop_listening(struct worker *worker, bool is_private);
/* Another process receives the datagrams. */
void endpoint_leave_datagrams(struct worker *worker);
/* Close the datagram sockets, and the connections whose PROXY header has not
 * come. */
void endpoint_stop_receiving(struct worker *worker);
/* After the last connection has closed. */
void endpoint_close_all(struct worker *worker);

bool endpoint_is_listening(const struct endpoint *endpoint);
bool endpoint_takes_datagrams(const struct endpoint *endpoint);

#endif
