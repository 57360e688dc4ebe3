/* The sockets that a supervisor has opened, given to the endpoints they are for. */
#ifndef ENDPOINT_SOCKETS_H
#define ENDPOINT_SOCKETS_H

#include "endpoint_config.h"
#include "systemd.h"

/* fd is -1 once a socket belongs to an endpoint. */
struct endpoint_sockets {
	struct inherited *inherited; /* owned */
	int n;
};

/* What the process before this one has handed over goes to *handover, not to
 * sockets. Returns 0, or a negative number after a line. Without
 * arguments the sockets were meant to be all that there is: if they are another
 * process's, starting with the defaults would be wrong. */
int endpoint_sockets_take(struct endpoint_sockets *sockets,
			  struct handover **handover, bool has_arguments);
void endpoint_sockets_free(struct endpoint_sockets *sockets);
/* Give config all sockets of that name: a socket unit has one name for all of
 * its own. False after a line. */
bool endpoint_sockets_adopt(struct endpoint_config *config,
			    struct endpoint_sockets *sockets, const char *name);

#endif
