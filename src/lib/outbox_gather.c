/* The bytes that one callback of a connection sends are gathered, to leave in
 * one call.
 *
 * The loop has one buffer for this, and beside it a spare backlog: gathered
 * bytes are accepted, and must find a place in the queue even if malloc fails.
 * If necessary that place is the buffer itself. */
#include "outbox.h"

#include "sys.h"

size_t weir_outbox_n_gathered(const struct weir_outbox *o,
			      const struct weir_loop *loop)
{
	const struct weir_gather *g = &loop->gather;

	return g->owner == o ? (size_t)(g->next - g->start) : 0;
}

/* Make the loop's gather buffer and a spare backlog, so that gathered bytes can
 * always be queued. */
void weir_outbox_refill_gather(struct weir_loop *loop)
{
	struct weir_gather *g = &loop->gather;

	if (!g->spare)
		g->spare = weir_sys_alloc(sizeof *g->spare);
	if (!g->spare || g->segment)
		return;
	g->segment = weir_sys_alloc(sizeof *g->segment + WEIR_GATHER_SIZE);
	if (!g->segment)
		return;
	*g->segment = (struct weir_sendq_segment){.size = WEIR_GATHER_SIZE};
	g->start = g->segment->bytes;
	g->limit = g->start + WEIR_GATHER_SIZE;
	g->next = g->start;
	g->end = g->start;
}

static void forget_segment(struct weir_gather *g)
{
	g->segment = NULL;
	g->start = NULL;
	g->limit = NULL;
	g->next = NULL;
	g->end = NULL;
}

/* The gathered bytes have left the buffer. A buffer without a spare backlog may
 * not be used. */
static void tidy(struct weir_loop *loop)
{
	struct weir_gather *g = &loop->gather;

	g->next = g->start;
	g->end = g->start;
	weir_outbox_refill_gather(loop);
	if (g->spare)
		return;
	weir_sys_free(g->segment);
	forget_segment(g);
}

void weir_outbox_gather(struct weir_outbox *o, struct weir_loop *loop,
			bool may_gather)
{
	struct weir_gather *g = &loop->gather;

	g->owner = o;
	/* The limit is below max, which is high + WEIR_READ_SIZE at least. */
	g->end = may_gather ? g->limit : g->start;
}

void weir_outbox_stop_gathering(struct weir_outbox *o, struct weir_loop *loop)
{
	struct weir_gather *g = &loop->gather;

	if (g->owner == o)
		g->end = g->next;
}

/* The backlog for bytes that are accepted already. It cannot fail. */
static struct weir_backlog *backlog_for_gathered(struct weir_outbox *o,
						 struct weir_loop *loop)
{
	struct weir_gather *g = &loop->gather;

	if (!weir_outbox_backlog(o, loop)) {
		weir_outbox_init_backlog(o, loop, g->spare);
		weir_pool_count(&loop->pool, sizeof *o->backlog);
		g->spare = NULL;
	}
	return o->backlog;
}

/* Give the gather buffer itself to the queue. */
static void give_segment(struct weir_outbox *o, struct weir_loop *loop,
			 size_t begin)
{
	struct weir_gather *g = &loop->gather;
	struct weir_sendq_segment *segment = g->segment;

	segment->begin = (uint32_t)begin;
	segment->end = (uint32_t)(g->next - g->start);
	segment->queued_ns = weir_loop_now(loop);
	weir_pool_count(&loop->pool, sizeof *segment + segment->size);
	weir_sendq_append_segment(&o->backlog->queue, segment);
	forget_segment(g);
}

static void queue_from(struct weir_outbox *o, struct weir_loop *loop,
		       size_t begin)
{
	struct weir_gather *g = &loop->gather;
	struct weir_sendq *q = &backlog_for_gathered(o, loop)->queue;
	size_t n = (size_t)(g->next - g->start) - begin;

	if (weir_sendq_reserve(q, n) == 0)
		weir_sendq_append(q, g->start + begin, n, weir_loop_now(loop));
	else
		give_segment(o, loop, begin);
	tidy(loop);
}

void weir_outbox_queue_gathered(struct weir_outbox *o, struct weir_loop *loop)
{
	queue_from(o, loop, 0);
}

struct weir_offer weir_outbox_take_gathered(struct weir_outbox *o,
					    struct weir_loop *loop,
					    ssize_t taken)
{
	struct weir_gather *g = &loop->gather;
	size_t n = (size_t)(g->next - g->start);
	struct weir_offer offer = weir_outbox_count_offer(o, loop, n, taken);

	if (!offer.is_full) {
		/* if the stream is broken, its owner drops the gathered
		 * bytes */
		if (offer.taken >= 0)
			g->next = g->start;
		return offer;
	}
	queue_from(o, loop, (size_t)offer.taken);
	weir_outbox_update(o, loop);
	/* Makes a backlog if there was none. */
	weir_outbox_begin_stall(o, loop);
	return offer;
}

struct weir_offer weir_outbox_send_gathered(struct weir_outbox *o,
					    struct weir_loop *loop, int fd)
{
	const struct weir_gather *g = &loop->gather;

	return weir_outbox_take_gathered(
		o, loop,
		weir_sys_send(fd, g->start, (size_t)(g->next - g->start)));
}

size_t weir_outbox_forget_gathered(struct weir_outbox *o,
				   struct weir_loop *loop)
{
	size_t n = weir_outbox_n_gathered(o, loop);

	weir_outbox_stop_gathering(o, loop);
	if (n > 0) {
		backlog_for_gathered(o, loop);
		tidy(loop);
	}
	return n;
}
