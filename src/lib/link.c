/* Links: chains through the connections that they join.
 *
 * A connection has one chain for both its roles. It is the source of a link if
 * it is the link's source, else the sink. */
#include <weir/link.h>

#include <assert.h>
#include <errno.h>

#include "conn_inside.h"
#include "size.h"
#include "sys.h"

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
	source->watch.loop->n_links++;
	hold(link, weir_conn_has(sink, WEIR_FACT_ABOVE | WEIR_FACT_REFUSED));
}

void weir_link_close(struct weir_link *link)
{
	struct weir_loop *loop;

	if (!link->source)
		return;
	loop = link->source->watch.loop;
	if (--loop->n_links == 0)
		weir_loop_close_pipe(loop);
	hold(link, false);
	unchain(link, link->source);
	unchain(link, link->sink);
	link->source = NULL;
	link->sink = NULL;
}

/* -- passing on -- */

/* In the source's on_data, which has been offered all that was received. Only
 * one that is read from, and one that can take bytes at once, and neither that
 * would block. */
static bool may_splice(const struct weir_conn *source,
		       const struct weir_conn *sink)
{
	const struct weir_loop *loop = source->watch.loop;

	return loop->gather.owner == &source->out && !source->input &&
	       weir_conn_is_reading(source) &&
	       source->state.phase <= WEIR_PHASE_ENDED &&
	       weir_conn_refusal(sink) == 0 &&
	       !weir_conn_has(sink, WEIR_FACT_OWES | WEIR_FACT_FULL) &&
	       weir_sys_is_nonblocking(source->watch.fd) &&
	       weir_sys_is_nonblocking(sink->watch.fd);
}

/* A kernel, a sandbox or a socket without splice. */
static bool is_unsupported(ssize_t error)
{
	return error == -EINVAL || error == -ENOSYS || error == -EPERM ||
	       error == -EOPNOTSUPP;
}

/* The sink's answer for n bytes from the pipe. */
static struct weir_offer offer_pipe(struct weir_conn *sink, size_t n)
{
	struct weir_loop *loop = sink->watch.loop;
	ssize_t taken = weir_sys_splice(loop->pipe[0], sink->watch.fd, n,
					weir_loop_ignores_sigpipe(loop));

	/* the queue may do better */
	if (is_unsupported(taken))
		taken = 0;
	return weir_outbox_count_offer(&sink->out, loop, n, taken);
}

/* The sink takes n bytes from the pipe, or they are lost with it; then they
 * count as unread. */
static void take_from_pipe(struct weir_conn *source, struct weir_conn *sink,
			   size_t n)
{
	struct weir_loop *loop = sink->watch.loop;
	ssize_t taken = weir_conn_take_offer(sink, offer_pipe(sink, n));

	if (taken == (ssize_t)n)
		return;
	if (taken >= 0) {
		n -= (size_t)taken;
		if (weir_conn_queue_pipe(sink, loop->pipe[0], n))
			return;
		weir_conn_kill(sink, WEIR_REASON_ERROR, -ENOMEM, true);
	}
	source->discarded += n;
	weir_loop_close_pipe(loop);
}

/* No error of the source, which the kernel would have cleared with this
 * answer. */
static bool is_for_recv(ssize_t n_moved)
{
	return n_moved == 0 || weir_outbox_is_passing(n_moved) ||
	       is_unsupported(n_moved);
}

/* Move what waits in the source's socket, as far as the sink has room for it
 * now: what it does not take has to be copied twice. */
static void splice_on(struct weir_conn *source, struct weir_conn *sink)
{
	struct weir_loop *loop = source->watch.loop;
	size_t n = weir_smaller(weir_sys_send_room(sink->watch.fd),
				weir_conn_room(sink));
	ssize_t n_moved;

	n = weir_smaller(n, WEIR_TURN_BYTES);
	if (n < WEIR_READ_SIZE || weir_loop_open_pipe(loop, n) < 0)
		return;
	/* no SIGPIPE comes of a pipe whose other end is ours */
	n_moved = weir_sys_splice(source->watch.fd, loop->pipe[1], n, true);
	if (n_moved > 0) {
		source->received += (uint64_t)n_moved;
		take_from_pipe(source, sink, (size_t)n_moved);
	} else if (!is_for_recv(n_moved)) {
		weir_conn_fail(source, (int)n_moved);
	}
}

/* The sink queues as much of n bytes as it may ever hold: how many. A refusal
 * of all of them would hold nobody, and so nobody would try again. */
static size_t queue_rest(struct weir_conn *sink, const char *data, size_t n)
{
	n = weir_smaller(n, weir_conn_max(sink));
	return weir_conn_sendall(sink, data, n) == 0 ? n : 0;
}

size_t weir_link_pass(struct weir_link *link, const void *data, size_t n)
{
	struct weir_conn *source = link->source;
	struct weir_conn *sink = link->sink;
	ssize_t taken;

	if (!source)
		return 0;
	taken = weir_conn_offer(sink, data, n);
	if (taken >= 0 && taken < (ssize_t)n)
		taken += (ssize_t)queue_rest(sink, (const char *)data + taken,
					     n - (size_t)taken);
	/* it never will, and what holds the source is this link's end */
	if (weir_conn_refusal(sink) < 0)
		hold(link, true);
	if (taken < 0)
		return 0;
	if (n >= WEIR_READ_SIZE && taken == (ssize_t)n &&
	    may_splice(source, sink))
		splice_on(source, sink);
	return (size_t)taken;
}

/* -- pressure -- */

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
