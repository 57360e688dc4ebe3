/* The classes of debtors against an array that is searched from end to end. */
#include "budget.h"

#include <criterion/criterion.h>

#include "harness.h"

TestSuite(budget, .init = harness_begin, .fini = harness_end);

enum {
	N_DEBTORS = 40
};

static struct weir_budget budget;
static struct weir_debtor debtors[N_DEBTORS];
static size_t owed[N_DEBTORS];

static void place(size_t i, size_t n_bytes)
{
	owed[i] = n_bytes;
	weir_budget_place(&budget, &debtors[i], n_bytes);
}

static size_t most_owed(void)
{
	size_t most = 0;
	size_t i;

	for (i = 0; i < N_DEBTORS; i++)
		if (most < owed[i])
			most = owed[i];
	return most;
}

static void check(void)
{
	const struct weir_debtor *found = weir_budget_largest(&budget);
	size_t most = most_owed();
	size_t n_linked = 0;
	size_t i;
	unsigned k;

	for (k = 0; k < WEIR_BUDGET_CLASSES; k++)
		cr_assert_eq(budget.occupied >> k & 1,
			     !weir_list_is_empty(&budget.classes[k]));
	for (i = 0; i < N_DEBTORS; i++) {
		n_linked += weir_list_is_linked(&debtors[i].link);
		cr_assert_eq(weir_list_is_linked(&debtors[i].link),
			     owed[i] > 0);
	}
	cr_assert_eq(found == NULL, n_linked == 0);
	if (found)
		cr_assert_gt(owed[found - debtors], most / 2);
}

Test(budget, begins_with_nobody)
{
	weir_budget_init(&budget);
	check();
	place(0, 0);
	check();
}

/* One of the largest is more than half of it: 2^k and 2^(k+1) - 1 share a
 * class, 2^(k+1) is above. */
Test(budget, knows_every_power_of_two)
{
	unsigned k;

	weir_budget_init(&budget);
	for (k = 0; k < WEIR_BUDGET_CLASSES - 1; k++) {
		place(0, (size_t)1 << k);
		place(1, ((size_t)2 << k) - 1);
		cr_assert_eq(debtors[0].size_class, debtors[1].size_class);
		check();
		place(2, (size_t)2 << k);
		cr_assert_eq(weir_budget_largest(&budget), &debtors[2]);
		place(2, 0);
		check();
	}
}

Test(budget, has_a_class_for_any_size)
{
	weir_budget_init(&budget);
	place(0, 1);
	place(1, SIZE_MAX);
	cr_assert_eq(weir_budget_largest(&budget), &debtors[1]);
	place(1, 0);
	cr_assert_eq(weir_budget_largest(&budget), &debtors[0]);
}

Test(budget, agrees_with_a_search_after_any_changes)
{
	unsigned step;

	weir_budget_init(&budget);
	for (step = 0; step < 100000; step++) {
		size_t n_bytes =
			harness_random() >> (33 + harness_random_below(31));

		if (harness_random_below(3) == 0)
			n_bytes = 0;
		place(harness_random_below(N_DEBTORS), n_bytes);
		check();
	}
}

/* Those who owe alike take turns; none is placed twice. */
Test(budget, empties_by_taking_the_largest_again_and_again)
{
	const struct weir_debtor *found;
	size_t n = 0;
	size_t i;

	weir_budget_init(&budget);
	for (i = 0; i < N_DEBTORS; i++)
		place(i, 1 + harness_random_below(1 << 20));
	while ((found = weir_budget_largest(&budget))) {
		check();
		place((size_t)(found - debtors), 0);
		n++;
	}
	cr_assert_eq(n, N_DEBTORS);
}
