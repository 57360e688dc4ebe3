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
	assert(implies(weir_conn_is_held(c, WEIR_HOLD_OUTPUT),
		       weir_conn_has(c, WEIR_FACT_ABOVE)));
	assert(implies(weir_outbox_has_fences(o),
		       weir_conn_has(c, WEIR_FACT_FENCED)));
	/* the end */
	assert(implies(weir_conn_has(c, WEIR_FACT_FIN_SENT),
		       phase >= WEIR_PHASE_ENDED && !weir_outbox_is_owing(o)));
	assert(implies(phase == WEIR_PHASE_ENDED ||
			       phase == WEIR_PHASE_FINISHING,
		       !weir_conn_has(c, WEIR_FACT_WANTS_ROOM)));
	assert(implies(weir_conn_is_dead(c), !weir_outbox_is_owing(o)));
}

/* EPOLLOUT if and only if bytes wait (law 3); EPOLLIN unless reading is
 * held. */
void weir_conn_check_settled(const struct weir_conn *c)
{
	const unsigned waits = WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM;

	weir_conn_check(c);
	if (weir_conn_is_dead(c)) {
		assert(c->watch.due == WEIR_DUE_CLOSE);
		return;
	}
	assert(!!(c->watch.wanted & EPOLLOUT) == weir_conn_has(c, waits));
	assert(!!(c->watch.wanted & EPOLLIN) == weir_conn_is_reading(c));
}
