/* Which turn of a loop was the longest, and what took most of it.
 *
 * A turn is cut into laps, one for each piece of work, and the laps of a kind
 * are added up. Laps go by the clock on the wall, the turn itself by its
 * thread's CPU time: one is cheap to read, the other is not misled by waiting.
 * See weir_loop_time_turns in <weir/loop.h>.
 */
#ifndef WEIR_STOPWATCH_H
#define WEIR_STOPWATCH_H

#include <stdint.h>

#include <weir/loop.h>

/* Zeroed: not begun. */
struct weir_stopwatch {
	uint64_t cpu_ns; /* the thread's, as the last turn ended; 0: not yet */
	uint64_t lap_ns; /* when the lap began */
	uint64_t spent_ns[WEIR_N_WORKS]; /* in this turn */
	uint64_t longest_ns;		 /* 0: none */
	enum weir_work longest_in;
};

/* A turn begins, and its first lap. */
void weir_stopwatch_begin_turn(struct weir_stopwatch *stopwatch);
/* A lap begins; what came before belongs to none. */
void weir_stopwatch_begin_lap(struct weir_stopwatch *stopwatch);
/* The lap went to work; the next one begins. */
void weir_stopwatch_lap(struct weir_stopwatch *stopwatch, enum weir_work work);
void weir_stopwatch_end_turn(struct weir_stopwatch *stopwatch);

#endif
