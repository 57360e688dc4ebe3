/* Admission: whether an accepted connection is served. */
#ifndef ADMISSION_H
#define ADMISSION_H

#include "endpoint.h"

/* fd has been accepted: serve it, now or after its PROXY header, or close
 * it. */
void admission_receive(struct endpoint *endpoint, int fd,
		       const struct weir_address *peer);
/* The client's address is known: serve the connection, or close it.
 * destination: where the client connected to, as a PROXY header tells it;
 * NULL: to this endpoint. */
void admission_serve(struct endpoint *endpoint, int fd,
		     const struct weir_address *peer,
		     const struct weir_address *destination);
/* Count and log why it is not served, then close fd, by a reset if the reason
 * is the server's own. text NULL: the refusal's own words. */
void admission_refuse(struct endpoint *endpoint, int fd, enum refusal refusal,
		      const char *text);
/* The same without a line in the log. */
void admission_drop(struct endpoint *endpoint, int fd, enum refusal refusal);
/* A connection that was served, from this address, has gone. */
void admission_release_source(struct endpoint *endpoint,
			      const struct weir_address *peer);
/* A connection that --max-conns counts has gone. */
void admission_release(struct endpoint *endpoint);

#endif
