/* Whole lives of connections, run again and again, each time with another call
 * failing.
 *
 *	Test(conn_sweep, echo)
 *	{
 *		scenario_sweep(&scenario_echo);
 *	}
 *
 * A run has a loop of its own and goes in virtual time, so its calls come in
 * the same order until the one that fails. What must come of that is written
 * beside each call and errno in harness_scenario_sweep.c. What no run may do,
 * whatever fails, is checked in every one (scenario_run and harness_conn.h). */
#ifndef HARNESS_SCENARIO_H
#define HARNESS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SCENARIO_MAX_CONNS = 4
};

enum scenario_traits {
	/* an on_data leaves input, for which there may be no memory */
	SCENARIO_KEEPS_INPUT = 1,
	/* one that ends early takes the others along: they finish or abort */
	SCENARIO_IS_CHAIN = 2,
	/* over TCP: a close may reset, and the peer lose what was sent */
	SCENARIO_IS_TCP = 4
};

struct scenario {
	const char *name;
	/* Open connections by scenario_open, or what will open them. */
	void (*start)(void);
	/* The peers' part, and what a user does from outside; each turn. */
	void (*step)(void);
	/* Release what start made; NULL: nothing. */
	void (*stop)(void);
	size_t n_conns;
	/* what each peer has in the end, and on_data has consumed */
	size_t n_sent[SCENARIO_MAX_CONNS];
	size_t n_taken[SCENARIO_MAX_CONNS];
	unsigned traits; /* enum scenario_traits */
};

/* The connections of the scenario that runs; zeroed before each run. */
extern struct conn_probe scenario_conns[SCENARIO_MAX_CONNS];

/* For start: open connection i, over Unix unless the scenario is of TCP. */
void scenario_open(size_t i, int sndbuf, const struct weir_conn_limits *limits);
/* For listeners: over this pair. */
void scenario_open_pair(size_t i, const int fd[2]);
/* What stands in for a connection could not be had: all is over. */
void scenario_fail(int error);

/* The peer writes up to n bytes more, as far as it was read already. */
void scenario_write(struct conn_probe *p, size_t n);
/* The peer sends its FIN, once. */
void scenario_write_end(struct conn_probe *p);

/* How a run ended. */
struct scenario_outcome {
	/* of the open that failed; 0: none did */
	int open_error;
	/* connections that came to the end they are made for */
	size_t n_complete;
	/* that ended by an error, and their results */
	size_t n_failed;
	struct weir_result failures[SCENARIO_MAX_CONNS];
	/* that were taken along (SCENARIO_IS_CHAIN) */
	size_t n_cut;
	/* The script that was to hit did, and in which situation: */
	bool was_hit;
	bool was_under_epollout; /* the first sendv of an armed one's turn */
	bool was_armed;		 /* somebody was, when that turn began */
	bool was_dead;		 /* somebody was only waiting for on_close */
};

/* Run it with the scripts that place has set, nth being that of the call that
 * is to be judged (0: nobody cares). Dies when a run hangs, or does what none
 * may do. */
struct scenario_outcome scenario_run(const struct scenario *s, uint64_t nth);
/* For messages, printed when the process aborts too. */
void scenario_describe(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
const char *scenario_description(void);

/* Each call of a run in turn fails by each errno that is natural to it. */
void scenario_sweep(const struct scenario *s);
/* Several calls of a run fail, at random; so many runs, which WEIR_SEED makes
 * others. In every other one only such faults come as no peer may notice. */
void scenario_storm(const struct scenario *s, unsigned n_runs);

#endif
