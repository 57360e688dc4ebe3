/* What goes out: offered to the kernel, and what it does not take queued until
 * EPOLLOUT. (The user's calls are in conn_send.c.)
 *
 * A short send means that the kernel is full (law 4): FULL is set, and no
 * second try is made before EPOLLOUT. */
#include <weir/conn.h>

#include <errno.h>
#include <string.h>

#include "conn_inside.h"
#include <weir/observer.h>
#include "sys.h"

enum {
	/* what one flush offers: a fast reader must not starve the rest */
	FLUSH_BUDGET = 2097152,
	/* that much in full chunks, and a head that is partly sent */
	FLUSH_IOV = FLUSH_BUDGET / WEIR_CHUNK_SIZE + 2
};

/* The kernel is out of memory: within a call that counts as would-block. */
static bool is_passing(ssize_t error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM;
}

/* -- the debt -- */

static void note_full(struct weir_conn *c)
{
	c->debt->full_since_ns = weir_loop_now(c->watch.loop);
	c->debt->stalled_ns -= c->debt->full_since_ns;
}

void weir_conn_init_debt(struct weir_conn *c, struct weir_debt *debt)
{
	*debt = (struct weir_debt){.queue.pool = &c->watch.loop->pool,
				   .conn = c};
	weir_list_init(&debt->marks);
	c->debt = debt;
	if (c->state & WEIR_CONN_FULL)
		note_full(c);
}

struct weir_debt *weir_conn_debt(struct weir_conn *c)
{
	struct weir_debt *debt;

	if (c->debt)
		return c->debt;
	debt = weir_pool_alloc(&c->watch.loop->pool, sizeof *debt);
	if (debt)
		weir_conn_init_debt(c, debt);
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

void weir_conn_note_queue(struct weir_conn *c, uint64_t n_new)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_debt *debt = c->debt;
	bool was_owing = c->state & WEIR_CONN_OWES;
	uint64_t n = weir_sendq_length(&debt->queue);

	c->state &= ~(uint32_t)WEIR_CONN_OWES;
	if (n > 0)
		c->state |= WEIR_CONN_OWES;
	else
		debt->has_drained = true;
	weir_budget_place(&c->watch.loop->budget, &debt->debtor,
			  weir_sendq_weight(&debt->queue));
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
		note_full(c);
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

/* -- dropping -- */

uint64_t weir_conn_n_left(const struct weir_conn *c)
{
	const struct weir_debt *debt = c->debt;

	return c->sent + debt->dropped - debt->queue.n_gap;
}

static void note_dropped(void *user, uint64_t at, uint64_t n)
{
	weir_mark_note_dropped(user, at, n);
}

void weir_conn_drop(struct weir_conn *c)
{
	size_t n_gathered = weir_conn_forget_gathered(c);
	struct weir_debt *debt = c->debt;

	weir_conn_has_room(c);
	if (!debt)
		return;
	weir_sendq_tell(&debt->queue, note_dropped, c);
	/* The queue is empty while anything is gathered. */
	weir_mark_note_dropped(c, 0, n_gathered);
	debt->dropped += n_gathered + weir_sendq_length(&debt->queue);
	weir_sendq_clear(&debt->queue);
	weir_budget_place(&c->watch.loop->budget, &debt->debtor, 0);
	c->state &= ~(uint32_t)WEIR_CONN_OWES;
}

static void drop_one(void *user, uint64_t at, uint64_t n)
{
	struct weir_conn *c = user;

	weir_mark_note_dropped(c, at, n);
	c->debt->dropped += n;
}

size_t weir_conn_trim(struct weir_conn *c, size_t target)
{
	size_t n;

	if (!(c->state & WEIR_CONN_OWES))
		return 0;
	n = weir_sendq_trim(&c->debt->queue, target, drop_one, c);
	if (n > 0)
		c->state &= ~(uint32_t)WEIR_CONN_NO_ROOM;
	weir_conn_note_queue(c, 0);
	weir_conn_note(c);
	return n;
}

/* -- the queue -- */

static void note_flush(struct weir_conn *c, size_t taken)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_debt *debt = c->debt;

