/* The signals of the server. */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include "server.h"

/* Before any thread starts: the signals are blocked in all of them. Returns a
 * negative errno after a line. */
int server_signals_open(struct server *server);
/* Those of them that are open. */
void server_signals_close(struct server *server);

#endif
