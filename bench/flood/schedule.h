/* When each message of an open loop is to be sent: at fixed distances, or as
 * a Poisson process, whose distances are exponential and which is what many
 * independent users make together. The rate may grow or fall meanwhile, evenly
 * or in steps.
 *
 * The times are computed from the start and never from what was really sent,
 * so that a slow target, or a late generator, cannot talk the load down.
 */
#ifndef FLOOD_SCHEDULE_H
#define FLOOD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule_ramp {
	uint64_t rate; /* at its end; 0: there is no ramp */
	uint64_t start_ns;
	uint64_t length_ns;
	uint64_t n_steps; /* of equal length; 0: evenly */
};

struct schedule {
	uint64_t next_ns;	   /* of the message that is next */
	uint64_t rate;		   /* a second */
	struct schedule_ramp ramp; /* from that rate on */
	bool is_poisson;
	uint64_t random; /* state */
	uint64_t rest;	 /* fixed: of the division, below rate */
	double fraction; /* Poisson, or a ramp: of a ns, below 1 */
};

/* The first message is due at start_ns. */
void schedule_init(struct schedule *schedule, uint64_t start_ns, uint64_t rate,
		   bool is_poisson, uint64_t seed);

/* On to the one after next_ns. */
void schedule_advance(struct schedule *schedule);

/* How many a second there are at next_ns. */
double schedule_rate(const struct schedule *schedule);

/* Random numbers, also for other uses: splitmix64. */
uint64_t schedule_random(uint64_t *state);

#endif
