/* Endpoints of datagram sockets. */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include "endpoint.h"

/* Bind the worker's next endpoint to address, or let it have fd, a socket that
 * is bound, unless fd is negative. On failure fd stays the caller's. */
int datagrams_open(struct endpoint *endpoint,
		   const struct weir_address *address, int fd);
/* Logs one line if datagrams were lost. Closing a closed one does nothing. */
void datagrams_close(struct endpoint *endpoint);
/* Whether a datagram from there may be answered; counted if not. A UDP source
 * can be forged: an answer to another server, or to this one, would be answered
 * in turn and so on, and many answers would be a flood for the machine whose
 * address was used. */
bool datagrams_may_answer(struct weir_dgram *d,
			  const struct weir_dgram_received *in);
/* Every service's on_drain. */
void datagrams_on_drain(struct weir_dgram *d);

#endif
