/* The longest turn of a loop, and the kind of work that took most of it.
 *
 * A turn is cut into laps, one for each piece of work, and the laps of a kind
 * are added up. Laps are measured by CLOCK_MONOTONIC, which is cheap to read,
 * and the turn by its thread's CPU time, which excludes waiting. See
 * weir_loop_time_turns in <weir/loop.h>.
 */
#ifndef WEIR_STOPWATCH_H
#define WEIR_STOPWATCH_H

#include <stdint.h>

#include <weir/loop.h>

/* Zeroed: not begun. */
struct weir_stopwatch {
	uint64_t cpu_ns; /* the thread's at the last turn's end; 0: not begun */
	uint64_t lap_ns; /* when the lap began */
	uint64_t spent_ns[WEIR_N_WORKS]; /* in this turn */
	uint64_t longest_ns;		 /* 0: no turn yet */
	enum weir_work longest_in;
};

/* Begin a turn and its first lap. */
void weir_stopwatch_begin_turn(struct weir_stopwatch *stopwatch);
/* Begin a lap; the time before it belongs to no lap. */
void weir_stopwatch_begin_lap(struct weir_stopwatch *stopwatch);
/* End the lap, which was spent on work, and begin the next. */
void weir_stopwatch_lap(struct weir_stopwatch *stopwatch, enum weir_work work);
void weir_stopwatch_end_turn(struct weir_stopwatch *stopwatch);

#endif
