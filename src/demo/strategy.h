/* The seven ways of sending. Each is a file of its own and has one idea; six of
 * them run on a plain epoll server, plain.c. */
#ifndef DEMO_STRATEGY_H
#define DEMO_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STRATEGY_COUNT = 7,
	/* what a source hands out at a time */
	STRATEGY_PIECE = 65536
};

/* What can become of it; 0: all is right. */
enum outcome {
	OUTCOME_LOST = 1,    /* bytes are missing */
	OUTCOME_CORRUPT = 2, /* a byte is wrong */
	OUTCOME_FROZE = 4,   /* while one did not read no other was served */
	OUTCOME_SPUN = 8,    /* calls without end that did nothing */
	OUTCOME_HOARDED = 16 /* the queue grew nearly as large as the debt */
};

struct plain_client;
struct server;

struct strategy {
	const char *name;
	const char *how;   /* what it does, in a line */
	unsigned expected; /* enum outcome: what it should show */
	/* on the plain server: */
	void (*give)(struct plain_client *client); /* it has asked */
	void (*on_writable)(
		struct plain_client *client); /* NULL: never waits */
	bool is_always_armed;
	/* on a server of its own, until all clients have gone: */
	void (*serve)(struct server *server);
	size_t queue_max; /* what its queue is limited to; 0: nothing */
};

extern const struct strategy strategy_send_once;
extern const struct strategy strategy_article_loop;
extern const struct strategy strategy_sendall_blocking;
extern const struct strategy strategy_sendall_spin;
extern const struct strategy strategy_queue_unbounded;
extern const struct strategy strategy_queue_always_armed;
extern const struct strategy strategy_weir;

/* In the order in which they are told. */
extern const struct strategy *const strategies[STRATEGY_COUNT];
/* NULL: there is none of that name. */
const struct strategy *strategy_find(const char *name);

/* Serve until all clients have gone. */
void strategy_serve(const struct strategy *strategy, struct server *server);

#endif