	c->sent += taken;
	if (taken > 0)
		c->state &= ~(uint32_t)WEIR_CONN_NO_ROOM;
	if (observer && observer->on_move)
		observer->on_move(observer, c, taken,
				  weir_sendq_length(&debt->queue));
	weir_conn_note_queue(c, 0);
}

static ssize_t flush_memory(struct weir_conn *c, bool *is_full)
{
	struct weir_sendq *q = &c->debt->queue;
	struct iovec iov[FLUSH_IOV];
	size_t offered;
	size_t n_iov;
	ssize_t taken;

	n_iov = weir_sendq_peek(q, iov, FLUSH_IOV, FLUSH_BUDGET, &offered);
	taken = weir_sys_sendv(c->watch.fd, iov, n_iov,
			       weir_sendq_has_file_behind(q, n_iov));
	*is_full = taken < (ssize_t)offered;
	if (taken > 0)
		weir_sendq_consume(q, (size_t)taken);
	return taken;
}

/* A short sendfile may be the file's end, so only EAGAIN says full. */
static ssize_t flush_file(struct weir_conn *c, bool *is_full)
{
	struct weir_sendq *q = &c->debt->queue;
	struct weir_sendq_file *file = weir_sendq_peek_file(q);
	size_t n = FLUSH_BUDGET;
	ssize_t taken;

	if (n > file->n_bytes)
		n = (size_t)file->n_bytes;
	taken = weir_sys_sendfile(c->watch.fd, file->fd, &file->offset, n);
	*is_full = taken < 0;
	if (taken > 0)
		weir_sendq_consume_file(q, (uint64_t)taken);
	return taken != 0 ? taken : -ENODATA;
}

void weir_conn_flush(struct weir_conn *c, bool is_first_offer)
{
	bool is_full;
	ssize_t taken;

	if (weir_sendq_peek_file(&c->debt->queue))
		taken = flush_file(c, &is_full);
	else
		taken = flush_memory(c, &is_full);
	if (taken == -EAGAIN || (is_first_offer && is_passing(taken)))
		taken = 0;
	if (taken < 0) {
		weir_conn_fail(c, (int)taken);
		return;
	}
	if (is_full)
		note_short(c, (size_t)taken);
	note_flush(c, (size_t)taken);
}

/* -- the budget -- */

int weir_conn_keep_budget(struct weir_conn *c, size_t n_bytes, size_t n_heap)
{
	struct weir_loop *loop = c->watch.loop;
	struct weir_budget *budget = &loop->budget;
	size_t owed = weir_sendq_weight(&c->debt->queue) + n_bytes;

	if (loop->pool.n_used_bytes + n_heap <= budget->high)
		return 0;
	weir_budget_place(budget, &c->debt->debtor, owed);
	while (loop->pool.n_used_bytes + n_heap > budget->low) {
		struct weir_debtor *debtor = weir_budget_largest(budget);
		struct weir_debt *debt;

		if (!debtor)
			break;
		debt = weir_container_of(debtor, struct weir_debt, debtor);
		weir_conn_end_for(debt->conn, WEIR_REASON_BUDGET, 0, true);
		if (debt->conn == c)
			return -ENOBUFS;
	}
	/* What c only asks for may still be refused. */
	weir_budget_place(budget, &c->debt->debtor, owed - n_bytes);
	return 0;
}

void weir_conn_output_progress(const struct weir_conn *c,
			       struct weir_progress *progress)
{
	const struct weir_debt *debt = c->debt;
	uint64_t now_ns;
	uint64_t oldest_ns;

	progress->queued = weir_conn_n_gathered(c);
	if (!debt)
		return;
	now_ns = weir_loop_now(c->watch.loop);
	oldest_ns = weir_sendq_oldest_ns(&debt->queue);
	progress->queued += weir_sendq_length(&debt->queue);
	progress->n_arms = debt->n_arms;
	progress->dropped = debt->dropped;
	progress->queue_peak = debt->queue_peak;
	progress->stalled_ns = debt->stalled_ns;
	if (c->state & WEIR_CONN_FULL) {
		progress->stalled_ns += now_ns;
		progress->full_ns = now_ns - debt->full_since_ns;
	}
	if (oldest_ns > 0)
		progress->oldest_age_ns = now_ns - oldest_ns;
}
