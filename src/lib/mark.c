/* Marks by position: the count of bytes accepted before them.
 *
 * A mark is due when that many bytes have left the queue. Bytes that are
 * dropped from the middle have not left as long as older ones wait (see the
 * gaps of sendq.h). */
#include <weir/mark.h>

#include <assert.h>
#include <errno.h>

#include "conn_inside.h"

static struct weir_mark *mark_of(struct weir_list *link)
{
	return weir_container_of(link, struct weir_mark, link);
}

/* The count of all that c, which has a debt, has accepted. */
static uint64_t n_accepted(const struct weir_conn *c)
{
	const struct weir_debt *debt = c->debt;

	return c->sent + debt->dropped + weir_sendq_length(&debt->queue) +
	       weir_conn_n_gathered(c);
}

/* Behind all others; what was dropped behind them is its to tell. */
static void put(struct weir_mark *mark, struct weir_conn *c,
		weir_mark_fn *on_mark)
{
	struct weir_debt *debt = c->debt;

	*mark = (struct weir_mark){.conn = c,
				   .on_mark = on_mark,
				   .at = n_accepted(c),
				   .n_dropped = debt->dropped_unmarked};
	debt->dropped_unmarked = 0;
	weir_list_append(&debt->marks, &mark->link);
}

int weir_mark_open(struct weir_mark *mark, struct weir_conn *c,
		   weir_mark_fn *on_mark)
{
	assert(!mark->conn);
	if (c->state & WEIR_CONN_DEAD)
		return c->error ? c->error : -EPIPE;
	if (!weir_conn_debt(c))
		return -ENOMEM;
	put(mark, c, on_mark);
	c->state |= WEIR_CONN_MARKED;
	weir_conn_note(c);
	return 0;
}

/* The next one tells what it would have told. */
void weir_mark_close(struct weir_mark *mark)
{
	struct weir_debt *debt;
	struct weir_list *next = mark->link.next;

	if (!mark->conn)
		return;
	debt = mark->conn->debt;
	if (next == &debt->marks)
		debt->dropped_unmarked += mark->n_dropped;
	else
		mark_of(next)->n_dropped += mark->n_dropped;
	weir_list_remove(&mark->link);
	mark->conn = NULL;
}

static void fire(struct weir_mark *mark)
{
	weir_list_remove(&mark->link);
	mark->conn = NULL;
	mark->on_mark(mark, mark->n_dropped);
}

bool weir_mark_is_due(const struct weir_conn *c)
{
	const struct weir_list *marks;

	if (!(c->state & WEIR_CONN_MARKED))
		return false;
	marks = &c->debt->marks;
	return !weir_list_is_empty(marks) &&
	       mark_of(marks->next)->at <= weir_conn_n_left(c);
}

/* Up to a mark of our own: what is set inside a callback waits for the next
 * time, and asks for it by weir_conn_note. */
void weir_mark_fire(struct weir_conn *c)
{
	struct weir_list *marks;
	struct weir_mark last;

	if (!c->debt)
		return;
	marks = &c->debt->marks;
	put(&last, c, NULL);
	while (marks->next != &last.link &&
	       mark_of(marks->next)->at <= weir_conn_n_left(c))
		fire(mark_of(marks->next));
	weir_mark_close(&last);
	c->state &= ~(uint32_t)WEIR_CONN_MARKED;
	if (!weir_list_is_empty(marks))
		c->state |= WEIR_CONN_MARKED;
}

/* Share n bytes out among the marks behind them, each counting for the first
 * mark that they are before, or for the one that is set next. */
void weir_mark_note_dropped(struct weir_conn *c, uint64_t at, uint64_t n)
{
	struct weir_list *marks = &c->debt->marks;
	struct weir_list *link;

	at += weir_conn_n_left(c);
	for (link = marks->next; link != marks && n > 0; link = link->next) {
		struct weir_mark *mark = mark_of(link);
		uint64_t before = mark->at > at ? mark->at - at : 0;

		if (before > n)
			before = n;
		mark->n_dropped += before;
		at += before;
		n -= before;
	}
	c->debt->dropped_unmarked += n;
}
