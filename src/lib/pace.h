/* How fast a peer takes what it is sent, judged now and then.
 *
 * A look compares what the peer's kernel has taken since the look before. On
 * TCP that is what it acknowledged; elsewhere SIOCOUTQ counts overhead too, so
 * that only its fall says something, and bytes are known when they move.
 *
 * Of the time between two looks at most one period is charged: the rest was
 * the loop's own absence.
 */
#ifndef WEIR_LIB_PACE_H
#define WEIR_LIB_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* What is asked of the peer; WEIR_NEVER for a time that is not. */
struct weir_pace_limits {
	uint64_t stall_ns;
	uint64_t window_ns;
	uint64_t min_rate; /* bytes a second over each window */
};

enum weir_pace_verdict {
	WEIR_PACE_FINE,
	WEIR_PACE_STALLED,
	WEIR_PACE_TOO_SLOW
};

/* Zeroed: nobody looks. */
struct weir_pace {
	uint64_t look_ns; /* the last look; 0: none since it began to wait */
	uint64_t look_sent;
	int look_unacked;
	bool has_drained;    /* everything was taken since the last look */
	uint64_t unmoved_ns; /* charged since the peer last took something */
	uint64_t window_ns;  /* charged so far */
	uint64_t window_taken;
};

/* How often to look. */
uint64_t weir_pace_period(const struct weir_pace_limits *limits);
/* Begin: sent bytes were handed to the socket fd so far. */
void weir_pace_begin(struct weir_pace *pace, int fd, uint64_t sent,
		     uint64_t now_ns);
enum weir_pace_verdict weir_pace_look(struct weir_pace *pace, int fd,
				      bool is_tcp, uint64_t sent,
				      const struct weir_pace_limits *limits,
				      uint64_t now_ns);

#endif
