/* The timers of a run, which are on time also when the loop is busy. */
#ifndef FLOOD_TIMERS_H
#define FLOOD_TIMERS_H

#include <weir.h>

/* Of those that are due at once, the first goes first. */
enum timers_index {
	TIMERS_PACE,
	TIMERS_TICK,
	TIMERS_PHASE,
	TIMERS_TIMEOUT,
	TIMERS_N
};

struct timers {
	struct weir_loop *loop;
	struct weir_timer all[TIMERS_N];
	weir_timer_fn *on_expire[TIMERS_N]; /* of each, when armed */
	uint64_t next_ns;		    /* the earliest deadline */
};

void timers_arm(struct timers *timers, enum timers_index i,
		uint64_t deadline_ns, weir_timer_fn *on_expire);
void timers_cancel(struct timers *timers, enum timers_index i);
/* Run the one that is due first, if one is. */
void timers_catch_up(struct timers *timers, uint64_t now_ns);

/* To be called where the time has just been read: among ten thousand
 * connections that are ready, the loop's timers have to wait for their turn,
 * and what is due would be late. */
static inline void timers_check(struct timers *timers, uint64_t now_ns)
{
	if (now_ns >= timers->next_ns)
		timers_catch_up(timers, now_ns);
}

#endif
