/* Which outbox owes most: the debtors of a loop, sorted into classes of size,
 * each twice the one before. Placing a debtor and finding one of the largest
 * are O(1); the one found is within a factor of two of the largest. See
 * weir_loop_budget in <weir/loop.h>.
 */
#ifndef WEIR_BUDGET_H
#define WEIR_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include <weir/list.h>

enum {
	WEIR_BUDGET_CLASSES = 32
};

struct weir_outbox;

/* Embedded by a debtor; zeroed owes nothing. */
struct weir_debtor {
	struct weir_outbox *outbox; /* of the connection that owes */
	struct weir_list link;
	unsigned size_class; /* good while linked */
};

/* 1. bit k of occupied is set if and only if classes[k] is not empty */
struct weir_budget {
	size_t high; /* beyond it debtors are closed, */
	size_t low;  /* until this is reached */
	uint32_t occupied;
	struct weir_list classes[WEIR_BUDGET_CLASSES];
};

void weir_budget_init(struct weir_budget *budget);
/* debtor owes n_bytes now; 0: it leaves the budget. */
void weir_budget_place(struct weir_budget *budget, struct weir_debtor *debtor,
		       size_t n_bytes);
/* One of the largest; NULL: there is no debtor. */
struct weir_debtor *weir_budget_largest(const struct weir_budget *budget);

#endif
