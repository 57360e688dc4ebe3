/* Which rate to try next, and when the highest one is known: doubling until it
 * fails, then halving what lies between.
 *
 * A rate fails when two trials of it fail, since one may have met a hiccup; and
 * the one that is found has held twice. */
#ifndef FLOOD_SEARCH_H
#define FLOOD_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SEARCH_MAX_TRIALS = 64
};

enum search_end {
	SEARCH_GOES_ON,
	SEARCH_FOUND,	    /* held holds, twice; failed does not, twice */
	SEARCH_AT_MOST,	    /* the highest rate there is holds */
	SEARCH_NONE,	    /* not even the lowest does */
	SEARCH_TRIALS,	    /* too many */
	SEARCH_LOST,	    /* the target could not be connected to any more */
	SEARCH_INTERRUPTED, /* by a signal */
	SEARCH_SPOILT	    /* answers were not what was sent */
};

struct search {
	uint64_t rate;	 /* the next to be tried */
	uint64_t most;	 /* none is higher */
	uint64_t failed; /* the lowest that failed; 0: none has */
	/* those that held, each higher than those before */
	uint64_t held[SEARCH_MAX_TRIALS];
	unsigned n_held;
	bool is_confirmed;  /* the last of them held twice */
	unsigned n_at_rate; /* failures of this rate */
	unsigned n_trials;
	enum search_end end;
};

void search_begin(struct search *search, uint64_t rate, uint64_t most);
/* What the trial of search->rate has shown. */
void search_take(struct search *search, bool has_held);

/* The highest that held; 0: none. */
uint64_t search_held(const struct search *search);

/* "found", ... */
const char *search_end_name(enum search_end end);

#endif
