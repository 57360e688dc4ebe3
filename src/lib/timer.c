/* The timers of a loop: an intrusive pairing heap.
 *
 * Each node has its first child, its next sibling and a prev, which is the
 * sibling before it or, for a first child, the parent. The root has neither
 * siblings nor prev. */
#include "timer.h"

#include "loop.h"

/* Make the later of two roots the first child of the earlier. */
static struct weir_timer *meld(struct weir_timer *a, struct weir_timer *b)
{
	struct weir_timer *parent = a;
	struct weir_timer *child = b;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline_ns < a->deadline_ns) {
		parent = b;
		child = a;
	}
	child->prev = parent;
	child->next = parent->child;
	if (child->next)
		child->next->prev = child;
	parent->child = child;
	return parent;
}

/* Meld a list of siblings into one root: in pairs from left to right, then
 * the pairs from right to left, without recursion. */
static struct weir_timer *meld_siblings(struct weir_timer *first)
{
	struct weir_timer *pairs = NULL;
	struct weir_timer *root = NULL;

	while (first) {
		struct weir_timer *a = first;
		struct weir_timer *b = a->next;

		first = b ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b) {
			b->next = NULL;
			b->prev = NULL;
		}
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct weir_timer *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		root = meld(root, pair);
	}
	return root;
}

struct weir_timer *weir_timer_heap_add(struct weir_timer *root,
				       struct weir_timer *timer)
{
	timer->child = NULL;
	timer->next = NULL;
	timer->prev = NULL;
	return meld(root, timer);
}

struct weir_timer *weir_timer_heap_remove(struct weir_timer *root,
					  struct weir_timer *timer)
{
	struct weir_timer *orphans = meld_siblings(timer->child);

	timer->child = NULL;
	if (timer == root)
		return orphans;
	if (timer->prev->child == timer)
		timer->prev->child = timer->next;
	else
		timer->prev->next = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	timer->next = NULL;
	timer->prev = NULL;
	return meld(root, orphans);
}

void weir_timer_arm(struct weir_timer *timer, struct weir_loop *loop,
		    uint64_t deadline_ns, weir_timer_fn *on_expire)
{
	weir_timer_cancel(timer);
	if (deadline_ns == WEIR_NEVER)
		return;
	/* A timer that is armed while the timers run must not run among
	 * them. */
	if (deadline_ns <= loop->timers_ran_ns)
		deadline_ns = loop->timers_ran_ns + 1;
	timer->loop = loop;
	timer->on_expire = on_expire;
	timer->deadline_ns = deadline_ns;
	loop->timers = weir_timer_heap_add(loop->timers, timer);
	loop->chores |= WEIR_CHORE_TIMERS;
}

void weir_timer_cancel(struct weir_timer *timer)
{
	struct weir_loop *loop = timer->loop;

	if (!loop)
		return;
	loop->timers = weir_timer_heap_remove(loop->timers, timer);
	timer->loop = NULL;
}
