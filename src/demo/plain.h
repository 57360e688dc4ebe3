/* The plain server: one thread, level-triggered epoll, non-blocking sockets. */
#ifndef DEMO_PLAIN_H
#define DEMO_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "server.h"
#include "strategy.h"

/* Serve with strategy until all clients have gone. */
void plain_serve(const struct strategy *strategy, struct server *server);

struct plain_client {
	int fd; /* non-blocking; -1: gone */
	struct server *server;
	int epoll_fd;
	bool is_waiting;	   /* for room */
	const unsigned char *data; /* what it is owed, and how much; */
	size_t n;		   /* 0 before it has asked */
	/* the strategy's own: how far it is, what it has put into its queue
	 * and how much of that, and how far it is with the source */
	size_t sent;
	unsigned char *queue; /* freed when the client has gone */
	size_t n_queued;
	size_t fetched;
};

/* Send what the kernel takes of the queue. False: the client was dropped. */
bool plain_send_queue(struct plain_client *client);
/* Call the strategy's on_writable when there is room, or no more. */
void plain_wait_for_room(struct plain_client *client, bool is_waiting);
/* All is said: FIN, and it is closed when the client's own FIN comes. */
void plain_finish(struct plain_client *client);
/* Close at once: it is broken. */
void plain_drop(struct plain_client *client);

#endif
