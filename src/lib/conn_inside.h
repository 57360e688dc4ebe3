/* A connection from the inside: what the conn*.c files, link.c and fence.c
 * share. Its bytes are the outbox's (outbox.h); here are the consequences: a
 * connection's callbacks, interest, limits and end. */
#ifndef WEIR_LIB_CONN_INSIDE_H
#define WEIR_LIB_CONN_INSIDE_H

#include <string.h>

#include <weir/conn.h>
#include <weir/fence.h>
#include <weir/link.h>

#include "outbox.h"

/* Only weir_conn_enter changes the phase, and only forward. */
enum weir_conn_phase {
	WEIR_PHASE_OPEN,
	WEIR_PHASE_DETACHING, /* reading is held; detached when nothing waits */
	WEIR_PHASE_ENDED,     /* sends are refused; a FIN follows the queue */
	WEIR_PHASE_FINISHING, /* the same, and input is discarded */
	/* dead: in the loop's closes, nothing waits to be sent */
	WEIR_PHASE_DETACHED, /* only on_detach is left */
	WEIR_PHASE_FAILED,   /* an error; input is still offered */
	WEIR_PHASE_CLOSING,  /* only on_close is left */
	WEIR_PHASE_CLOSED    /* in the last callback, or after */
};

enum weir_conn_hold {
	WEIR_HOLD_USER = 1 << 0,
	WEIR_HOLD_OUTPUT = 1 << 1, /* its own, above high */
	WEIR_HOLD_LINKS = 1 << 2   /* others' output: n_held_by > 0 */
};

/* KEPT, OWES and FENCED could be derived from input and outbox; they are facts
 * so that one compare recognizes the common case. */
enum weir_conn_fact {
	/* input */
	WEIR_FACT_KEPT = 1 << 0,       /* there are unconsumed bytes */
	WEIR_FACT_OFFER = 1 << 1,      /* kept bytes must be offered again */
	WEIR_FACT_PEER_ENDED = 1 << 2, /* the peer's FIN was read */
	/* output */
	WEIR_FACT_OWES = 1 << 3,       /* bytes are queued */
	WEIR_FACT_FULL = 1 << 4,       /* the kernel takes no more for now */
	WEIR_FACT_WANTS_ROOM = 1 << 5, /* on_writable is owed */
	WEIR_FACT_ABOVE = 1 << 6,      /* on_pressure was called with true */
	WEIR_FACT_REFUSED = 1 << 7,    /* a sendall, since the last settle */
	WEIR_FACT_NO_ROOM = 1 << 8,    /* for room, until the queue moves */
	WEIR_FACT_NO_MEMORY = 1 << 9,  /* for memory, until the timer fires */
	WEIR_FACT_FENCED = 1 << 10,    /* fences are open */
	WEIR_FACT_FOLLOWS = 1 << 11,   /* it is among a feed's followers */
	/* the end */
	WEIR_FACT_FIN_SENT = 1 << 12,
	WEIR_FACT_WITH_RESET = 1 << 13
};

/* What the connection's one timer is armed for. */
enum weir_conn_timer {
	WEIR_TIMER_LOOK, /* to check the peer's pace, or to retry for memory */
	WEIR_TIMER_IDLE,
	WEIR_TIMER_LINGER
};

/* -- asking -- */

static inline bool weir_conn_is(const struct weir_conn *c,
				enum weir_conn_phase phase)
{
	return c->state.phase == phase;
}

static inline bool weir_conn_is_dead(const struct weir_conn *c)
{
	return c->state.phase >= WEIR_PHASE_DETACHED;
}

static inline bool weir_conn_is_at_ease(const struct weir_conn *c)
{
	uint32_t all;

	_Static_assert(sizeof all == sizeof c->state, "one compare");
	memcpy(&all, &c->state, sizeof all);
	return all == 0;
}

/* True if any of these facts holds. */
static inline bool weir_conn_has(const struct weir_conn *c, unsigned facts)
{
	return c->state.facts & facts;
}

static inline void weir_conn_set(struct weir_conn *c, unsigned facts)
{
	c->state.facts |= (uint16_t)facts;
}

static inline void weir_conn_clear(struct weir_conn *c, unsigned facts)
{
	c->state.facts &= (uint16_t)~facts;
}

static inline bool weir_conn_is_held(const struct weir_conn *c,
				     enum weir_conn_hold hold)
{
	return c->state.holds & hold;
}

static inline void weir_conn_hold(struct weir_conn *c, enum weir_conn_hold hold)
{
	c->state.holds |= (uint8_t)hold;
}

/* Bytes kept meanwhile must be offered again. */
static inline void weir_conn_let_go(struct weir_conn *c,
				    enum weir_conn_hold hold)
{
	c->state.holds &= (uint8_t)~hold;
	weir_conn_set(c, WEIR_FACT_OFFER);
}

