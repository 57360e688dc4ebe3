/* A loop from the inside: its struct, and the functions for the library's own
 * rooms. */
#ifndef WEIR_LIB_LOOP_H
#define WEIR_LIB_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <weir/list.h>
#include <weir/loop.h>
#include <weir/timer.h>

#include "budget.h"
#include "pool.h"
#include "stopwatch.h"

struct weir_backlog;
struct weir_observer;
struct weir_outbox;

enum {
	/* how many bytes one callback's small sends gather for one send(2) */
	WEIR_GATHER_SIZE = 65536,
	/* how many events one wait harvests; the rest waits for the next */
	WEIR_MAX_EVENTS = 256,
	/* how many of them are dispatched between two looks at the clock,
	 * while a timer is armed */
	WEIR_PIECE_EVENTS = 64,
	/* how much the connections write in a turn's dispatch, in its timers
	 * and in its deferred calls each; the last one may write more */
	WEIR_TURN_BYTES = 1048576,
	/* what a timer's call or a close counts for among those bytes */
	WEIR_CALL_BYTES = WEIR_TURN_BYTES / 256,
	/* how many turns of a busy loop a release of memory waits at most */
	WEIR_RELEASE_TURNS = 64
};

/* Which work list of its loop a watch is on. */
enum weir_due {
	WEIR_DUE_NOTHING,
	WEIR_DUE_COMMIT,
	WEIR_DUE_FLUSH, /* deferred, and no event is of use before */
	WEIR_DUE_DEFERRED,
	WEIR_DUE_CLOSE
};

/* What must be done around a wait; in most turns nothing. */
enum weir_chores {
	WEIR_CHORE_COMMIT = 1,	 /* changed is not empty */
	WEIR_CHORE_DEFERRED = 2, /* deferred is not empty */
	WEIR_CHORE_CLOSE = 4,	 /* closes is not empty */
	WEIR_CHORE_TIMERS = 8,	 /* run timers that are due, set the timerfd */
	WEIR_CHORE_TIMING = 16,	 /* always, while turns are timed */
	WEIR_CHORE_REST = 32,	 /* this turn or the last one was cut short */
	WEIR_CHORE_FORKED = 64,	 /* always, after weir_loop_after_fork */
	WEIR_CHORE_RELEASE = WEIR_POOL_RELEASE
};

/* What one callback of one connection has gathered to send: the bytes from
 * start to next. Without a buffer all four pointers are NULL.
 *
 * 1. start <= next <= end <= limit
 * 2. next is start while owner is NULL */
struct weir_gather {
	struct weir_outbox *owner; /* that of the callback that runs, or NULL */
	unsigned char *next;	   /* where the next message goes */
	unsigned char *end;	   /* start: nothing may be gathered */
	unsigned char *start;	   /* the bytes of segment */
	unsigned char *limit;
	struct weir_sendq_segment *segment;
	struct weir_backlog *spare; /* for an owner without a backlog; never
				     * NULL while segment is not */
};

/* For every open watch:
 *
 * 1. fd is in epoll if and only if committed is not 0
 * 2. if it is harvested, events[slot].data.ptr is this watch
 * 3. work is in changed, deferred or closes, as due (enum weir_due) says
 * 4. in changed only while wanted and committed may differ */
