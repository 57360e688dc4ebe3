/* A connection from the inside: what the conn*.c files share. Internal: weir.h
 * does not include it. */
#ifndef WEIR_CONN_INSIDE_H
#define WEIR_CONN_INSIDE_H

#include <weir/conn.h>
#include <weir/mark.h>
#include "loop.h"
#include "sendq.h"

/* All that is not ordinary about a connection; 0: open, reading, owing
 * nothing, so that one compare settles the common case.
 *
 * 1. KEPT if and only if input is set
 * 2. OWES if and only if the queue holds bytes
 * 3. FINISHING implies ENDED; FIN_SENT implies ENDED and not OWES
 * 4. FAILED or CLOSING: in the loop's closes, and nothing is queued
 * 5. THROTTLED implies ABOVE */
enum weir_conn_state {
	/* reading is held by */
	WEIR_CONN_PAUSED = 1 << 0,    /* the user */
	WEIR_CONN_THROTTLED = 1 << 1, /* its own output */
	WEIR_CONN_LINKED = 1 << 2,    /* others' output: n_held_by > 0 */
	WEIR_CONN_DETACHING = 1 << 3,
	/* input */
	WEIR_CONN_KEPT = 1 << 4,       /* there are unconsumed bytes */
	WEIR_CONN_OFFER = 1 << 5,      /* which are to be offered again */
	WEIR_CONN_PEER_ENDED = 1 << 6, /* the peer's FIN was read */
	/* output */
	WEIR_CONN_OWES = 1 << 7,       /* bytes are queued */
	WEIR_CONN_FULL = 1 << 8,       /* the kernel takes no more for now */
	WEIR_CONN_WANTS_ROOM = 1 << 9, /* on_writable is owed */
	WEIR_CONN_ABOVE = 1 << 10,     /* on_pressure said so */
	WEIR_CONN_REFUSED = 1 << 11,   /* a sendall, since the last look */
	WEIR_CONN_NO_ROOM = 1 << 12,   /* for it, until the queue moves */
	WEIR_CONN_NO_MEMORY = 1 << 13, /* for it, until the timer fires */
	WEIR_CONN_MARKED = 1 << 14,    /* marks wait for their turn */
	/* the end */
	WEIR_CONN_ENDED = 1 << 15, /* nothing more will be sent */
	WEIR_CONN_FIN_SENT = 1 << 16,
	WEIR_CONN_FINISHING = 1 << 17, /* input is discarded */
	WEIR_CONN_LINGERING = 1 << 18, /* the timer is at the linger limit */
	WEIR_CONN_FAILED = 1 << 19,    /* an error; input is still offered */
	WEIR_CONN_CLOSING = 1 << 20,   /* only on_close is left */
	WEIR_CONN_WITH_RESET = 1 << 21,
	WEIR_CONN_CLOSED = 1 << 22 /* in on_close, or after */
};

enum {
	WEIR_CONN_DEAD = WEIR_CONN_FAILED | WEIR_CONN_CLOSING,
	WEIR_CONN_HELD = WEIR_CONN_PAUSED | WEIR_CONN_THROTTLED |
			 WEIR_CONN_LINKED | WEIR_CONN_DETACHING,
	/* what is sent now must be queued, or refused */
	WEIR_CONN_NO_GATHER = WEIR_CONN_OWES | WEIR_CONN_FULL |
			      WEIR_CONN_ENDED | WEIR_CONN_DETACHING |
			      WEIR_CONN_DEAD
};

