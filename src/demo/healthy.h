/* The healthy clients: each says 64 bytes every 5 ms and waits for them to
 * come back.
 *
 * Latency counts from the moment at which an echo was due, not from the one at
 * which it could be asked for: while the server is away each client asks only
 * once, and the echoes it would have asked for are late all the same. */
#ifndef DEMO_HEALTHY_H
#define DEMO_HEALTHY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "series.h"

enum {
	HEALTHY_CLIENTS = 20,
	HEALTHY_PERIOD_NS = 5000000
};

struct healthy_client {
	int fd;
	uint64_t due_ns; /* of the echo that is asked for, or the next one */
	bool is_waiting; /* it is asked for */
	size_t n_back;	 /* bytes of it that have come back */
};

struct healthy {
	struct healthy_client clients[HEALTHY_CLIENTS];
	uint64_t start_ns;
	uint64_t end_ns;  /* nothing is due from then on */
	uint64_t last_ns; /* when an echo last came back; at first start_ns */
	uint64_t longest_silence_ns;
	uint64_t n_echoes;
	bool is_broken;	       /* the server closed on one of them */
	struct series latency; /* in ns, by due time since start_ns */
};

struct sockaddr_in;

/* 0, or the errno of what could not be connected; then nothing is open. */
int healthy_open(struct healthy *healthy, const struct sockaddr_in *server);
/* From now on echoes are due, one after the other over all clients. */
void healthy_start(struct healthy *healthy, uint64_t now_ns);
/* Forget what was measured: it begins now. */
void healthy_restart(struct healthy *healthy, uint64_t now_ns);
/* Ask for what is due, for poll(2) to wait on; returns when the next is due
 * (UINT64_MAX: none). */
uint64_t healthy_ask(struct healthy *healthy, uint64_t now_ns,
		     struct pollfd pollfds[HEALTHY_CLIENTS]);
/* Take what has come back, after poll(2). */
void healthy_take(struct healthy *healthy, uint64_t now_ns,
		  const struct pollfd pollfds[HEALTHY_CLIENTS]);
/* No echo is due any more; those that were are still to come. */
void healthy_end(struct healthy *healthy, uint64_t now_ns);
bool healthy_is_done(const struct healthy *healthy);
/* Close; what has not come back by now counts as late as it is. */
void healthy_close(struct healthy *healthy, uint64_t now_ns);

#endif