struct weir_loop {
	int epoll_fd;
	bool is_stopping;
	bool is_in_turn;
	bool knows_now;
	bool is_timerfd_done;	   /* expired, and not set since */
	bool is_behind;		   /* deferred calls are left from last turn */
	unsigned chores;	   /* enum weir_chores; 0: just wait */
	struct weir_list changed;  /* watches whose interest may differ */
	struct weir_list deferred; /* watches to call after the closes */
	struct weir_list closes;   /* watches to call after the timers */
	struct weir_list signals;  /* the open struct weir_signal */
	size_t n_open;		   /* watches, except our own timerfd's */
	struct weir_timer *timers; /* the heap's root */
	uint64_t timerfd_ns;	   /* what the timerfd is set to; 0: nothing */
	uint64_t timers_ran_ns;	   /* in the timers' phase: its time, else 0 */
	uint64_t now_ns;
	struct weir_watch timer_watch;
	unsigned char *input; /* WEIR_READ_SIZE bytes for the current receive */
	struct weir_gather gather;
	uint64_t sigpipe_asked_in_turn; /* else is_sigpipe_ignored is old */
	bool is_sigpipe_ignored;
	size_t n_links; /* open ones, for whose passing on there is a pipe */
	int pipe[2];	/* empty between two calls of weir_link_pass */
	bool has_pipe;	/* from the first bulk to the last link's end */
	struct weir_pool pool;
	struct weir_budget budget;
	size_t n_input_bytes; /* part of what the pool counts */
	struct weir_observer *observer;
	struct weir_stopwatch stopwatch;
	uint64_t n_turns;
	size_t n_spent;		/* bytes written in the turn spent_in_turn; */
	size_t n_spent_at_once; /* of them, those that could not wait */
	uint64_t spent_in_turn;
	unsigned n_turns_unreleased;	/* with WEIR_CHORE_RELEASE */
	const struct epoll_event *stop; /* the dispatch goes to here */
	unsigned n_done;		/* with WEIR_CHORE_REST: events that */
	unsigned n_events;		/* were dispatched, of how many */
	/* the harvest; forgotten ones are NULL */
	struct epoll_event events[WEIR_MAX_EVENTS];
};

/* The bytes that this turn has written. */
static inline size_t weir_loop_spent(const struct weir_loop *loop)
{
	return loop->spent_in_turn == loop->n_turns ? loop->n_spent : 0;
}

/* A flush of a queue has written n_bytes in this turn; or something was done
 * that takes as long. */
void weir_loop_spend(struct weir_loop *loop, size_t n_bytes);
/* A callback has written n_bytes, which could not wait. When such bytes are
 * enough for one turn, its dispatch ends. */
void weir_loop_spend_at_once(struct weir_loop *loop, size_t n_bytes);
/* Whether a flush must wait for its connection's deferred call, behind those
 * of others. */
bool weir_loop_is_busy_writing(const struct weir_loop *loop);

/* Whether SIGPIPE is ignored, asked once a turn; between turns each time. */
bool weir_loop_ignores_sigpipe(struct weir_loop *loop);
/* The loop's pipe, made with room for n_bytes if there is none. */
int weir_loop_open_pipe(struct weir_loop *loop, size_t n_bytes);
/* With what it holds. */
void weir_loop_close_pipe(struct weir_loop *loop);

static inline bool weir_loop_has_forked(const struct weir_loop *loop)
{
	return loop->chores & WEIR_CHORE_FORKED;
}

/* Just before the wait: commit the interest of the watches in changed, or in
 * one of the other lists. */
void weir_loop_commit_changes(struct weir_loop *loop);
void weir_loop_commit_list(const struct weir_list *list);
/* Put the watch on the list that due says, and on no other. */
void weir_watch_put(struct weir_watch *watch, enum weir_due due);

/* Call watch's on_ready with no events in this turn's closes or deferred calls;
 * if those have begun, in the next turn's, which then does not wait. A close
 * replaces a deferred call, never the other way. */
void weir_watch_defer_close(struct weir_watch *watch);
void weir_watch_defer(struct weir_watch *watch);
/* The same for a flush, which mostly undoes the change of interest that it
 * waits with: that is not committed before the call. on_ready must bear the
 * events that the watch wanted before. */
void weir_watch_defer_flush(struct weir_watch *watch);

static inline bool weir_watch_is_deferred(const struct weir_watch *watch)
{
	return watch->due == WEIR_DUE_FLUSH || watch->due == WEIR_DUE_DEFERRED;
}

#endif
