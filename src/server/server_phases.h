/* How a server stops: each function may move it to a later phase. They are for
 * the first worker's thread. */
#ifndef SERVER_PHASES_H
#define SERVER_PHASES_H

#include "server.h"

/* For a signal: the first ends serving, the second ends the drain. */
void server_stop(struct server *server);
/* The process of that number listens in this one's place. */
void server_replace(struct server *server, pid_t pid);
/* Once it is replaced: drain if no worker accepts any more, and no client is
 * left. */
void server_check_replaced(struct server *server);
/* No worker has clients: the private services give their last answers. */
void server_finish(struct server *server);

#endif