static inline bool weir_conn_is_reading(const struct weir_conn *c)
{
	/* A refusal will hold reading as soon as it is settled. */
	bool throttles = !(c->limits->flags & WEIR_CONN_NO_THROTTLE);

	if (weir_conn_is_dead(c) || weir_conn_has(c, WEIR_FACT_PEER_ENDED))
		return false;
	/* Once input is discarded no hold counts. */
	if (weir_conn_is(c, WEIR_PHASE_FINISHING))
		return true;
	return c->state.holds == 0 && !weir_conn_is(c, WEIR_PHASE_DETACHING) &&
	       !(throttles && weir_conn_has(c, WEIR_FACT_REFUSED));
}

/* Something is queued that the kernel may take. */
static inline bool weir_conn_may_flush(const struct weir_conn *c)
{
	const unsigned both = WEIR_FACT_OWES | WEIR_FACT_FULL;

	return (c->state.facts & both) == WEIR_FACT_OWES;
}

static inline bool weir_conn_owes_offer(const struct weir_conn *c)
{
	const unsigned both = WEIR_FACT_OFFER | WEIR_FACT_KEPT;

	return (c->state.facts & both) == both && weir_conn_is_reading(c) &&
	       !weir_conn_is(c, WEIR_PHASE_FINISHING);
}

/* -- conn.c -- */

void weir_conn_enter(struct weir_conn *c, enum weir_conn_phase phase);
/* Have the connection settled soon: after its own callback if one is running,
 * else in the turn's deferred calls. */
void weir_conn_settle_soon(struct weir_conn *c);
/* The first end wins. Drops what is queued; on_close follows from the loop,
 * after the remaining input if it is an error and the user has not paused. */
void weir_conn_fail(struct weir_conn *c, int error);
/* End it at once for a reason of our own. */
void weir_conn_kill(struct weir_conn *c, enum weir_reason reason, int error,
		    bool with_reset);

/* -- conn_settle.c -- */

/* EPOLLOUT came: call on_writable if it is owed. So at most once a turn. */
void weir_conn_call_on_writable(struct weir_conn *c);
/* Draw the consequences of a changed state: owed callbacks, FIN, interest,
 * timer. */
void weir_conn_settle(struct weir_conn *c);

/* Act on events of epoll, or on a call from the loop's work lists (0). */
void weir_conn_handle_event(struct weir_conn *c, uint32_t events);
/* recv had no data: act on the FIN or the error, if it was one. */
void weir_conn_take_no_data(struct weir_conn *c, ssize_t n, uint32_t events);

/* -- conn_check.c -- */

/* Assert the invariants of a connection, which hold between two calls of its
 * functions; walks the queue. A library built with -DWEIR_CHECKS does this at
 * each settling, and checks the interest, too. */
void weir_conn_check(const struct weir_conn *c);
void weir_conn_check_settled(const struct weir_conn *c);

/* -- conn_input.c -- */

/* The watch's callback. Most often there is only input. */
void weir_conn_on_ready(struct weir_watch *watch, uint32_t events);

/* Receive once, and offer what came with what was kept. Returns recv's result:
 * a count, 0 at the FIN, or a negative errno (not acted upon). */
ssize_t weir_conn_read(struct weir_conn *c);
/* Offer what was kept. */
void weir_conn_offer_kept(struct weir_conn *c);
void weir_conn_discard_kept(struct weir_conn *c);
/* Let the budget know of the kept input, if there is any: by the backlog when
 * that is new, or no longer when c is dead. */
void weir_conn_count_kept(struct weir_conn *c);
/* Count the kept input no longer, and leave it to the caller, to be freed by
 * weir_sys_free. */
struct weir_input *weir_conn_release_kept(struct weir_conn *c);
size_t weir_conn_n_kept(const struct weir_conn *c);
/* The kept bytes; never NULL. */
const void *weir_conn_kept(const struct weir_conn *c);
/* The peer's FIN was read. */
void weir_conn_take_end(struct weir_conn *c);

/* -- conn_output.c -- */

/* These two surround each callback of the connection: bytes it sends in between
 * are gathered, and offered to the kernel at the end. */
void weir_conn_begin_callback(struct weir_conn *c);
void weir_conn_end_callback(struct weir_conn *c);
/* The backlog, made if there was none; NULL: no memory. */
struct weir_backlog *weir_conn_backlog(struct weir_conn *c);
/* Draw the consequences of a first offer. Returns the bytes taken; if an error
 * has ended the connection, what it refuses with from now on. */
ssize_t weir_conn_take_offer(struct weir_conn *c, struct weir_offer offer);
/* The same for the gathered bytes; taken is the kernel's answer. */
void weir_conn_take_gathered(struct weir_conn *c, ssize_t taken);
/* The queue has changed; n_new bytes were put into it. */
void weir_conn_take_queue(struct weir_conn *c, uint64_t n_new);
/* Offer the queue to the kernel: once, or from file to file until it is full
 * or a turn's bytes are through. */
void weir_conn_flush(struct weir_conn *c, bool is_first_offer);
/* Offer the kernel what is gathered, or else what is queued, unless it is known
 * to be full. Gathered bytes that it does not take are queued. */
