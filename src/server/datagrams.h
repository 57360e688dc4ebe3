/* Endpoints of datagram sockets. */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include "endpoint.h"

int datagrams_open(struct endpoint *endpoint,
		   const struct weir_address *address);
/* Logs one line if datagrams were lost. Closing a closed one does nothing. */
void datagrams_close(struct endpoint *endpoint);
/* Every service's on_drain. */
void datagrams_on_drain(struct weir_dgram *d);

#endif
