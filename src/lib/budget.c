/* Debtors by the highest bit of what they owe. */
#include "budget.h"

void weir_budget_init(struct weir_budget *budget)
{
	unsigned k;

	budget->occupied = 0;
	for (k = 0; k < WEIR_BUDGET_CLASSES; k++)
		weir_list_init(&budget->classes[k]);
}

static unsigned class_of(size_t n_bytes)
{
	unsigned k = 0;

	while (k < WEIR_BUDGET_CLASSES - 1 && n_bytes >> (k + 1) != 0)
		k++;
	return k;
}

static void take_out(struct weir_budget *budget, struct weir_debtor *debtor)
{
	unsigned k = debtor->size_class;

	weir_list_remove(&debtor->link);
	if (weir_list_is_empty(&budget->classes[k]))
		budget->occupied &= ~(UINT32_C(1) << k);
}

void weir_budget_place(struct weir_budget *budget, struct weir_debtor *debtor,
		       size_t n_bytes)
{
	unsigned k = class_of(n_bytes);

	if (weir_list_is_linked(&debtor->link)) {
		if (n_bytes > 0 && k == debtor->size_class)
			return;
		take_out(budget, debtor);
	}
	if (n_bytes == 0)
		return;
	debtor->size_class = k;
	weir_list_append(&budget->classes[k], &debtor->link);
	budget->occupied |= UINT32_C(1) << k;
}

struct weir_debtor *weir_budget_largest(const struct weir_budget *budget)
{
	unsigned k = WEIR_BUDGET_CLASSES - 1;

	if (budget->occupied == 0)
		return NULL;
	while (!(budget->occupied >> k & 1))
		k--;
	return weir_container_of(budget->classes[k].next, struct weir_debtor,
				 link);
}
