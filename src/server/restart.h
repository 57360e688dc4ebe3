/* SIGUSR2: starting the installed program anew, handing it every listening
 * socket, and letting it serve from then on. */
#ifndef RESTART_H
#define RESTART_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include <weir.h>

struct server;

/* In the server; zeroed. All of it belongs to the first worker. */
struct restart {
	char path[PATH_MAX];	/* of the program */
	pid_t pid;		/* of the new process; 0: none starts */
	struct weir_watch told; /* the pipe by which it says that it listens */
	struct weir_timer late;
};

/* Note where the program is now: whatever is there later is what starts. */
void restart_open(struct restart *restart);
/* Start it, unless it starts already or this server stops. From the loop
 * follows server_replace, or a line why not. */
void restart_begin(struct server *server);
/* End the new process if it starts still. */
void restart_cancel(struct server *server);

#endif
