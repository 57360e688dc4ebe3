/* The budget of a loop, as its outboxes see it. The victim is found here; the
 * connection that asked closes it. */
#include "outbox.h"

bool weir_outbox_is_over_budget(const struct weir_loop *loop, size_t n_heap)
{
	return loop->pool.n_used_bytes + n_heap > loop->budget.high;
}

void weir_outbox_claim(struct weir_outbox *o, struct weir_loop *loop,
		       size_t n_bytes)
{
	struct weir_backlog *backlog = o->backlog;

	if (!backlog)
		return;
	weir_budget_place(&loop->budget, &backlog->debtor,
			  weir_outbox_weight(o) + backlog->n_input + n_bytes);
}

void weir_outbox_hold_input(struct weir_outbox *o, struct weir_loop *loop,
			    struct weir_debtor *debtor, size_t n_bytes)
{
	debtor->outbox = o;
	weir_budget_place(&loop->budget, debtor, o->backlog ? 0 : n_bytes);
	if (!o->backlog)
		return;
	o->backlog->n_input = n_bytes;
	weir_outbox_claim(o, loop, 0);
}

struct weir_outbox *weir_outbox_victim(const struct weir_loop *loop,
				       size_t n_heap)
{
	struct weir_debtor *debtor;

	if (loop->pool.n_used_bytes + n_heap <= loop->budget.low)
		return NULL;
	debtor = weir_budget_largest(&loop->budget);
	return debtor ? debtor->outbox : NULL;
}
