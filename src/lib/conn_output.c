/* What goes out: gathered during a callback, offered to the kernel, and what
 * it does not take queued until EPOLLOUT. (The calls are in conn_send.c.)
 *
 * A short send means that the kernel is full (law 4): FULL is set, and no
 * second try is made before EPOLLOUT. */
#include <weir/conn.h>

#include <errno.h>
#include <string.h>

#include <weir/conn_inside.h>
#include <weir/observer.h>
#include <weir/sys.h>

enum {
	/* what one flush offers: a fast reader must not starve the rest */
	FLUSH_BUDGET = 2097152,
	/* that much in full chunks, and a head that is partly sent */
	FLUSH_IOV = FLUSH_BUDGET / WEIR_CHUNK_SIZE + 2
};

static struct weir_gather *gather_of(const struct weir_conn *c)
{
	return &c->watch.loop->gather;
}

size_t weir_conn_n_gathered(const struct weir_conn *c)
{
	const struct weir_gather *g = gather_of(c);

	return g->owner == c ? (size_t)(g->next - g->start) : 0;
}

/* The kernel is out of memory: within a call that counts as would-block. */
static bool is_passing(ssize_t error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM;
}

/* -- the debt -- */

static void debt_init(struct weir_conn *c, struct weir_debt *debt)
{
	*debt = (struct weir_debt){.queue.pool = &c->watch.loop->pool};
	if (c->state & WEIR_CONN_FULL)
		debt->stalled_ns -= weir_loop_now(c->watch.loop);
	c->debt = debt;
}

struct weir_debt *weir_conn_debt(struct weir_conn *c)
{
	struct weir_debt *debt;

	if (c->debt)
		return c->debt;
	debt = weir_pool_alloc(&c->watch.loop->pool, sizeof *debt);
	if (debt)
		debt_init(c, debt);
	return debt;
}

void weir_conn_free_debt(struct weir_conn *c)
{
	struct weir_debt *debt = c->debt;

	if (!debt)
		return;
	weir_sendq_clear(&debt->queue);
	weir_pool_free(debt->queue.pool, debt, sizeof *debt);
	c->debt = NULL;
}

/* -- full, and no longer -- */

void weir_conn_note_queue(struct weir_conn *c, size_t n_new)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_debt *debt = c->debt;
	bool was_owing = c->state & WEIR_CONN_OWES;
	size_t n = debt->queue.n_bytes;

	c->state &= ~(uint32_t)WEIR_CONN_OWES;
	if (n > 0)
		c->state |= WEIR_CONN_OWES;
	if (debt->queue_peak < n)
		debt->queue_peak = n;
	if (!observer)
		return;
	if (n_new > 0 && observer->on_queue)
		observer->on_queue(observer, c, n_new, n);
	if (n == 0 && was_owing && observer->on_drain)
		observer->on_drain(observer, c, debt->stalled_ns);
}

static void note_short(struct weir_conn *c, size_t n_taken)
{
	c->n_short_sends++;
	if (n_taken == 0)
		c->n_would_blocks++;
	if (c->state & WEIR_CONN_FULL)
		return;
	c->state |= WEIR_CONN_FULL;
	if (c->debt)
		c->debt->stalled_ns -= weir_loop_now(c->watch.loop);
}

void weir_conn_has_room(struct weir_conn *c)
{
	if (!(c->state & WEIR_CONN_FULL))
		return;
	c->state &= ~(uint32_t)WEIR_CONN_FULL;
	if (c->debt)
		c->debt->stalled_ns += weir_loop_now(c->watch.loop);
}

ssize_t weir_conn_note_offer(struct weir_conn *c, size_t offered, ssize_t taken)
{
	struct weir_observer *observer = c->watch.loop->observer;
	size_t n;

	if (taken < 0 && !is_passing(taken)) {
		weir_conn_fail(c, (int)taken);
		return taken;
	}
	n = taken > 0 ? (size_t)taken : 0;
	c->sent += n;
	if (n > 0)
		c->state &= ~(uint32_t)WEIR_CONN_NO_ROOM;
	if (n < offered)
		note_short(c, n);
	if (observer && observer->on_offer)
		observer->on_offer(observer, c, offered, n);
	return (ssize_t)n;
}