void weir_conn_send_waiting(struct weir_conn *c);
/* EPOLLOUT came: the kernel is no longer full. */
void weir_conn_clear_full(struct weir_conn *c);
/* Keep the loop within its budget when c owes n_bytes
 * more and the heap will hold n_heap more than is counted. 0, or -EPIPE if c
 * itself was closed. */
int weir_conn_keep_budget(struct weir_conn *c, size_t n_bytes, size_t n_heap);
/* Close the largest debtors until n_heap bytes more are within the budget's low,
 * if they are above high. True: c was one of them (NULL: nobody asks). */
bool weir_conn_shed(struct weir_loop *loop, size_t n_heap,
		    const struct weir_conn *c);
/* Give up all that is gathered or queued; how many bytes. */
uint64_t weir_conn_drop(struct weir_conn *c);

/* -- conn_send.c -- */

/* The error with which c refuses every send; 0: it accepts. Never an error that
 * means "not now" or "never this message", after which a user would go on
 * (law 5). */
int weir_conn_refusal(const struct weir_conn *c);
/* weir_conn_send, but nobody waits for the rest. */
ssize_t weir_conn_offer(struct weir_conn *c, const void *data, size_t n);
/* The pipe has n bytes (> 0) that the kernel is too full to take from there:
 * queue them; the queue is empty. False: there is no memory, and they are still
 * in the pipe. The budget may end the connection. */
bool weir_conn_queue_pipe(struct weir_conn *c, int pipe_fd, size_t n);

/* -- conn_feed.c -- */

static inline struct weir_follower *weir_conn_follower(
	const struct weir_conn *c)
{
	return c->out.backlog ? c->out.backlog->follower : NULL;
}

/* True if the feed that it follows has news that it does not know. */
static inline bool weir_conn_is_behind(const struct weir_conn *c)
{
	const struct weir_follower *f;

	if (!weir_conn_has(c, WEIR_FACT_FOLLOWS))
		return false;
	f = c->out.backlog->follower;
	return !f->is_leaving && f->end != f->feed->end;
}

/* Accept what is in the log by now: it is queued, or missed. Whatever c accepts
 * next comes behind it. */
void weir_conn_accept_news(struct weir_conn *c);
/* It knows the news, and was sent a part: what it weighs is the rest. */
void weir_conn_accept_rest(struct weir_conn *c);
/* What the log owes it moves into its queue. -ENOMEM. */
int weir_conn_enqueue_log(struct weir_conn *c);
/* No news from now on. */
void weir_conn_leave_feed(struct weir_conn *c);
/* c ends: it follows nothing any more, and what it was owed is dropped. */
void weir_conn_forget_feed(struct weir_conn *c);
/* c follows, and is back at low: accept what comes from now on, and tell what
 * was missed. */
void weir_conn_stop_skipping(struct weir_conn *c);
/* c follows or has followed: call on_missed if that is owed. False: c died of
 * it. */
bool weir_conn_tell_missed(struct weir_conn *c);

/* -- link.c -- */

/* c reached high, or is back at low: hold its sources, or let them go. */
void weir_link_press(struct weir_conn *c, bool above);
/* c ends: close its links. */
void weir_link_cut(struct weir_conn *c);
/* The one behind link in the chain of c. */
struct weir_link *weir_link_next(const struct weir_link *link,
				 const struct weir_conn *c);

/* -- fence.c -- */

/* Fire the fences that no byte is in front of. */
void weir_fence_fire(struct weir_conn *c);

/* -- conn_keepalive.c -- */

/* -EINVAL: a limit of keepalive or user timeout is out of its range. */
int weir_conn_check_keepalive(const struct weir_conn_limits *limits);
/* Ask the kernel for them; fd is TCP's. */
int weir_conn_set_keepalive(int fd, const struct weir_conn_limits *limits);
/* From c's limits to these. What the user has set on the socket stays. */
int weir_conn_change_keepalive(const struct weir_conn *c,
			       const struct weir_conn_limits *limits);
/* What to be in epoll for when nothing else is waited for. */
uint32_t weir_conn_keepalive_events(const struct weir_conn *c);
/* EPOLLERR came: where no call is sure to meet the error, act on it. */
void weir_conn_take_silent_error(struct weir_conn *c);

/* -- conn_limits.c -- */

int weir_conn_check_limits(const struct weir_conn_limits *limits);
size_t weir_conn_low(const struct weir_conn *c);
size_t weir_conn_high(const struct weir_conn *c);
size_t weir_conn_max(const struct weir_conn *c);
/* Arm the timer for the limit that must be checked first. A busy connection
 * finds it armed, or needs no timer. */
void weir_conn_schedule(struct weir_conn *c);

static inline size_t weir_conn_input_limit(const struct weir_conn *c)
{
	return c->limits->input ? c->limits->input : WEIR_READ_SIZE;
}

static inline size_t weir_conn_files(const struct weir_conn *c)
{
	return c->limits->files ? c->limits->files : WEIR_CONN_DEFAULT_FILES;
}

#endif
