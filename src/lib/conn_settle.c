/* Drawing the consequences: the callbacks that are owed, the FIN, the interest
 * in EPOLLIN and EPOLLOUT, the timer. Interest is derived here and nowhere
 * else (law 3). */
#include <weir/conn.h>

#include <errno.h>

#include "conn_inside.h"
#include <weir/observer.h>
#include "sys.h"

/* Sources are held, and let go, also by a connection that finishes; its owner
 * hears no more of it. */
static void call_on_pressure(struct weir_conn *c, bool above)
{
	weir_link_press(c, above);
	if (!c->events->on_pressure || (c->state & WEIR_CONN_FINISHING))
		return;
	weir_conn_gather(c);
	c->events->on_pressure(c, above);
	weir_conn_gather_end(c);
}

static size_t weight(const struct weir_conn *c)
{
	return c->debt ? weir_sendq_weight(&c->debt->queue) : 0;
}

static bool has_crossed_high(const struct weir_conn *c)
{
	return !(c->state & WEIR_CONN_ABOVE) &&
	       ((c->state & WEIR_CONN_REFUSED) ||
		weight(c) >= weir_conn_high(c));
}

static bool has_come_back_to_low(const struct weir_conn *c)
{
	const uint32_t against =
		WEIR_CONN_NO_MEMORY | WEIR_CONN_NO_ROOM | WEIR_CONN_DEAD;

	return (c->state & WEIR_CONN_ABOVE) && !(c->state & against) &&
	       weight(c) <= weir_conn_low(c) && weight(c) < weir_conn_high(c);
}

static void settle_pressure(struct weir_conn *c)
{
	if (has_crossed_high(c)) {
		c->state |= WEIR_CONN_ABOVE;
		if (!(c->limits->flags & WEIR_CONN_NO_THROTTLE))
			c->state |= WEIR_CONN_THROTTLED;
		call_on_pressure(c, true);
	}
	c->state &= ~(uint32_t)WEIR_CONN_REFUSED;
	if (has_come_back_to_low(c)) {
		c->state &= ~(uint32_t)(WEIR_CONN_ABOVE | WEIR_CONN_THROTTLED);
		c->state |= WEIR_CONN_OFFER;
		call_on_pressure(c, false);
	}
}

static bool owes_on_writable(const struct weir_conn *c)
{
	return (c->state & WEIR_CONN_WANTS_ROOM) &&
	       !(c->state & (WEIR_CONN_FULL | WEIR_CONN_OWES));
}

void weir_conn_settle_writable(struct weir_conn *c)
{
	if ((c->state & WEIR_CONN_DEAD) || !owes_on_writable(c))
		return;
	c->state &= ~(uint32_t)WEIR_CONN_WANTS_ROOM;
	if (!c->events->on_writable || (c->state & WEIR_CONN_ENDED))
		return;
	weir_conn_gather(c);
	c->events->on_writable(c);
	weir_conn_gather_end(c);
}

/* What a callback late in the settling has brought about: nothing else may
 * happen to the connection for hours. */
static bool owes_callback(const struct weir_conn *c)
{
	if (weir_mark_is_due(c))
		return true;
	return !(c->state & WEIR_CONN_FINISHING) &&
	       (has_crossed_high(c) || has_come_back_to_low(c) ||
		weir_conn_owes_offer(c));
}

/* The user's callbacks, each once; what they bring about is settled next
 * turn. After any of them the connection may be dead. */
static void settle_callbacks(struct weir_conn *c)
{
	if (c->state & WEIR_CONN_MARKED)
		weir_mark_fire(c);
	if (!(c->state & WEIR_CONN_DEAD))
		settle_pressure(c);
	if (weir_conn_owes_offer(c))
		weir_conn_offer_kept(c);
	if (!(c->state & WEIR_CONN_KEPT))
		c->state &= ~(uint32_t)WEIR_CONN_OFFER;
	if (!(c->state & WEIR_CONN_DEAD) && owes_callback(c))
		weir_watch_defer_flush(&c->watch);
}

/* ENOTCONN: it was reset meanwhile, and the error waits to be asked for. */
static int send_fin(struct weir_conn *c)
{
	int error = weir_sys_shutdown_write(c->watch.fd);

	if (error == -ENOTCONN) {
		error = weir_sys_socket_error(c->watch.fd);
		return error < 0 ? error : -ECONNRESET;
	}
	if (error == 0)
		c->state |= WEIR_CONN_FIN_SENT;
	return error;
}

static void settle_end(struct weir_conn *c)
{
	int error = 0;

	if (!(c->state & WEIR_CONN_FIN_SENT))
		error = send_fin(c);
	if (error < 0) {
		weir_conn_fail(c, error);
		return;
	}
	if ((c->state & WEIR_CONN_FINISHING) &&
	    (c->state & WEIR_CONN_PEER_ENDED))
		weir_conn_end_for(c, WEIR_REASON_FINISHED, 0, false);
}

/* EPOLLOUT if and only if bytes are queued or on_writable is owed. */
static void settle_interest(struct weir_conn *c)
{
	struct weir_observer *observer = c->watch.loop->observer;
	uint32_t events = weir_conn_is_reading(c) ? EPOLLIN : 0;
	bool was_armed = c->watch.wanted & EPOLLOUT;
	bool is_armed = c->state & (WEIR_CONN_OWES | WEIR_CONN_WANTS_ROOM);
	int error;

	if (is_armed)
		events |= EPOLLOUT;
	error = weir_watch_set(&c->watch, events);
	if (error < 0) {
		weir_conn_fail(c, error);
		return;
	}
	if (is_armed && !was_armed) {
		if (c->debt)
			c->debt->n_arms++;
		if (observer && observer->on_arm)
			observer->on_arm(observer, c);
	}
	if (was_armed && !is_armed && observer && observer->on_disarm)
		observer->on_disarm(observer, c);
}

void weir_conn_settle(struct weir_conn *c)
{
	if (!(c->state & WEIR_CONN_DEAD))
		settle_callbacks(c);
	if (c->state & WEIR_CONN_FINISHING)
		weir_conn_discard_kept(c);
	if (!(c->state & (WEIR_CONN_DEAD | WEIR_CONN_OWES)) &&
	    (c->state & WEIR_CONN_ENDED))
		settle_end(c);
	if (!(c->state & (WEIR_CONN_DEAD | WEIR_CONN_OWES)) &&
	    (c->state & WEIR_CONN_DETACHING)) {
		c->state |= WEIR_CONN_CLOSING;
		weir_watch_defer_close(&c->watch);
	}
	if (!(c->state & WEIR_CONN_DEAD))
		settle_interest(c);
	if (!(c->state & WEIR_CONN_DEAD))
		weir_conn_schedule(c);
}
