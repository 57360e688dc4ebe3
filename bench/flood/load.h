/* The load from the inside: what the files share that make one run.
 *
 *	generator.c   the phases, from connecting to the end
 *	clock.c	      timers that are on time also when the loop is busy
 *	crew.c	      the healthy connections: made, counted, closed
 *	pace.c	      open loop: what is due is sent
 *	echo.c source.c sink.c connect.c broadcast.c	the modes
 *	bad.c	      the badly behaved peers
 *	collect.c     from what was counted to the result
 *	environment.c where it was measured
 */
#ifndef FLOOD_LOAD_H
#define FLOOD_LOAD_H

#include <time.h>

#include <weir.h>

#include "checker.h"
#include "flight.h"
#include "flood.h"
#include "generator.h"
#include "histogram.h"
#include "message.h"
#include "schedule.h"

struct bad_crew;
struct load;
struct peer;

enum load_phase {
	LOAD_CONNECTING,
	LOAD_WARMING, /* loaded, and nothing counts yet */
	LOAD_MEASURING,
	LOAD_DRAINING, /* nothing is sent, answers still count */
	LOAD_ENDING,   /* our FINs are out; what comes still counts */
	LOAD_CLOSING
};

/* What a mode does with the connections; constant. */
struct load_mode {
	const struct weir_conn_events *events;
	/* all connections are made: see to it that load_start is called; NULL:
	 * it can be at once */
	void (*prepare)(struct load *load);
	/* the first messages of a closed loop */
	void (*start)(struct peer *peer);
	/* one message, intended at that time */
	void (*send)(struct peer *peer, uint64_t intended_ns);
	/* what is in flight on a connection that has gone, or for it, is
	 * answered no more: load_note_unanswered for each; NULL: nothing is */
	void (*give_up)(struct peer *peer);
	/* its own state: -ENOMEM, or 0; NULL: none. close comes after the
	 * last connection, and if open has failed */
	int (*open)(struct load *load);
	void (*close)(struct load *load);
	/* close what it has opened in the loop; NULL: nothing */
	void (*stop)(struct load *load);
	/* the target ends its side when we end ours */
	bool is_ended_by_fin;
};

extern const struct load_mode echo_mode;
extern const struct load_mode source_mode;
extern const struct load_mode sink_mode;
extern const struct load_mode connect_mode;
extern const struct load_mode broadcast_mode;

/* A healthy connection. */
struct peer {
	struct weir_conn conn;
	struct weir_connector connector;
	struct load *load;
	uint32_t number;
	uint32_t i_sender; /* its place in load->senders, if it has one */
	bool was_open;
	struct flight flight;
	struct checker checker; /* if messages are verified */
	size_t n_partial;	/* bytes of a message, if they are not */
	uint64_t n_answered;	/* measured messages */
	void *own;		/* the mode's */
};

/* Of those that are due at once, the first goes first. */
enum load_timer {
	LOAD_TIMER_PACE,
	LOAD_TIMER_TICK,
	LOAD_TIMER_PHASE,
	LOAD_N_TIMERS
};

/* A run. */
struct load {
	const struct flood_settings *settings;
	const struct flood_target *target;
	const struct load_mode *mode;
	const struct generator_events *events;
	struct flood_result *result;
	struct weir_loop *loop;
	enum load_phase phase;
	/* may messages be sent: asked before each, so it folds the phase and
	 * the count of -n */
	bool is_sending;
	bool is_open_loop;
	bool has_begun; /* somebody was there */
	/* measured are messages intended from start_ns on */
	uint64_t start_ns;
	uint64_t end_ns;   /* the end as planned, then as it was */
	uint64_t n_wanted; /* measured messages; UINT64_MAX: no limit */
	struct weir_timer timers[LOAD_N_TIMERS];
	weir_timer_fn *on_expire[LOAD_N_TIMERS]; /* of each, when armed */
	uint64_t look_ns;			 /* the earliest deadline */
	struct weir_signal interrupt;
	struct weir_signal terminate;
	unsigned n_signals;
	/* the crew */
	struct peer *peers;
	size_t n_peers;
	struct weir_conn_limits limits; /* of them all */
	uint64_t deadline_ns;		/* of connecting; of draining */
	size_t n_dialed;		/* peers whose connecting has begun */
	size_t n_dialing;
	size_t n_open;
	struct peer **senders;
	size_t n_senders;
	size_t i_sender; /* the next one to send */
	struct bad_crew *bad;
	void *own; /* the mode's */
	struct schedule schedule;
	struct message_kit kit;
	struct checker_counts checked;
	/* counters */
	struct generator_interval interval; /* this second */
	uint64_t n_sent;		    /* measured messages, */
	uint64_t n_measured;		    /* of them answered, */
	uint64_t n_in_time;		    /* and that before the end */
	uint64_t n_answered;  /* answers in the measured time, to any message */
	uint64_t n_owed;      /* all messages without an answer */
	uint64_t n_bytes_out; /* while measuring */
	uint64_t n_bytes_in;
	struct flood_second last; /* the counters at the last tick */
	uint64_t tick_ns;	  /* when that was */
	int last_error;		  /* negative errno of a failed connection */
	double cpu_user_s;	  /* when the measurement began */
	double cpu_system_s;
};

/* The time itself: weir_loop_now stands still within a turn, and here its
 * length is what is measured. */
static inline uint64_t load_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline struct peer *peer_of(struct weir_conn *c)
{
	return weir_container_of(c, struct peer, conn);
}

static inline bool load_is_counting(const struct load *load)
{
	return load->phase >= LOAD_MEASURING;
}

/* -- messages -- */

/* Of who was there then; never less than nothing, whatever a target makes up
 * that answers before it is asked. */
