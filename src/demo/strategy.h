/* The seven ways of sending, and the stage on which each is tried.
 *
 * All serve the same audience from one thread. Whoever says '?' is owed the
 * debt, all of it; everything else is echoed. Each strategy is a file of its
 * own and has one idea; what they share, a plain epoll server, is plain.c. */
#ifndef DEMO_STRATEGY_H
#define DEMO_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "series.h"

enum {
	STRATEGY_COUNT = 7,
	/* what a source hands out at a time */
	STRATEGY_PIECE = 65536
};

/* What can become of it; 0: all is right. */
enum outcome {
	OUTCOME_LOST = 1,    /* bytes are missing */
	OUTCOME_CORRUPT = 2, /* a byte is wrong */
	OUTCOME_FROZE = 4,   /* while one stopped reading nobody was served */
	OUTCOME_SPUN = 8,    /* calls without end that did nothing */
	OUTCOME_HOARDED = 16 /* the queue grew nearly as large as the debt */
};

/* What a strategy gets, and what it reports. */
struct stage {
	int listener_fd;     /* the audience has connected; to be closed */
	unsigned n_audience; /* so many; when all have gone it is over */
	const void *debt;    /* what is owed to who says '?' */
	size_t n_debt;
	uint64_t start_ns;   /* of the series below */
	struct calls calls;  /* of the thread that serves */
	struct series queue; /* bytes in the send queue, over time */
	size_t queue_peak;
	int error; /* what kept it from serving: errno, or 0 */
};

/* The send queue holds n_bytes now. */
void stage_queued(struct stage *stage, size_t n_bytes);

/* One client of the plain server. */
struct guest {
	int fd; /* non-blocking; -1: gone */
	struct stage *stage;
	int epoll_fd;
	bool is_waiting;	   /* for room */
	const unsigned char *data; /* what it is owed, and how much; */
	size_t n;		   /* 0 before it has asked */
	/* the strategy's own: how far it is, what it has put into its queue
	 * and how much of that, and how far it is with the source */
	size_t sent;
	unsigned char *queue; /* freed when the guest has gone */
	size_t n_queued;
	size_t fetched;
};

/* Call the strategy's on_writable when there is room, or no more. */
void guest_wait_for_room(struct guest *guest, bool is_waiting);
/* All is said: FIN, and it is closed when the guest's own FIN comes. */
void guest_finish(struct guest *guest);
/* Close at once: it is broken. */
void guest_drop(struct guest *guest);

struct strategy {
	const char *name;
	const char *how;   /* what it does, in a line */
	unsigned expected; /* enum outcome: what it is here to show */
	/* on the plain server: */
	void (*give)(struct guest *guest);	  /* it has asked */
	void (*on_writable)(struct guest *guest); /* NULL: never waits */
	bool is_always_armed;
	/* on a server of its own, until the audience has gone: */
	void (*serve)(struct stage *stage);
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

/* Serve with strategy until the audience has gone. */
void strategy_serve(const struct strategy *strategy, struct stage *stage);

/* The plain server: plain.c. */
void plain_serve(const struct strategy *strategy, struct stage *stage);

#endif