/* -- gathering -- */

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
		debt_init(c, g->spare);
		c->debt->queue.pool->n_used_bytes += sizeof *c->debt;
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
	c->debt->queue.pool->n_used_bytes += sizeof *segment + segment->size;
	weir_sendq_append_segment(&c->debt->queue, segment);
	forget_segment(g);
}

void weir_conn_queue_gathered(struct weir_conn *c, size_t begin)
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
	weir_conn_note_queue(c, n);
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
	if (taken >= 0 && (size_t)taken < n)
		weir_conn_queue_gathered(c, (size_t)taken);
	g->next = g->start;
}

void weir_conn_send_gathered(struct weir_conn *c)
{
	const struct weir_gather *g = gather_of(c);
	size_t n = (size_t)(g->next - g->start);

	weir_conn_note_gathered(c, weir_sys_send(c->watch.fd, g->start, n));
}

void weir_conn_gather_end(struct weir_conn *c)
{
	if (weir_conn_n_gathered(c) > 0)
		weir_conn_send_gathered(c);
	else if ((c->state & WEIR_CONN_OWES) && !(c->state & WEIR_CONN_FULL))
		weir_conn_flush(c, true);
	gather_of(c)->owner = NULL;
}

void weir_conn_drop(struct weir_conn *c)
{
	size_t n_gathered = weir_conn_n_gathered(c);

	if (n_gathered > 0) {
		debt_for_gathered(c)->dropped += n_gathered;
		gather_tidy(c->watch.loop);
	}
	weir_conn_stop_gathering(c);
	weir_conn_has_room(c);
	if (!c->debt)
		return;
	c->debt->dropped += c->debt->queue.n_bytes;
	weir_sendq_clear(&c->debt->queue);
	c->state &= ~(uint32_t)WEIR_CONN_OWES;
}

/* -- the queue -- */

static void note_flush(struct weir_conn *c, size_t offered, size_t taken)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_debt *debt = c->debt;

	c->sent += taken;
	weir_sendq_consume(&debt->queue, taken);
	if (taken > 0)
		c->state &= ~(uint32_t)WEIR_CONN_NO_ROOM;
	if (taken < offered)
		note_short(c, taken);
	if (observer && observer->on_move)
		observer->on_move(observer, c, taken, debt->queue.n_bytes);
	weir_conn_note_queue(c, 0);
}

void weir_conn_flush(struct weir_conn *c, bool is_first_offer)
{
	struct iovec iov[FLUSH_IOV];
	size_t offered;
	size_t n_iov;
	ssize_t taken;

	n_iov = weir_sendq_peek(&c->debt->queue, iov, FLUSH_IOV, FLUSH_BUDGET,
				&offered);
	taken = weir_sys_sendv(c->watch.fd, iov, n_iov);
	if (taken == -EAGAIN || (is_first_offer && is_passing(taken)))
		taken = 0;
	if (taken < 0)
		weir_conn_fail(c, (int)taken);
	else
		note_flush(c, offered, (size_t)taken);
}

void weir_conn_output_progress(struct weir_conn *c,
			       struct weir_progress *progress)
{
	const struct weir_debt *debt = c->debt;
	uint64_t oldest_ns;

	progress->queued = weir_conn_n_gathered(c);
	if (!debt)
		return;
	oldest_ns = weir_sendq_oldest_ns(&debt->queue);
	progress->queued += debt->queue.n_bytes;
	progress->dropped = debt->dropped;
	progress->queue_peak = debt->queue_peak;
	progress->stalled_ns = debt->stalled_ns;
	if (c->state & WEIR_CONN_FULL)
		progress->stalled_ns += weir_loop_now(c->watch.loop);
	if (oldest_ns > 0)
		progress->oldest_age_ns =
			weir_loop_now(c->watch.loop) - oldest_ns;
}
