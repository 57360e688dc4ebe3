/* A run from the inside: its phases, from connecting to the end. */
#ifndef FLOOD_LOAD_H
#define FLOOD_LOAD_H

#include <weir.h>

#include "checker.h"
#include "counters.h"
#include "crew.h"
#include "generator.h"
#include "message.h"
#include "mode.h"
#include "pace.h"
#include "result.h"
#include "timers.h"

struct bad_crew;
struct team_member;

enum load_phase {
	LOAD_CONNECTING,
	LOAD_WARMING, /* loaded, and nothing counts yet */
	LOAD_MEASURING,
	LOAD_DRAINING, /* nothing is sent, answers still count */
	LOAD_ENDING,   /* our FINs are out; what comes still counts */
	LOAD_CLOSING
};

struct load {
	const struct settings *settings;
	const struct target *target;
	const struct mode *mode;
	const struct generator_events *events;
	struct result *result;
	struct weir_loop *loop;
	struct weir_signal interrupt;
	struct weir_signal terminate;
	struct team_member *member; /* of several threads; NULL: alone */
	unsigned n_signals;	    /* that it has taken from there */
	struct timers timers;
	struct crew crew;
	struct pace pace;
	struct bad_crew *bad;
	void *own; /* the mode's */
	struct message_kit kit;
	enum load_phase phase;
	/* may messages be sent: asked before each, so it folds the phase and
	 * the count of -n */
	bool is_sending;
	bool is_open_loop;
	bool has_begun; /* a connection was made */
	/* measured are messages intended from start_ns on */
	uint64_t start_ns;
	uint64_t end_ns;       /* the end as planned, then as it was */
	uint64_t drain_end_ns; /* no answer is waited for after that */
	uint64_t n_wanted;     /* measured messages; UINT64_MAX: no limit */
	struct counters counters;
	struct checker_counts checked;
	int last_error; /* negative errno of a failed connection */
};

/* Connect, load, and turn the loop until all is closed. A negative errno: the
 * run broke down. */
int load_run(struct load *load);

/* All healthy connections are made, or have failed to be. */
void load_begin(struct load *load);
/* Warm up, measure. */
void load_start(struct load *load);
/* After answers, and after a connection has ended: is it all over? */
void load_check_end(struct load *load);
/* More is owed than may be: the run ends here. */
void load_give_up(struct load *load);
/* The other threads, or a signal, have something to say. */
void load_take_news(struct load *load);
/* What was expected is breached already, and the run ends here. */
void load_stop_early(struct load *load);

#endif
