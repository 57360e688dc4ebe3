/* One connection of a struct nats: its greeting, the lines both ways, and the
 * PINGs that confirm them. nats.c has what comes before and after. */
#ifndef NATS_SESSION_H
#define NATS_SESSION_H

#include "nats.h"

/* fd is connected: say hello. On failure it stays the caller's. */
int nats_session_open(struct nats *nats, int fd);
/* The timer of a connection has expired: see that the server is there. */
void nats_session_check(struct nats *nats);
/* Let events->on_room publish what waits, and have it confirmed. */
void nats_session_publish(struct nats *nats);

/* Tell the receivers, once, that lines were missed while there was no
 * connection. False: there is no room for it. */
bool nats_session_tell_gap(struct nats *nats);

/* In nats.c: the last call of the connection. */
void nats_on_close(struct weir_conn *c, const struct weir_result *result);
void nats_on_timer(struct weir_timer *timer);

#endif
