/* --accept-proxy: accepted connections whose PROXY header has not come. */
#ifndef PROXY_H
#define PROXY_H

#include "endpoint.h"

/* Wait for the PROXY header at fd, then pass the connection to
 * admission_serve with the address that the header tells. */
void proxy_receive(struct endpoint *endpoint, int fd,
		   const struct weir_address *peer);
/* Refuse those that still wait. */
void proxy_close(struct endpoint *endpoint);

#endif
