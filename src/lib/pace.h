/* How fast a peer takes what it is sent, judged by periodic looks.
 *
 * A look finds what the peer's kernel has taken since the look before. On TCP
 * that is what it acknowledged. On other sockets SIOCOUTQ counts overhead, too:
 * a fall shows progress, but bytes are counted only as they leave our queue.
 *
 * At most one period is charged for the time between two looks: for the rest
 * the loop itself was away.
 */
#ifndef WEIR_LIB_PACE_H
#define WEIR_LIB_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* The limits that a peer must keep; a time of WEIR_NEVER is no limit. */
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

/* Zeroed: not looking. */
struct weir_pace {
	uint64_t look_ns; /* the last look; 0: no look since the wait began */
	uint64_t look_sent;
	int look_unacked;
	bool has_drained;    /* the queue was empty since the last look */
	uint64_t unmoved_ns; /* charged since the peer last took something */
	uint64_t window_ns;  /* charged so far */
	uint64_t window_taken;
};

/* How often to look. */
uint64_t weir_pace_period(const struct weir_pace_limits *limits);
/* Begin to look. sent is how many bytes the socket fd was given so far. */
void weir_pace_begin(struct weir_pace *pace, int fd, uint64_t sent,
		     uint64_t now_ns);
enum weir_pace_verdict weir_pace_look(struct weir_pace *pace, int fd,
				      bool is_tcp, uint64_t sent,
				      const struct weir_pace_limits *limits,
				      uint64_t now_ns);

#endif
