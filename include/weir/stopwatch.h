/* Which turn of a loop was the longest, and what took most of it.
 *
 * A turn is cut into laps, one for each piece of work, and the laps of a kind
 * are added up. Laps go by the clock on the wall, the turn itself by its
 * thread's CPU time: one is cheap to read, the other is not misled by waiting.
 *
 * Internal, but for the kinds of work: see weir_loop_time_turns in loop.h.
 */
#ifndef WEIR_STOPWATCH_H
#define WEIR_STOPWATCH_H

#include <stdint.h>

/* What a loop's thread works at: the closed list that statistics and metrics
 * share. The first ones are callbacks in a turn's dispatch. */
enum weir_work {
	WEIR_WORK_WATCH,      /* weir_watch of the user's own */
	WEIR_WORK_CONNECTION, /* on_data and what follows from it */
	WEIR_WORK_LISTENER,
	WEIR_WORK_CONNECTOR,
	WEIR_WORK_DGRAM,
	WEIR_WORK_SIGNAL,
	WEIR_WORK_WAKEUP,
	WEIR_WORK_TIMER,  /* the limits of connections, too */
	WEIR_WORK_CLOSE,  /* on_close, and input from before an error */
	WEIR_WORK_FLUSH,  /* connections that others wrote to */
	WEIR_WORK_COMMIT, /* changes of interest, going to epoll */
	WEIR_N_WORKS
};

/* "watch", "connection", ...: the enumerator's name in lower case, a static
 * string that metrics and logs may use as a label. NULL for a number that is
 * none. */
const char *weir_work_name(enum weir_work work);

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
