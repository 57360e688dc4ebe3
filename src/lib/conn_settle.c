/* Drawing the consequences: the callbacks that are owed, the FIN, the interest
 * in EPOLLIN and EPOLLOUT, the timer. Interest is derived here and nowhere
 * else (law 3). */
#include <weir/conn.h>

#include <errno.h>

#include <weir/observer.h>

#include "conn_inside.h"
#include "sys.h"

/* A connection that finishes still holds its sources and lets them go, but its
 * owner gets no on_pressure. */
static void call_on_pressure(struct weir_conn *c, bool above)
{
	weir_link_press(c, above);
	if (!c->events->on_pressure || weir_conn_is(c, WEIR_PHASE_FINISHING))
		return;
	weir_conn_begin_callback(c);
	c->events->on_pressure(c, above);
	weir_conn_end_callback(c);
}

/* What is to be offered to the kernel later in this turn, or in the next one,
 * is judged after that. */
static bool has_crossed_high(const struct weir_conn *c)
{
	bool is_offered =
		!weir_conn_may_flush(c) || !weir_watch_is_deferred(&c->watch);

	return !weir_conn_has(c, WEIR_FACT_ABOVE) &&
	       (weir_conn_has(c, WEIR_FACT_REFUSED) ||
		(is_offered &&
		 (weir_outbox_weight(&c->out) >= weir_conn_high(c) ||
		  weir_outbox_n_files(&c->out) >= weir_conn_files(c))));
}

static bool has_come_back_to_low(const struct weir_conn *c)
{
	const unsigned against = WEIR_FACT_NO_MEMORY | WEIR_FACT_NO_ROOM;
	size_t weight = weir_outbox_weight(&c->out);

	return weir_conn_has(c, WEIR_FACT_ABOVE) &&
	       !weir_conn_has(c, against) && !weir_conn_is_dead(c) &&
	       weight <= weir_conn_low(c) && weight < weir_conn_high(c) &&
	       weir_outbox_n_files(&c->out) <= weir_conn_files(c) / 4;
}

static void call_owed_pressure(struct weir_conn *c)
{
	if (has_crossed_high(c)) {
		weir_conn_set(c, WEIR_FACT_ABOVE);
		if (!(c->limits->flags & WEIR_CONN_NO_THROTTLE))
			weir_conn_hold(c, WEIR_HOLD_OUTPUT);
		call_on_pressure(c, true);
	}
	weir_conn_clear(c, WEIR_FACT_REFUSED);
	if (has_come_back_to_low(c) && weir_conn_has(c, WEIR_FACT_FOLLOWS))
		weir_conn_stop_skipping(c);
	if (has_come_back_to_low(c)) {
		weir_conn_clear(c, WEIR_FACT_ABOVE);
		weir_conn_let_go(c, WEIR_HOLD_OUTPUT);
		call_on_pressure(c, false);
	}
}

static bool owes_on_writable(const struct weir_conn *c)
{
	return weir_conn_has(c, WEIR_FACT_WANTS_ROOM) &&
	       !weir_conn_has(c, WEIR_FACT_FULL | WEIR_FACT_OWES);
}

void weir_conn_call_on_writable(struct weir_conn *c)
{
	if (weir_conn_is_dead(c) || !owes_on_writable(c))
		return;
	weir_conn_clear(c, WEIR_FACT_WANTS_ROOM);
	if (!c->events->on_writable || c->state.phase >= WEIR_PHASE_ENDED)
		return;
	weir_conn_begin_callback(c);
	c->events->on_writable(c);
	weir_conn_end_callback(c);
}

/* Settle the effects of a callback late in the settling: nothing else may
 * happen to the connection for hours. */
static bool owes_callback(const struct weir_conn *c)
{
	if (weir_outbox_due_fence(&c->out))
		return true;
	return !weir_conn_is(c, WEIR_PHASE_FINISHING) &&
	       (has_crossed_high(c) || has_come_back_to_low(c) ||
		weir_conn_owes_offer(c));
}

