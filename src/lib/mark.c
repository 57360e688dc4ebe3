/* Marks: put behind what was accepted, and fired from the loop. Their places
 * and counts are outbox_mark.c's. */
#include <weir/mark.h>

#include <assert.h>
#include <errno.h>

#include "conn_inside.h"

int weir_mark_open(struct weir_mark *mark, struct weir_conn *c,
		   weir_mark_fn *on_mark)
{
	assert(!mark->conn);
	if (weir_conn_is_dead(c))
		return weir_conn_refusal(c);
	if (!weir_conn_backlog(c))
		return -ENOMEM;
	*mark = (struct weir_mark){.conn = c, .on_mark = on_mark};
	weir_outbox_put_mark(&c->out, c->watch.loop, mark);
	weir_conn_set(c, WEIR_FACT_MARKED);
	weir_conn_note(c);
	return 0;
}

void weir_mark_close(struct weir_mark *mark)
{
	if (!mark->conn)
		return;
	weir_outbox_remove_mark(&mark->conn->out, mark);
	mark->conn = NULL;
}

static void fire(struct weir_mark *mark)
{
	weir_list_remove(&mark->link);
	mark->conn = NULL;
	mark->on_mark(mark, mark->n_dropped);
}

/* Up to a mark of our own: what is set inside a callback waits for the next
 * time, and asks for it by weir_conn_note. */
void weir_mark_fire(struct weir_conn *c)
{
	struct weir_outbox *o = &c->out;
	struct weir_mark *mark;
	struct weir_mark last = {0};

	if (!o->backlog)
		return;
	weir_outbox_put_mark(o, c->watch.loop, &last);
	while ((mark = weir_outbox_due_mark(o)) && mark != &last)
		fire(mark);
	weir_outbox_remove_mark(o, &last);
	weir_conn_clear(c, WEIR_FACT_MARKED);
	if (weir_outbox_has_marks(o))
		weir_conn_set(c, WEIR_FACT_MARKED);
}