static inline uint64_t load_age(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static inline void load_record(struct load *load, const struct stamp *stamp,
			       uint64_t now_ns)
{
	histogram_record(load->interval.latency,
			 load_age(stamp->intended_ns, now_ns));
	if (load->is_open_loop)
		histogram_record(load->interval.service,
				 load_age(stamp->sent_ns, now_ns));
}

/* A message that was to leave at intended_ns leaves now. */
static inline void load_stamp(struct load *load, struct stamp *stamp,
			      uint64_t intended_ns, uint64_t now_ns)
{
	uint64_t late_ns = load_age(intended_ns, now_ns);

	*stamp = (struct stamp){intended_ns, now_ns, 1};
	if (!load->is_open_loop || intended_ns < load->start_ns)
		return;
	histogram_record(load->interval.lateness, late_ns);
	load->result->n_late += late_ns > load->settings->late_ns;
}

/* A message of so many bytes leaves, or is accepted to leave. */
static inline void load_note_sent(struct load *load, const struct stamp *stamp,
				  size_t n_bytes)
{
	load->n_owed += stamp->n_left;
	if (stamp->intended_ns < load->start_ns)
		return;
	load->n_bytes_out += n_bytes;
	load->n_sent++;
	if (load->n_sent == load->n_wanted)
		load->is_sending = false;
}

/* One answer to the message with that stamp. */
static inline void load_note_answer(struct peer *peer,
				    const struct stamp *stamp, uint64_t now_ns)
{
	struct load *load = peer->load;

	load->n_owed--;
	/* the rate is of what is answered meanwhile, whenever it was sent */
	if (load->phase <= LOAD_MEASURING && now_ns >= load->start_ns) {
		peer->n_answered++;
		load->n_answered++;
	}
	if (stamp->intended_ns < load->start_ns)
		return;
	load->n_measured++;
	load_record(load, stamp, now_ns);
}

/* One that will not come: it has waited so long, and in vain. If that was while
 * we measured, it counts, whenever it was sent. */
static inline void load_note_unanswered(struct load *load,
					const struct stamp *stamp,
					uint64_t now_ns)
{
	load->n_owed--;
	if (now_ns < load->start_ns)
		return;
	load->result->n_unanswered++;
	load_record(load, stamp, now_ns);
}

static inline void load_note_received(struct load *load, size_t n_bytes,
				      uint64_t now_ns)
{
	if (now_ns >= load->start_ns)
		load->n_bytes_in += n_bytes;
}

/* -- clock.c -- */

/* Arm one of the three timers of a run. */
void load_arm(struct load *load, struct weir_timer *timer, uint64_t deadline_ns,
	      weir_timer_fn *on_expire);
/* Run the one that is due first, if one is. */
void load_catch_up(struct load *load, uint64_t now_ns);

/* To be called where the time has just been read: among ten thousand
 * connections that are ready, the loop's timers have to wait for their turn,
 * and what is due would be late. */
static inline void load_look(struct load *load, uint64_t now_ns)
{
	if (now_ns >= load->look_ns)
		load_catch_up(load, now_ns);
}

/* -- generator.c -- */

/* After answers, and after a connection has ended: is it all over? */
void load_settle(struct load *load);
/* More is owed than may be: the run ends here. */
void load_give_up(struct load *load);
/* All healthy connections are made, or have failed to be. */
void load_begin(struct load *load);
/* Warm up, measure. */
void load_start(struct load *load);

/* -- crew.c -- */

/* -ENOMEM */
int crew_open(struct load *load);
/* Begin to connect; load_begin follows. */
void crew_dial(struct load *load);
/* Connect no more: those that are under way are given up. */
void crew_stop_dialing(struct load *load);
/* Those that are open, and are to send, are the senders. */
void crew_choose_senders(struct load *load);
/* Half-close all; those that a FIN does not end are closed. */
void crew_end(struct load *load);
void crew_abort(struct load *load);
/* After the last on_close; a zeroed one stays so. */
void crew_close(struct load *load);
/* The on_close and on_end of every mode's connections. */
void crew_on_close(struct weir_conn *c, const struct weir_result *result);
void crew_on_end(struct weir_conn *c, const void *rest, size_t n);
/* The connection's send was refused; it ends, if it has not already. */
void crew_note_refusal(struct peer *peer, int error);
/* Send a message now, outside of the connection's own callbacks. False: it
 * was refused, which is noted. */
bool crew_send(struct peer *peer, const void *data, size_t n);

/* Count one error, a negative errno, of that connection; also for modes that
 * connect by themselves. */
void crew_note_error(struct load *load, enum flood_error cause, int error);
void crew_note_connect_error(struct load *load, int error);
/* The same by the reason for which a connection was closed, if it was not we
 * who closed it. */
void crew_note_end(struct load *load, const struct weir_result *result);

/* -- pace.c -- */

void pace_start(struct load *load);
void pace_stop(struct load *load);
/* Measured messages that were due by now and have not been sent, or about as
 * many. */
uint64_t pace_backlog(const struct load *load, uint64_t now_ns);

/* -- bad.c -- */

/* -ENOMEM */
int bad_open(struct load *load);
void bad_start(struct load *load);
void bad_close(struct load *load);
void bad_free(struct load *load);

/* -- collect.c -- */

/* The end of a second, or of the run. */
void collect_second(struct load *load, uint64_t now_ns);
/* The measurement begins, ends. */
void collect_begin(struct load *load);
void collect_end(struct load *load, uint64_t now_ns);
/* Bytes in our own queues. */
uint64_t collect_queued(const struct load *load);
/* What the kernel holds of each connection; before their FINs. */
void collect_bytes(struct load *load);
/* After the last answer: what is still in flight, and the sums. */
void collect_rest(struct load *load);

#endif