/* What a connection has once it owes: the queue, and what counts only then. */
struct weir_debt {
	struct weir_sendq queue;
	struct weir_debtor debtor;
	struct weir_conn *conn;
	struct weir_list marks; /* by position */
	uint64_t dropped;
	uint64_t dropped_unmarked; /* of them, behind the last mark so far */
	uint64_t stalled_ns;	/* while FULL: less the time of its beginning */
	uint64_t full_since_ns; /* while FULL */
	size_t queue_peak;
	uint32_t n_arms;
	/* for the stall limit, at the last look; 0: not looking */
	uint64_t look_ns;
	uint64_t look_sent;
	int look_unacked;
	uint64_t unmoved_ns; /* charged since the peer last took something */
	/* for the minimum rate */
	uint64_t window_ns;    /* charged so far */
	uint64_t window_taken; /* by the peer in it */
	bool has_drained;      /* since the last look */
};

static inline bool weir_conn_is_reading(const struct weir_conn *c)
{
	uint32_t against = WEIR_CONN_DEAD | WEIR_CONN_PEER_ENDED;

	/* Nothing holds any longer once the input is to be discarded. */
	if (c->state & WEIR_CONN_FINISHING)
		return !(c->state & against);
	against |= WEIR_CONN_HELD;
	/* A refusal is going to throttle, as soon as it is settled. */
	if (!(c->limits->flags & WEIR_CONN_NO_THROTTLE))
		against |= WEIR_CONN_REFUSED;
	return !(c->state & against);
}

static inline bool weir_conn_owes_offer(const struct weir_conn *c)
{
	const uint32_t both = WEIR_CONN_OFFER | WEIR_CONN_KEPT;

	return (c->state & both) == both && weir_conn_is_reading(c) &&
	       !(c->state & WEIR_CONN_FINISHING);
}

/* -- conn.c -- */

/* Have the connection settled soon: after its own callback if that is where
 * we are, else in the turn's flushes. */
void weir_conn_note(struct weir_conn *c);
/* The first end wins. Drops what is queued; on_close follows from the loop,
 * after the remaining input if it is an error and nobody pauses. */
void weir_conn_fail(struct weir_conn *c, int error);
/* End it at once for a reason of our own. */
void weir_conn_end_for(struct weir_conn *c, enum weir_reason reason, int error,
		       bool with_reset);

/* -- conn_settle.c -- */

/* EPOLLOUT came, so at most once a turn: call on_writable if it is owed. */
void weir_conn_settle_writable(struct weir_conn *c);
/* Bring it in order after anything that may have changed its state: owed
 * callbacks, FIN, interest, timer. */
void weir_conn_settle(struct weir_conn *c);

/* Act on what epoll, or the loop's work lists, said. */
void weir_conn_get_ready(struct weir_conn *c, uint32_t events);
/* recv had no data: act on the FIN, the error, or nothing at all. */
void weir_conn_take_no_data(struct weir_conn *c, ssize_t n, uint32_t events);

/* -- conn_input.c -- */

/* The watch's callback: most often there is input, and nothing else. */
void weir_conn_on_ready(struct weir_watch *watch, uint32_t events);

/* Receive once, and offer what came with what was kept. Returns what recv
 * said: a count, 0 at the FIN, or a negative errno (not acted upon). */
ssize_t weir_conn_read(struct weir_conn *c);
/* Offer what was kept. */
void weir_conn_offer_kept(struct weir_conn *c);
void weir_conn_discard_kept(struct weir_conn *c);
size_t weir_conn_n_kept(const struct weir_conn *c);
/* The kept bytes; never NULL. */
const void *weir_conn_kept(const struct weir_conn *c);
/* The peer's FIN was read. */
void weir_conn_take_end(struct weir_conn *c);

/* -- conn_gather.c -- */

/* Around each callback of the connection: what it sends between the two is
 * gathered, and offered to the kernel at the end. */
void weir_conn_gather(struct weir_conn *c);
void weir_conn_gather_end(struct weir_conn *c);
/* Have a gather buffer, if there is memory for one. */
void weir_conn_gather_refill(struct weir_loop *loop);
size_t weir_conn_n_gathered(const struct weir_conn *c);
/* Offer the kernel what is gathered, or else what is queued, unless it is known
 * to be full; what it leaves of the gathered is queued. */
