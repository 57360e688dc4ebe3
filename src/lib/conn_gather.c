/* What one callback of a connection sends, gathered to leave in one call.
 *
 * The loop has one buffer for it, and beside it a spare debt: what was
 * gathered is accepted, and must find a place in the queue whatever malloc
 * says. If need be that place is the buffer itself. */
#include <weir/conn.h>

#include "conn_inside.h"
#include "sys.h"

static struct weir_gather *gather_of(const struct weir_conn *c)
{
	return &c->watch.loop->gather;
}

size_t weir_conn_n_gathered(const struct weir_conn *c)
{
	const struct weir_gather *g = gather_of(c);

	return g->owner == c ? (size_t)(g->next - g->start) : 0;
}

/* Have the loop's gather buffer and beside it a spare debt, so that what is
 * gathered can always be queued. */
void weir_conn_gather_refill(struct weir_loop *loop)
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

/* What was gathered is out of the buffer, which is of use only with a spare
 * debt beside it. */
static void gather_tidy(struct weir_loop *loop)
{
	struct weir_gather *g = &loop->gather;

	g->next = g->start;
	g->end = g->start;
	weir_conn_gather_refill(loop);
	if (g->spare)
		return;
	weir_sys_free(g->segment);
	forget_segment(g);
}

void weir_conn_stop_gathering(struct weir_conn *c)
{
	if (gather_of(c)->owner == c)
		gather_of(c)->end = gather_of(c)->next;
}

/* The debt, for bytes that are accepted already: it cannot fail. */
static struct weir_debt *debt_for_gathered(struct weir_conn *c)
{
	struct weir_gather *g = gather_of(c);

	if (!weir_conn_debt(c)) {
		weir_conn_init_debt(c, g->spare);
		weir_pool_count(c->debt->queue.pool, sizeof *c->debt);
		g->spare = NULL;
	}
	return c->debt;
}

/* Give the gather buffer itself to the queue. */
static void give_segment(struct weir_conn *c, size_t begin)
{
	struct weir_gather *g = gather_of(c);
	struct weir_sendq_segment *segment = g->segment;

	segment->begin = (uint32_t)begin;
	segment->end = (uint32_t)(g->next - g->start);
	segment->queued_ns = weir_loop_now(c->watch.loop);
	weir_pool_count(c->debt->queue.pool, sizeof *segment + segment->size);
	weir_sendq_append_segment(&c->debt->queue, segment);
	forget_segment(g);
}

size_t weir_conn_queue_gathered(struct weir_conn *c, size_t begin)
{
	struct weir_gather *g = gather_of(c);
	struct weir_debt *debt = debt_for_gathered(c);
	size_t n = (size_t)(g->next - g->start) - begin;

	if (weir_sendq_reserve(&debt->queue, n) == 0)
		weir_sendq_append(&debt->queue, g->start + begin, n,
				  weir_loop_now(c->watch.loop));
	else
		give_segment(c, begin);
	gather_tidy(c->watch.loop);
	return n;
}

void weir_conn_gather(struct weir_conn *c)
{
	struct weir_gather *g = gather_of(c);

	g->owner = c;
	/* The limit is below max, which is high + WEIR_READ_SIZE at least. */
	g->end = c->state & WEIR_CONN_NO_GATHER ? g->start : g->limit;
}

void weir_conn_note_gathered(struct weir_conn *c, ssize_t taken)
{
	struct weir_gather *g = gather_of(c);
	size_t n = (size_t)(g->next - g->start);

	taken = weir_conn_note_offer(c, n, taken);
	if (taken >= 0 && (size_t)taken < n) {
		n = weir_conn_queue_gathered(c, (size_t)taken);
		weir_conn_note_queue(c, n);
		weir_conn_keep_budget(c, 0, 0);
	}
	g->next = g->start;
}

static void send_gathered(struct weir_conn *c)
{
	const struct weir_gather *g = gather_of(c);
	size_t n = (size_t)(g->next - g->start);

	weir_conn_note_gathered(c, weir_sys_send(c->watch.fd, g->start, n));
}

void weir_conn_send_waiting(struct weir_conn *c)
{
	if (weir_conn_n_gathered(c) > 0)
		send_gathered(c);
	else if ((c->state & WEIR_CONN_OWES) && !(c->state & WEIR_CONN_FULL))
		weir_conn_flush(c, true);
}

void weir_conn_gather_end(struct weir_conn *c)
{
	weir_conn_send_waiting(c);
	gather_of(c)->owner = NULL;
}

size_t weir_conn_forget_gathered(struct weir_conn *c)
{
	size_t n = weir_conn_n_gathered(c);

	weir_conn_stop_gathering(c);
	if (n > 0) {
		debt_for_gathered(c);
		gather_tidy(c->watch.loop);
	}
	return n;
}
