/* The consequences of what the outbox found: the facts, the end of a connection
 * whose stream is broken or whose bytes pass the budget, and the observer's
 * hooks. (The user's calls are in conn_send.c.) */
#include <weir/conn.h>

#include <errno.h>

#include <weir/observer.h>

#include "conn_inside.h"

static struct weir_observer *observer_of(const struct weir_conn *c)
{
	return c->watch.loop->observer;
}

static struct weir_conn *conn_of(struct weir_outbox *o)
{
	return weir_container_of(o, struct weir_conn, out);
}

/* -- full, and no longer -- */

struct weir_backlog *weir_conn_backlog(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;
	struct weir_backlog *backlog = weir_outbox_backlog(&c->out, loop);

	/* The backlog counts the time that the connection is stalled. */
	if (weir_conn_has(c, WEIR_FACT_FULL))
		weir_outbox_begin_stall(&c->out, loop);
	return backlog;
}

void weir_conn_clear_full(struct weir_conn *c)
{
	weir_conn_clear(c, WEIR_FACT_FULL);
	weir_outbox_end_stall(&c->out, c->watch.loop);
}

/* -- offers -- */

void weir_conn_take_queue(struct weir_conn *c, uint64_t n_new)
{
	struct weir_observer *observer = observer_of(c);
	bool was_owing = weir_conn_has(c, WEIR_FACT_OWES);
	uint64_t n = weir_outbox_n_queued(&c->out);

	if (weir_conn_has(c, WEIR_FACT_KEPT))
		weir_conn_count_kept(c);
	weir_conn_clear(c, WEIR_FACT_OWES);
	if (n > 0)
		weir_conn_set(c, WEIR_FACT_OWES);
	if (!observer)
		return;
	if (n_new > 0 && observer->on_queue)
		observer->on_queue(observer, c, n_new, n);
	if (n == 0 && was_owing && observer->on_drain)
		observer->on_drain(observer, c, c->out.backlog->stalled_ns);
}

/* Update the facts after any answer of the kernel; false: the connection
 * ended. */
static bool take_answer(struct weir_conn *c, const struct weir_offer *offer)
{
	if (offer->taken < 0) {
		weir_conn_fail(c, (int)offer->taken);
		return false;
	}
	if (offer->taken > 0)
		weir_conn_clear(c, WEIR_FACT_NO_ROOM);
	if (offer->is_full)
		weir_conn_set(c, WEIR_FACT_FULL);
	return true;
}

ssize_t weir_conn_take_offer(struct weir_conn *c, struct weir_offer offer)
{
	struct weir_observer *observer = observer_of(c);

	if (!take_answer(c, &offer))
		return weir_conn_refusal(c);
	if (observer && observer->on_offer)
		observer->on_offer(observer, c, offer.offered,
				   (size_t)offer.taken);
	return offer.taken;
}

static void take_gathered(struct weir_conn *c, struct weir_offer offer)
{
	if (weir_conn_take_offer(c, offer) < 0 || !offer.is_full)
		return;
	weir_conn_take_queue(c, offer.offered - (size_t)offer.taken);
	weir_conn_keep_budget(c, 0, 0);
}

void weir_conn_take_gathered(struct weir_conn *c, ssize_t taken)
{
	take_gathered(c,
		      weir_outbox_take_gathered(&c->out, c->watch.loop, taken));
}

void weir_conn_flush(struct weir_conn *c, bool is_first_offer)
{
	struct weir_observer *observer = observer_of(c);
	size_t n_left = WEIR_BYTES_PER_TURN;
	struct weir_offer offer;

	do {
		offer = weir_outbox_flush(&c->out, c->watch.loop, c->watch.fd,
					  n_left, is_first_offer);
		if (!take_answer(c, &offer))
			return;
		if (observer && observer->on_move)
			observer->on_move(observer, c, (size_t)offer.taken,
					  weir_outbox_n_queued(&c->out));
		weir_conn_take_queue(c, 0);
		n_left -= (size_t)offer.taken;
		is_first_offer = true;
	} while (offer.goes_on && n_left > 0 &&
		 weir_conn_has(c, WEIR_FACT_OWES));
}

void weir_conn_send_waiting(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;

	if (weir_outbox_n_gathered(&c->out, loop) > 0)
		take_gathered(c, weir_outbox_send_gathered(&c->out, loop,
							   c->watch.fd));
	else if (weir_conn_may_flush(c))
		weir_conn_flush(c, true);
}

/* -- callbacks -- */

void weir_conn_begin_callback(struct weir_conn *c)
{
	const unsigned against = WEIR_FACT_OWES | WEIR_FACT_FULL;

	weir_outbox_gather(&c->out, c->watch.loop,
			   weir_conn_is(c, WEIR_PHASE_OPEN) &&
				   !weir_conn_has(c, against) &&
				   !weir_conn_is_behind(c));
}

void weir_conn_end_callback(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;

	if (weir_conn_may_flush(c) && weir_loop_is_busy_writing(loop))
		weir_watch_defer_flush(&c->watch);
	else
		weir_conn_send_waiting(c);
	loop->gather.owner = NULL;
}

/* -- dropping -- */

uint64_t weir_conn_drop(struct weir_conn *c)
{
	weir_conn_clear(c, WEIR_FACT_OWES | WEIR_FACT_FULL);
	weir_conn_forget_feed(c);
	return weir_outbox_drop(&c->out, c->watch.loop);
}

size_t weir_conn_trim(struct weir_conn *c, size_t target)
{
	size_t n;

	if (!weir_conn_has(c, WEIR_FACT_OWES))
		return 0;
	n = weir_outbox_trim(&c->out, c->watch.loop, target);
	if (n > 0)
		weir_conn_clear(c, WEIR_FACT_NO_ROOM);
	weir_conn_take_queue(c, 0);
	weir_conn_settle_soon(c);
	return n;
}

/* -- the budget -- */

bool weir_conn_shed(struct weir_loop *loop, size_t n_heap,
		    const struct weir_conn *c)
{
	struct weir_outbox *victim;

	if (!weir_outbox_is_over_budget(loop, n_heap))
		return false;
	while ((victim = weir_outbox_victim(loop, n_heap))) {
		weir_conn_kill(conn_of(victim), WEIR_REASON_BUDGET, 0, true);
		weir_conn_discard_kept(conn_of(victim));
		if (c && victim == &c->out)
			return true;
	}
	return false;
}

int weir_conn_keep_budget(struct weir_conn *c, size_t n_bytes, size_t n_heap)
{
	struct weir_loop *loop = c->watch.loop;

	if (!weir_outbox_is_over_budget(loop, n_heap))
		return 0;
	weir_outbox_claim(&c->out, loop, n_bytes);
	if (weir_conn_shed(loop, n_heap, c))
		return -EPIPE;
	/* What c asks for now may still be refused. */
	weir_outbox_claim(&c->out, loop, 0);
	return 0;
}
