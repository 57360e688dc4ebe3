/* The invariants of a connection. */
#include "conn_inside.h"

#include <assert.h>

static bool implies(bool a, bool b)
{
	return !a || b;
}

void weir_conn_check(const struct weir_conn *c)
{
	const struct weir_outbox *o = &c->out;
	uint8_t phase = c->state.phase;

	weir_outbox_check(o);
	/* input */
	assert(weir_conn_has(c, WEIR_FACT_KEPT) == (c->input != NULL));
	assert(weir_conn_is_held(c, WEIR_HOLD_LINKS) == (c->n_held_by > 0));
	/* output */
	assert(weir_conn_has(c, WEIR_FACT_OWES) == weir_outbox_is_owing(o));
	assert(implies(o->backlog && o->backlog->full_since_ns > 0,
		       weir_conn_has(c, WEIR_FACT_FULL)));
	assert(weir_conn_is_held(c, WEIR_HOLD_OUTPUT) ==
	       (weir_conn_has(c, WEIR_FACT_ABOVE) &&
		!(c->limits->flags & WEIR_CONN_NO_THROTTLE)));
	assert(implies(weir_conn_has(c, WEIR_FACT_NO_ROOM),
		       weir_outbox_is_owing(o) || weir_conn_is_dead(c)));
	assert(implies(weir_outbox_has_fences(o),
		       weir_conn_has(c, WEIR_FACT_FENCED)));
	/* the end */
	assert(implies(weir_conn_has(c, WEIR_FACT_FIN_SENT),
		       phase >= WEIR_PHASE_ENDED && !weir_outbox_is_owing(o)));
	assert(implies(phase == WEIR_PHASE_ENDED ||
			       phase == WEIR_PHASE_FINISHING,
		       !weir_conn_has(c, WEIR_FACT_WANTS_ROOM)));
	assert(implies(weir_conn_is_dead(c), !weir_outbox_is_owing(o)));
	/* One that is detached may leave a full kernel. */
	assert(implies(weir_conn_is(c, WEIR_PHASE_FAILED) ||
			       weir_conn_is(c, WEIR_PHASE_CLOSING),
		       !weir_conn_has(c, WEIR_FACT_FULL)));
}

/* Its place among links: each holds its source while its sink is above, or is
 * about to be; or perhaps because that can send nothing more. */
static void check_links(const struct weir_conn *c)
{
	bool presses = weir_conn_has(c, WEIR_FACT_ABOVE | WEIR_FACT_REFUSED);
	bool may_hold = presses || weir_conn_refusal(c) < 0;
	uint32_t n_held_by = 0;
	struct weir_link *link;

	for (link = c->links; link; link = weir_link_next(link, c)) {
		if (link->source == c)
			n_held_by += link->holds;
		else
			assert(implies(presses, link->holds) &&
			       implies(link->holds, may_hold));
	}
	assert(c->n_held_by == n_held_by);
}

/* Nothing that is owed waits for an event which may not come. */
static void check_owed(const struct weir_conn *c)
{
	const unsigned waits = WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM;

	/* law 3 */
	assert(!!(c->watch.wanted & EPOLLOUT) == weir_conn_has(c, waits));
	assert(!!(c->watch.wanted & EPOLLIN) == weir_conn_is_reading(c));
	assert(implies(weir_conn_has(c, WEIR_FACT_NO_MEMORY) &&
			       !weir_conn_has(c, WEIR_FACT_FIN_SENT),
		       weir_timer_is_armed(&c->timer)));
	assert(implies(weir_outbox_due_fence(&c->out) ||
			       weir_conn_owes_offer(c),
		       c->watch.due == WEIR_DUE_DEFERRED));
}

void weir_conn_check_settled(const struct weir_conn *c)
{
	bool owes = weir_conn_has(c, WEIR_FACT_OWES);
	bool is_finishing = weir_conn_is(c, WEIR_PHASE_FINISHING);

	weir_conn_check(c);
	check_links(c);
	if (weir_conn_is_dead(c)) {
		assert(c->watch.due == WEIR_DUE_CLOSE);
		return;
	}
	check_owed(c);
	assert(implies(!weir_conn_has(c, WEIR_FACT_KEPT),
		       !weir_conn_has(c, WEIR_FACT_OFFER)));
	assert(implies(weir_conn_has(c, WEIR_FACT_KEPT),
		       !is_finishing &&
			       !weir_conn_has(c, WEIR_FACT_PEER_ENDED)));
	assert(implies(weir_conn_is(c, WEIR_PHASE_DETACHING), owes));
	assert(implies(is_finishing || weir_conn_is(c, WEIR_PHASE_ENDED),
		       owes || weir_conn_has(c, WEIR_FACT_FIN_SENT)));
}
