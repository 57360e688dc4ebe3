/* Fences: put behind what was accepted, and fired from the loop. Their places
 * and counts are outbox_fence.c's. */
#include <weir/fence.h>

#include <assert.h>
#include <errno.h>

#include "conn_inside.h"

int weir_fence_open(struct weir_fence *fence, struct weir_conn *c,
		    weir_fence_fn *on_fence)
{
	assert(!fence->conn);
	if (weir_conn_is_dead(c))
		return weir_conn_refusal(c);
	if (!weir_conn_backlog(c))
		return -ENOMEM;
	weir_conn_accept_news(c);
	*fence = (struct weir_fence){.conn = c, .on_fence = on_fence};
	weir_outbox_put_fence(&c->out, c->watch.loop, fence);
	weir_conn_set(c, WEIR_FACT_FENCED);
	weir_conn_settle_soon(c);
	return 0;
}

void weir_fence_close(struct weir_fence *fence)
{
	if (!fence->conn)
		return;
	weir_outbox_remove_fence(&fence->conn->out, fence);
	fence->conn = NULL;
}

static void fire(struct weir_fence *fence)
{
	weir_list_remove(&fence->link);
	fence->conn = NULL;
	fence->on_fence(fence, fence->n_dropped);
}

/* Stop at a fence of our own: fences that are opened inside a callback wait for
 * the next call, which they request by weir_conn_settle_soon. */
void weir_fence_fire(struct weir_conn *c)
{
	struct weir_outbox *o = &c->out;
	struct weir_fence *fence;
	struct weir_fence last = {0};

	if (!o->backlog)
		return;
	weir_outbox_put_fence(o, c->watch.loop, &last);
	while ((fence = weir_outbox_due_fence(o)) && fence != &last)
		fire(fence);
	weir_outbox_remove_fence(o, &last);
	weir_conn_clear(c, WEIR_FACT_FENCED);
	if (weir_outbox_has_fences(o))
		weir_conn_set(c, WEIR_FACT_FENCED);
}
