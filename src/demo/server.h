/* What a strategy serves, and what it reports: the same clients, from one
 * thread. One that says '?' is owed the debt, all of it; everything else is
 * echoed. */
#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "series.h"

struct server {
	int listener_fd;    /* all clients have connected; to be closed */
	unsigned n_clients; /* when all have gone it is over */
	const void *debt;   /* what a client that says '?' is owed */
	size_t n_debt;
	uint64_t start_ns;   /* of the series below */
	struct calls calls;  /* of the thread that serves */
	struct series queue; /* bytes in the send queue, over time */
	size_t queue_peak;
	int error; /* what kept it from serving: errno, or 0 */
};

/* The send queue holds n_bytes now. */
void server_queued(struct server *server, size_t n_bytes);

#endif