void weir_conn_send_waiting(struct weir_conn *c);
/* It was offered, and the kernel said taken. */
void weir_conn_note_gathered(struct weir_conn *c, ssize_t taken);
/* Move what is gathered, from begin on, to the queue, which is empty; how many
 * bytes that were. weir_conn_note_queue is left to the caller. */
size_t weir_conn_queue_gathered(struct weir_conn *c, size_t begin);
/* In its own callback: nothing more may be gathered. */
void weir_conn_stop_gathering(struct weir_conn *c);
/* Forget what is gathered; how many bytes that were. If any, c has a debt then.
 */
size_t weir_conn_forget_gathered(struct weir_conn *c);

/* -- conn_output.c -- */

/* The debt, made if need be; NULL: no memory. */
struct weir_debt *weir_conn_debt(struct weir_conn *c);
/* Let debt, whatever it holds, be c's, who has none. */
void weir_conn_init_debt(struct weir_conn *c, struct weir_debt *debt);
void weir_conn_free_debt(struct weir_conn *c);
/* Account for what the kernel took of a first offer. Returns the bytes taken;
 * an error that ends the connection has been seen to and is returned. */
ssize_t weir_conn_note_offer(struct weir_conn *c, size_t offered,
			     ssize_t taken);
/* The queue has changed; n_new bytes were put into it. */
void weir_conn_note_queue(struct weir_conn *c, uint64_t n_new);
/* Offer the queue to the kernel, once. What it answers to a first offer may
 * be passing (ENOBUFS); under an EPOLLOUT it is an error, else it would spin.
 */
void weir_conn_flush(struct weir_conn *c, bool is_first_offer);
/* EPOLLOUT came: the kernel is no longer full. */
void weir_conn_has_room(struct weir_conn *c);
/* The bytes that have left the queue, one way or the other: all in front of
 * what is the oldest now. */
uint64_t weir_conn_n_left(const struct weir_conn *c);
/* Keep the loop within its budget when c, which has a debt, owes n_bytes more
 * and the heap will hold n_heap more than is counted: 0, or -ENOBUFS if it was
 * c who had to go. */
int weir_conn_keep_budget(struct weir_conn *c, size_t n_bytes, size_t n_heap);
/* Give up all that is gathered or queued. */
void weir_conn_drop(struct weir_conn *c);
/* Fill in what the queue knows. */
void weir_conn_output_progress(const struct weir_conn *c,
			       struct weir_progress *progress);

/* -- conn_send.c -- */

/* Why c accepts nothing more; 0: it does. */
int weir_conn_refusal(const struct weir_conn *c);
/* It could accept, but has no room or no memory now: error. */
int weir_conn_refuse(struct weir_conn *c, int error);

/* -- link.c -- */

/* c crossed high, or came back to low: hold its sources, or let them go. */
void weir_link_press(struct weir_conn *c, bool above);
/* c ends: so do its links. */
void weir_link_cut(struct weir_conn *c);

/* -- mark.c -- */

/* The first of them has nothing in front of it any more. */
bool weir_mark_is_due(const struct weir_conn *c);
/* Fire the marks that have nothing in front of them. */
void weir_mark_fire(struct weir_conn *c);
/* n bytes were dropped that had at bytes of the queue before them. */
void weir_mark_note_dropped(struct weir_conn *c, uint64_t at, uint64_t n);

/* -- conn_limits.c -- */

int weir_conn_check_limits(const struct weir_conn_limits *limits);
size_t weir_conn_low(const struct weir_conn *c);
size_t weir_conn_high(const struct weir_conn *c);
size_t weir_conn_max(const struct weir_conn *c);
/* Arm the timer for what must be looked at first; a busy connection finds it
 * armed or needs none. */
void weir_conn_schedule(struct weir_conn *c);

static inline size_t weir_conn_input_limit(const struct weir_conn *c)
{
	return c->limits->input ? c->limits->input : WEIR_READ_SIZE;
}

#endif
