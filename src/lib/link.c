/* Links: chains through the connections that they join.
 *
 * A connection has one chain for both its roles. It is the source of a link if
 * it is the link's source, else the sink. */
#include <weir/link.h>

#include <assert.h>

#include "conn_inside.h"

static struct weir_link_end *end_of(struct weir_link *link,
				    const struct weir_conn *c)
{
	return link->source == c ? &link->of_source : &link->of_sink;
}

static void chain(struct weir_link *link, struct weir_conn *c)
{
	struct weir_link_end *end = end_of(link, c);

	end->prev = NULL;
	end->next = c->links;
	if (c->links)
		end_of(c->links, c)->prev = link;
	c->links = link;
}

static void unchain(struct weir_link *link, struct weir_conn *c)
{
	struct weir_link_end *end = end_of(link, c);

	if (end->prev)
		end_of(end->prev, c)->next = end->next;
	else
		c->links = end->next;
	if (end->next)
		end_of(end->next, c)->prev = end->prev;
}

static void hold(struct weir_link *link, bool holds)
{
	struct weir_conn *source = link->source;

	if (link->holds == holds)
		return;
	link->holds = holds;
	if (holds) {
		source->n_held_by++;
		weir_conn_hold(source, WEIR_HOLD_LINKS);
	} else if (--source->n_held_by == 0) {
		weir_conn_let_go(source, WEIR_HOLD_LINKS);
	}
	weir_conn_settle_soon(source);
}

void weir_link_open(struct weir_link *link, struct weir_conn *source,
		    struct weir_conn *sink)
{
	assert(!link->source && source != sink);
	*link = (struct weir_link){.source = source, .sink = sink};
	chain(link, source);
	chain(link, sink);
	hold(link, weir_conn_has(sink, WEIR_FACT_ABOVE | WEIR_FACT_REFUSED));
}

void weir_link_close(struct weir_link *link)
{
	if (!link->source)
		return;
	hold(link, false);
	unchain(link, link->source);
	unchain(link, link->sink);
	link->source = NULL;
	link->sink = NULL;
}

void weir_link_press(struct weir_conn *c, bool above)
{
	struct weir_link *link;

	for (link = c->links; link; link = weir_link_next(link, c)) {
		if (link->sink == c)
			hold(link, above);
	}
}

struct weir_link *weir_link_next(const struct weir_link *link,
				 const struct weir_conn *c)
{
	return link->source == c ? link->of_source.next : link->of_sink.next;
}

void weir_link_cut(struct weir_conn *c)
{
	while (c->links)
		weir_link_close(c->links);
}
