/* What the closed connections of an endpoint add up to. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

#include <weir.h>

/* Why an accepted connection was not served. */
enum refusal {
	REFUSED_MEMORY,	   /* no memory, or no room in epoll */
	REFUSED_MAX_CONNS, /* --max-conns */
	REFUSED_PROXY,	   /* the PROXY header was missing, wrong or late */
	REFUSED_MANY,	   /* --max-per-address */
	REFUSED_FAST,	   /* --rate-per-address */
	REFUSED_UNTRUSTED, /* it comes from no trusted network */
	N_REFUSALS
};

struct counters {
	uint64_t n_accepted;
	uint64_t n_refused[N_REFUSALS];
	uint64_t n_closed[WEIR_N_REASONS];
	uint64_t received;
	uint64_t sent;
	uint64_t dropped; /* bytes */
	uint64_t n_short_sends;
	uint64_t n_would_blocks;
	uint64_t n_arms;
	uint64_t stalled_ns;
	uint64_t n_unconnected; /* a relay's clients without a target */
	uint64_t n_unanswered;	/* datagrams that echo did not answer */
	uint64_t n_missed;	/* lines that slow subscribers were not sent */
};

void counters_add_progress(struct counters *counters,
			   const struct weir_progress *progress);
void counters_add(struct counters *counters, const struct counters *other);

#endif
