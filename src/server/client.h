/* A client: a connection of an endpoint, with its peer's address and what the
 * service keeps for it. */
#ifndef CLIENT_H
#define CLIENT_H

#include "endpoint.h"

enum {
	PEER_TEXT_SIZE = WEIR_ADDRESS_TEXT_SIZE
};

/* A zeroed connection for the peer at fd; destination as admission_serve has
 * it. NULL: no memory. */
struct weir_conn *client_new(struct endpoint *endpoint, int fd,
			     const struct weir_address *peer,
			     const struct weir_address *destination);
/* After on_close, or when it could not be opened. */
void client_free(struct weir_conn *c);
/* visit must not free. */
void client_for_each(struct endpoint *endpoint,
		     void (*visit)(struct weir_conn *c, void *arg), void *arg);
/* Every service's on_close: count, log, free. */
void client_on_close(struct weir_conn *c, const struct weir_result *result);

struct endpoint *client_endpoint(const struct weir_conn *c);
/* The state_size bytes that its service keeps for it. */
void *client_state(const struct weir_conn *c);
/* The peer's address, without a path if it is a Unix socket. */
void client_address(const struct weir_conn *c, struct weir_address *peer);
/* Where it connected to, as a PROXY header tells it, or the address of the
 * endpoint. */
void client_destination(const struct weir_conn *c,
			struct weir_address *destination);
/* The peer's address, or the process of a Unix peer, as a text of
 * PEER_TEXT_SIZE; returns text. */
const char *client_peer(const struct weir_conn *c, char *text);

#endif
