/* Fences: each is the count of bytes accepted before it, but for those that
 * were dropped from a log.
 *
 * A fence is due when that many bytes have left the queue. Bytes that are
 * dropped from the middle count as left only when no older ones wait (see the
 * gaps of sendq.h). */
#include "outbox.h"

#include <assert.h>

static struct weir_fence *fence_of(struct weir_list *link)
{
	return weir_container_of(link, struct weir_fence, link);
}

void weir_outbox_put_fence(struct weir_outbox *o, struct weir_loop *loop,
			   struct weir_fence *fence)
{
	struct weir_backlog *backlog = o->backlog;

	fence->at = weir_outbox_n_left(o) + backlog->queue.n_gap +
		    weir_outbox_n_queued(o) + weir_outbox_n_gathered(o, loop);
	fence->n_dropped = backlog->dropped_unfenced;
	backlog->dropped_unfenced = 0;
	weir_list_append(&backlog->fences, &fence->link);
}

void weir_outbox_remove_fence(struct weir_outbox *o, struct weir_fence *fence)
{
	struct weir_backlog *backlog = o->backlog;
	struct weir_list *next = fence->link.next;

	if (next == &backlog->fences)
		backlog->dropped_unfenced += fence->n_dropped;
	else
		fence_of(next)->n_dropped += fence->n_dropped;
	weir_list_remove(&fence->link);
}

struct weir_fence *weir_outbox_due_fence(const struct weir_outbox *o)
{
	struct weir_fence *fence;

	if (!weir_outbox_has_fences(o))
		return NULL;
	fence = fence_of(o->backlog->fences.next);
	return fence->at <= weir_outbox_n_left(o) ? fence : NULL;
}

/* Divide n dropped bytes among the fences. Each byte counts for the first fence
 * behind it, or for the next one to be opened. */
void weir_outbox_tell_fences(struct weir_outbox *o, uint64_t at, uint64_t n)
{
	struct weir_backlog *backlog = o->backlog;
	struct weir_list *link = backlog->fences.next;

	at += weir_outbox_n_left(o);
	for (; link != &backlog->fences && n > 0; link = link->next) {
		struct weir_fence *fence = fence_of(link);
		uint64_t before = fence->at > at ? fence->at - at : 0;

		if (before > n)
			before = n;
		fence->n_dropped += before;
		at += before;
		n -= before;
	}
	backlog->dropped_unfenced += n;
}

void weir_outbox_shift_fences(struct weir_outbox *o, uint64_t at, int64_t n)
{
	struct weir_list *head = &o->backlog->fences;
	struct weir_list *link = head->next;

	at += weir_outbox_n_left(o);
	for (; link != head; link = link->next) {
		struct weir_fence *fence = fence_of(link);

		if (fence->at <= at)
			continue;
		if (n < 0 && fence->at - at < (uint64_t)-n)
			fence->at = at;
		else
			fence->at += (uint64_t)n;
	}
}

void weir_outbox_check_fences(const struct weir_outbox *o)
{
	struct weir_list *head = &o->backlog->fences;
	struct weir_list *link = head->next;
	uint64_t at = 0;

	for (; link != head; link = link->next) {
		assert(fence_of(link)->at >= at);
		at = fence_of(link)->at;
	}
}