/* Call the user's callbacks, each once; their effects are settled next turn.
 * After any of them the connection may be dead. */
static void call_owed_callbacks(struct weir_conn *c)
{
	if (weir_conn_has(c, WEIR_FACT_FENCED))
		weir_fence_fire(c);
	if (!weir_conn_is_dead(c))
		call_owed_pressure(c);
	if (weir_conn_owes_offer(c))
		weir_conn_offer_kept(c);
	if (!weir_conn_has(c, WEIR_FACT_KEPT))
		weir_conn_clear(c, WEIR_FACT_OFFER);
	if (!weir_conn_is_dead(c) && owes_callback(c))
		weir_watch_defer(&c->watch);
}

/* ENOTCONN: it was reset meanwhile, and the error is pending. */
static int send_fin(struct weir_conn *c)
{
	int error = weir_sys_shutdown_write(c->watch.fd);

	if (error == -ENOTCONN) {
		error = weir_sys_socket_error(c->watch.fd);
		return error < 0 ? error : -ECONNRESET;
	}
	if (error == 0)
		weir_conn_set(c, WEIR_FACT_FIN_SENT);
	return error;
}

static void go_on_ending(struct weir_conn *c)
{
	int error = 0;

	if (!weir_conn_has(c, WEIR_FACT_FIN_SENT))
		error = send_fin(c);
	if (error < 0) {
		weir_conn_fail(c, error);
		return;
	}
	if (weir_conn_is(c, WEIR_PHASE_FINISHING) &&
	    weir_conn_has(c, WEIR_FACT_PEER_ENDED))
		weir_conn_kill(c, WEIR_REASON_FINISHED, 0, false);
}

/* EPOLLOUT if and only if bytes are queued or on_writable is owed. Without
 * anything to wait for it leaves epoll, unless the kernel is to find out
 * whether the peer is alive. */
static void set_interest(struct weir_conn *c)
{
	struct weir_observer *observer = c->watch.loop->observer;
	uint32_t events = weir_conn_is_reading(c) ? EPOLLIN : 0;
	bool was_armed = c->watch.wanted & EPOLLOUT;
	bool is_armed = weir_conn_has(c, WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM);
	int error;

	if (is_armed)
		events |= EPOLLOUT;
	if (events == 0)
		events = weir_conn_keepalive_events(c);
	error = weir_watch_set(&c->watch, events);
	if (error < 0) {
		weir_conn_fail(c, error);
		return;
	}
	if (is_armed && !was_armed) {
		if (c->out.backlog)
			c->out.backlog->n_arms++;
		if (observer && observer->on_arm)
			observer->on_arm(observer, c);
	}
	if (was_armed && !is_armed && observer && observer->on_disarm)
		observer->on_disarm(observer, c);
}

/* All bytes have left: if it is ending, take the next step. */
static void go_on(struct weir_conn *c)
{
	if (weir_conn_is(c, WEIR_PHASE_ENDED) ||
	    weir_conn_is(c, WEIR_PHASE_FINISHING)) {
		go_on_ending(c);
	} else if (weir_conn_is(c, WEIR_PHASE_DETACHING)) {
		weir_conn_enter(c, WEIR_PHASE_DETACHED);
		weir_conn_count_kept(c);
		weir_watch_defer_close(&c->watch);
	}
}

void weir_conn_settle(struct weir_conn *c)
{
	if (!weir_conn_is_dead(c))
		call_owed_callbacks(c);
	if (weir_conn_is(c, WEIR_PHASE_FINISHING))
		weir_conn_discard_kept(c);
	if (!weir_conn_has(c, WEIR_FACT_OWES))
		go_on(c);
	if (!weir_conn_is_dead(c))
		set_interest(c);
	if (!weir_conn_is_dead(c))
		weir_conn_schedule(c);
#ifdef WEIR_CHECKS
	weir_conn_check_settled(c);
#endif
}
