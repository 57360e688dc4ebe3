/* Places in a stream: the count of bytes accepted before them.
 *
 * One is due when that many bytes have left the queue. Bytes that are dropped
 * from the middle have not left as long as older ones wait (see the gaps of
 * sendq.h). */
#include "outbox.h"

static struct weir_mark *mark_of(struct weir_list *link)
{
	return weir_container_of(link, struct weir_mark, link);
}

void weir_outbox_put_mark(struct weir_outbox *o, struct weir_loop *loop,
			  struct weir_mark *mark)
{
	struct weir_backlog *backlog = o->backlog;

	mark->at = o->sent + backlog->dropped + weir_outbox_n_queued(o) +
		   weir_outbox_n_gathered(o, loop);
	mark->n_dropped = backlog->dropped_unmarked;
	backlog->dropped_unmarked = 0;
	weir_list_append(&backlog->marks, &mark->link);
}

void weir_outbox_remove_mark(struct weir_outbox *o, struct weir_mark *mark)
{
	struct weir_backlog *backlog = o->backlog;
	struct weir_list *next = mark->link.next;

	if (next == &backlog->marks)
		backlog->dropped_unmarked += mark->n_dropped;
	else
		mark_of(next)->n_dropped += mark->n_dropped;
	weir_list_remove(&mark->link);
}

struct weir_mark *weir_outbox_due_mark(const struct weir_outbox *o)
{
	struct weir_mark *mark;

	if (!weir_outbox_has_marks(o))
		return NULL;
	mark = mark_of(o->backlog->marks.next);
	return mark->at <= weir_outbox_n_left(o) ? mark : NULL;
}

/* Share n bytes out among the marks behind them, each counting for the first
 * mark that they are before, or for the one that is set next. */
void weir_outbox_tell_marks(struct weir_outbox *o, uint64_t at, uint64_t n)
{
	struct weir_backlog *backlog = o->backlog;
	struct weir_list *link = backlog->marks.next;

	at += weir_outbox_n_left(o);
	for (; link != &backlog->marks && n > 0; link = link->next) {
		struct weir_mark *mark = mark_of(link);
		uint64_t before = mark->at > at ? mark->at - at : 0;

		if (before > n)
			before = n;
		mark->n_dropped += before;
		at += before;
		n -= before;
	}
	backlog->dropped_unmarked += n;
}
