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
	weir_budget_place(&loop->budget, &o->backlog->debtor,
			  weir_outbox_weight(o) + n_bytes);
}

struct weir_outbox *weir_outbox_victim(const struct weir_loop *loop,
				       size_t n_heap)
{
	struct weir_debtor *debtor;

	if (loop->pool.n_used_bytes + n_heap <= loop->budget.low)
		return NULL;
	debtor = weir_budget_largest(&loop->budget);
	if (!debtor)
		return NULL;
	return weir_container_of(debtor, struct weir_backlog, debtor)->outbox;
}
