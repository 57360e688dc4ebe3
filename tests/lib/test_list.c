#include <weir/list.h>

#include <criterion/criterion.h>
#include <signal.h>

#include "harness.h"

TestSuite(list, .init = harness_begin, .fini = harness_end);

struct item {
	int number;
	struct weir_list link;
};

enum {
	N_ITEMS = 5
};

static struct item items[N_ITEMS];

/* A list of all items in order. */
static void fill(struct weir_list *head)
{
	int i;

	weir_list_init(head);
	for (i = 0; i < N_ITEMS; i++) {
		items[i].number = i;
		weir_list_append(head, &items[i].link);
	}
}

/* The list has exactly these numbers, the same from behind. */
static void expect(struct weir_list *head, const int *numbers, size_t n)
{
	struct weir_list *link = head->next;
	size_t i;

	for (i = 0; i < n; i++) {
		cr_assert_neq(link, head, "only %zu of %zu", i, n);
		cr_assert_eq(link->next->prev, link);
		cr_assert_eq(weir_container_of(link, struct item, link)->number,
			     numbers[i]);
		link = link->next;
	}
	cr_assert_eq(link, head, "more than %zu", n);
	cr_assert_eq(head->next->prev, head);
}

Test(list, a_new_head_is_empty_and_a_zeroed_link_idle)
{
	struct weir_list head;
	struct weir_list link = {0};

	weir_list_init(&head);
	cr_assert(weir_list_is_empty(&head));
	cr_assert_not(weir_list_is_linked(&link));
	cr_assert_null(weir_list_pop(&head));
}

Test(list, pops_in_the_order_of_appending)
{
	struct weir_list head;
	int i;

	fill(&head);
	cr_assert_not(weir_list_is_empty(&head));
	for (i = 0; i < N_ITEMS; i++) {
		cr_assert_eq(weir_list_pop(&head), &items[i].link);
		cr_assert_not(weir_list_is_linked(&items[i].link));
	}
	cr_assert(weir_list_is_empty(&head));
}

Test(list, removes_first_last_and_in_between)
{
	struct weir_list head;

	fill(&head);
	weir_list_remove(&items[2].link);
	expect(&head, (int[]){0, 1, 3, 4}, 4);
	weir_list_remove(&items[0].link);
	expect(&head, (int[]){1, 3, 4}, 3);
	weir_list_remove(&items[4].link);
	expect(&head, (int[]){1, 3}, 2);
	weir_list_remove(&items[1].link);
	weir_list_remove(&items[3].link);
	cr_assert(weir_list_is_empty(&head));
}

Test(list, a_removed_link_is_idle_and_may_be_removed_again_and_reused)
{
	struct weir_list head;

	fill(&head);
	weir_list_remove(&items[1].link);
	cr_assert_not(weir_list_is_linked(&items[1].link));
	weir_list_remove(&items[1].link);
	weir_list_append(&head, &items[1].link);
	expect(&head, (int[]){0, 2, 3, 4, 1}, 5);
}

Test(list, moves_all_in_order_behind_what_is_there)
{
	struct weir_list from;
	struct weir_list to;

	fill(&from);
	weir_list_init(&to);
	weir_list_append(&to, weir_list_pop(&from));
	weir_list_move_all(&to, &from);
	expect(&to, (int[]){0, 1, 2, 3, 4}, 5);
	cr_assert(weir_list_is_empty(&from));

	weir_list_move_all(&to, &from);
	expect(&to, (int[]){0, 1, 2, 3, 4}, 5);
	weir_list_move_all(&from, &to);
	expect(&from, (int[]){0, 1, 2, 3, 4}, 5);
	cr_assert(weir_list_is_empty(&to));
}

/* -- against a naive model: arrays -- */

struct model {
	int numbers[N_ITEMS];
	size_t n;
};

static void model_remove(struct model *m, int number)
{
	size_t n_kept = 0;
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->numbers[i] != number)
			m->numbers[n_kept++] = m->numbers[i];
	m->n = n_kept;
}

static void append(struct weir_list *head, struct model *m, int number)
{
	struct weir_list *link = &items[number].link;

	if (weir_list_is_linked(link))
		return;
	weir_list_append(head, link);
	m->numbers[m->n++] = number;
}

static void pop(struct weir_list *head, struct model *m)
{
	struct weir_list *link = weir_list_pop(head);

	cr_assert_eq(link == NULL, m->n == 0);
	if (!link)
		return;
	cr_assert_eq(weir_container_of(link, struct item, link)->number,
		     m->numbers[0]);
	model_remove(m, m->numbers[0]);
}

static void move_all(struct weir_list *heads, struct model *models)
{
	size_t i;

	weir_list_move_all(&heads[0], &heads[1]);
	for (i = 0; i < models[1].n; i++)
		models[0].numbers[models[0].n++] = models[1].numbers[i];
	models[1].n = 0;
}

Test(list, two_lists_agree_with_arrays_under_random_operations)
{
	struct weir_list heads[2];
	struct model models[2] = {0};
	int step;

	fill(&heads[0]);
	while (weir_list_pop(&heads[0]))
		;
	weir_list_init(&heads[1]);
	for (step = 0; step < 20000; step++) {
		int number = (int)harness_random_below(N_ITEMS);
		size_t which = harness_random_below(2);

		switch (harness_random_below(8)) {
		case 0:
			weir_list_remove(&items[number].link);
			model_remove(&models[0], number);
			model_remove(&models[1], number);
			break;
		case 1:
			pop(&heads[which], &models[which]);
			break;
		case 2:
			move_all(heads, models);
			break;
		default:
			append(&heads[which], &models[which], number);
		}
		expect(&heads[0], models[0].numbers, models[0].n);
		expect(&heads[1], models[1].numbers, models[1].n);
	}
}

Test(list, appending_a_link_that_is_in_a_list_aborts, .signal = SIGABRT)
{
	struct weir_list head;

	fill(&head);
	weir_list_append(&head, &items[0].link);
}

/* -- walking -- */

Test(list, is_walked_in_order_and_the_link_may_go_meanwhile)
{
	struct weir_list head;
	int n = 0;

	fill(&head);
	weir_list_for_each(link, &head) {
		cr_assert_eq(link, &items[n++].link);
		if (n % 2 == 0)
			weir_list_remove(link);
	}
	cr_assert_eq(n, N_ITEMS);
	n = 0;
	weir_list_for_each(link, &head) {
		cr_assert_eq(link, &items[n].link);
		n += 2;
	}
	weir_list_init(&head);
	weir_list_for_each(link, &head)
		cr_assert_fail("nothing is in it");
}
