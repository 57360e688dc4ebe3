/* A watch on one end of a socketpair that notes how it is called. */
#ifndef HARNESS_PROBE_H
#define HARNESS_PROBE_H

#include <stdint.h>
#include "loop.h"

struct probe {
	struct weir_watch watch;
	int fd[2]; /* the watched end, the far end */
	unsigned n_calls;
	unsigned sequence; /* of the last call, counted over all probes */
	uint64_t turn;	   /* of the last call */
	uint32_t events;   /* of the last call */
	void (*then)(struct probe *probe); /* what it does when called */
	struct probe *other;		   /* and to whom */
};

/* An open socketpair; zeroed before but for then and other. */
void probe_open(struct probe *probe, struct weir_loop *loop, uint32_t events);
/* Close watch and descriptors; those that are closed already stay so. */
void probe_close(struct probe *probe);
/* Close the far end, which makes the watched one ready with EPOLLHUP. */
void probe_hang_up(struct probe *probe);
/* Write a byte to the far end, which makes the watched one readable. */
void probe_poke(struct probe *probe);
/* Read all that is there. */
void probe_drain(struct probe *probe);
/* A probe's on_ready. */
void probe_note(struct weir_watch *watch, uint32_t events);

#endif
