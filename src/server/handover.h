/* What the process before this one has handed over (restart.c): its sockets,
 * and the pipe by which it hears that this one listens. They come as a
 * supervisor's sockets do; their names tell them apart. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include <weir.h>

struct inherited;

enum {
	HANDOVER_SERVICE_SIZE = 16
};

struct handed {
	int fd; /* -1: it was taken */
	size_t worker;
	char service[HANDOVER_SERVICE_SIZE];
	struct weir_address address; /* that it is bound to */
};

struct handover {
	int ready_fd;
	size_t n;
	struct handed sockets[];
};

/* The names that the process before this one gives. */
extern const char handover_ready_name[];
void handover_socket_name(char *name, size_t size, size_t worker,
			  const char *service);

/* Take what was handed over out of the n inherited descriptors, which then
 * have the fd -1. *handover is NULL if it was nothing; -ENOMEM. */
int handover_take(struct handover **handover, struct inherited *inherited,
		  int n);
/* The socket of this worker for address, once; -1: there is none. An address
 * of port 0 is that of any socket of the service; any other is served by
 * whatever service it belongs to now. The caller owns the descriptor. */
int handover_find(struct handover *handover, size_t worker, const char *service,
		  const struct weir_address *address);
/* Every address is open: close what nobody has taken. */
void handover_close_rest(struct handover *handover);
/* Say that this process listens. */
void handover_tell_ready(struct handover *handover);
/* NULL: nothing to do. */
void handover_free(struct handover *handover);

#endif
