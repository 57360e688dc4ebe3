/* The life of a connection: open, ready, settled, ended, closed.
 *
 * Whatever happens to it, by the kernel or by its user, leaves its trace in
 * c->state; weir_conn_settle (conn_settle.c), which only the loop's calls
 * reach, draws the consequences. So no function of the user's ever calls the
 * user back. */
#include <weir/conn.h>

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "conn_inside.h"
#include <weir/observer.h>
#include "sys.h"

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void weir_conn_note(struct weir_conn *c)
{
	if (c->watch.loop->gather.owner != c && !(c->state & WEIR_CONN_CLOSED))
		weir_watch_defer_flush(&c->watch);
}

void weir_conn_end_for(struct weir_conn *c, enum weir_reason reason, int error,
		       bool with_reset)
{
	weir_conn_drop(c);
	c->state &= ~(uint32_t)WEIR_CONN_DETACHING;
	c->state |= WEIR_CONN_CLOSING;
	if (with_reset)
		c->state |= WEIR_CONN_WITH_RESET;
	c->reason = (uint8_t)reason;
	c->error = error;
	weir_watch_defer_close(&c->watch);
}

static enum weir_reason reason_of(int error)
{
	switch (error) {
	case -EPIPE:
		return WEIR_REASON_PEER_CLOSED;
	case -ECONNRESET:
		return WEIR_REASON_RESET;
	default:
		return WEIR_REASON_ERROR;
	}
}

void weir_conn_fail(struct weir_conn *c, int error)
{
	const uint32_t against =
		WEIR_CONN_PAUSED | WEIR_CONN_PEER_ENDED | WEIR_CONN_FINISHING;
	int n_unread;

	if (c->state & WEIR_CONN_DEAD)
		return;
	weir_conn_end_for(c, reason_of(error), error, false);
	if (c->state & against)
		return;
	/* What has arrived is offered first; not what still arrives. */
	n_unread = weir_sys_unread(c->watch.fd);
	c->read_size = n_unread > 0 ? (uint32_t)n_unread : 0;
	c->state &= ~(uint32_t)WEIR_CONN_CLOSING;
	c->state |= WEIR_CONN_FAILED | WEIR_CONN_OFFER;
}

/* All but the descriptor and the input. */
static void leave_loop(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;

	weir_mark_fire(c);
	weir_link_cut(c);
	weir_timer_cancel(&c->timer);
	weir_watch_close(&c->watch);
	weir_conn_free_debt(c);
	/* Functions called on it from on_close find it closed, not broken. */
	c->watch.loop = loop;
	c->state |= WEIR_CONN_CLOSED;
}

static void hand_over(struct weir_conn *c)
{
	size_t n = weir_conn_n_kept(c);
	const void *kept = weir_conn_kept(c);
	struct weir_input *input = c->input;

	leave_loop(c);
	c->input = NULL;
	c->state &= ~(uint32_t)(WEIR_CONN_KEPT | WEIR_CONN_DETACHING);
	c->events->on_detach(c, c->watch.fd, kept, n);
	weir_sys_free(input);
}

static void close_now(struct weir_conn *c)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_result result = {.reason = (enum weir_reason)c->reason,
				     .error = c->error};
	int n_unread = 0;

	weir_conn_progress(c, &result.progress);
	if (!(c->state & WEIR_CONN_PEER_ENDED))
		n_unread = weir_sys_unread(c->watch.fd);
	if (n_unread > 0)
		result.progress.unread += (uint64_t)n_unread;
	leave_loop(c);
	if (c->state & WEIR_CONN_WITH_RESET)
		weir_sys_reset_on_close(c->watch.fd);
	weir_sys_close(c->watch.fd);
	weir_conn_discard_kept(c);
	if (observer && observer->on_close)
		observer->on_close(observer, c, &result);
	c->events->on_close(c, &result);
}

/* Offer what had arrived before the error, one receive a turn. */
static bool has_more_to_offer(struct weir_conn *c)
{
	const uint32_t against = WEIR_CONN_CLOSING | WEIR_CONN_PAUSED;
	size_t n_kept = weir_conn_n_kept(c);

	if (c->state & against)
		return false;
	if ((c->state & WEIR_CONN_OFFER) && c->input) {
		weir_conn_offer_kept(c);
		c->state &= ~(uint32_t)WEIR_CONN_OFFER;
		if (weir_conn_n_kept(c) < n_kept)
			return true;
		/* on_data may have paused it, or wants no more. */
		if (c->state & against)
			return false;
	}
	return weir_conn_read(c) > 0;
}

static void close_or_offer(struct weir_conn *c)
{
	/* A mark may still abort it. */
	if (c->state & WEIR_CONN_DETACHING)
		weir_mark_fire(c);
	if (c->state & WEIR_CONN_DETACHING)
		hand_over(c);
	else if (has_more_to_offer(c))
		weir_watch_defer_close(&c->watch);
	else
		close_now(c);
}

void weir_conn_take_no_data(struct weir_conn *c, ssize_t n, uint32_t events)
{
	if (n == 0) {
		weir_conn_take_end(c);
		return;
	}
	if (n == -EAGAIN && (events & EPOLLERR))
		n = weir_sys_socket_error(c->watch.fd);
	if (n < 0 && n != -EAGAIN)
		weir_conn_fail(c, (int)n);
}

/* Read before the rest: a send would eat the error that HUP and ERR announce,
 * and the input behind it would end in a false FIN. */
void weir_conn_get_ready(struct weir_conn *c, uint32_t events)
{
	ssize_t n;

	if (c->state & WEIR_CONN_DEAD) {
		/* What was harvested for it no longer counts. */
		if (events == 0 || events == WEIR_REFUSED)
			close_or_offer(c);
		return;
	}
	if (weir_conn_owes_offer(c))
		weir_conn_offer_kept(c);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) &&
	    weir_conn_is_reading(c)) {
		n = weir_conn_read(c);
		if (n <= 0)
			weir_conn_take_no_data(c, n, events);
	}
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		weir_conn_has_room(c);
	/* What on_data sent was offered when it returned. */
	if (events != EPOLLIN && (c->state & WEIR_CONN_OWES) &&
	    !(c->state & WEIR_CONN_FULL))
		weir_conn_flush(c, !(events & EPOLLOUT));
	if (events & EPOLLOUT)
		weir_conn_settle_writable(c);
	if (events & WEIR_REFUSED)
		weir_conn_fail(c, -ENOMEM);
	weir_conn_settle(c);
}

/* TCP_NODELAY can be asked of TCP alone. */
static int find_kind(int fd, bool keep_nagle, bool *is_tcp)
{
	int type;
	int value;
	int error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type);

	if (error < 0)
		return error;
	if (type != SOCK_STREAM)
		return -EPROTOTYPE;
	if (keep_nagle)
		error = weir_sys_getsockopt(fd, IPPROTO_TCP, TCP_NODELAY,
					    &value);
	else
		error = weir_sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	*is_tcp = error == 0;
	return 0;
}

int weir_conn_open(struct weir_conn *c, struct weir_loop *loop, int fd,
		   const struct weir_conn_events *events,
		   const struct weir_conn_limits *limits)
{
	static const struct weir_conn_limits defaults;
	struct weir_watch watch;
	bool is_tcp;
	int error;

	assert(!weir_conn_is_open(c) && events->on_data && events->on_close);
	if (!limits)
		limits = &defaults;
	error = weir_conn_check_limits(limits);
	if (error < 0)
		return error;
	error = find_kind(fd, limits->flags & WEIR_CONN_KEEP_NAGLE, &is_tcp);
	if (error < 0)
		return error;
	c->watch.loop = NULL;
	error = weir_watch_open(&c->watch, loop, fd, EPOLLIN,
				weir_conn_on_ready);
	if (error < 0)
		return error;
	c->watch.kind = WEIR_WORK_CONNECTION;
	watch = c->watch;
	*c = (struct weir_conn){.watch = watch,
				.events = events,
				.limits = limits,
				.is_tcp = is_tcp};
	c->read_size =
		(uint32_t)smaller(weir_conn_input_limit(c), WEIR_READ_SIZE);
	weir_conn_schedule(c);
	return 0;
}

bool weir_conn_is_open(const struct weir_conn *c)
{
	return c->watch.loop && !(c->state & WEIR_CONN_CLOSED);
}

void weir_conn_pause(struct weir_conn *c)
{
	c->state |= WEIR_CONN_PAUSED;
	weir_conn_note(c);
}

void weir_conn_resume(struct weir_conn *c)
{
	if (!(c->state & WEIR_CONN_PAUSED))
		return;
	c->state &= ~(uint32_t)WEIR_CONN_PAUSED;
	c->state |= WEIR_CONN_OFFER;
	weir_conn_note(c);
}

/* Sends are refused from here on: ENDED or DETACHING, how says. */
static void stop_sending(struct weir_conn *c, uint32_t how)
{
	c->state |= how;
	c->state &= ~(uint32_t)WEIR_CONN_WANTS_ROOM;
	weir_conn_stop_gathering(c);
	weir_conn_note(c);
}

static void end(struct weir_conn *c, uint32_t how)
{
	/* A finish wants no more input, not even what came before an error. */
	if ((c->state & WEIR_CONN_FAILED) && (how & WEIR_CONN_FINISHING))
		c->state |= WEIR_CONN_CLOSING;
	if (c->state & WEIR_CONN_DEAD)
		return;
	c->state &= ~(uint32_t)WEIR_CONN_DETACHING;
	stop_sending(c, how);
}

void weir_conn_end(struct weir_conn *c)
{
	end(c, WEIR_CONN_ENDED);
}

void weir_conn_finish(struct weir_conn *c)
{
	end(c, WEIR_CONN_ENDED | WEIR_CONN_FINISHING);
}

void weir_conn_detach(struct weir_conn *c)
{
	assert(c->events->on_detach);
	if (c->state & (WEIR_CONN_DEAD | WEIR_CONN_ENDED))
		return;
	stop_sending(c, WEIR_CONN_DETACHING);
}

void weir_conn_abort(struct weir_conn *c, bool with_reset)
{
	bool is_detaching = c->state & WEIR_CONN_DETACHING;

	if ((c->state & WEIR_CONN_CLOSING) && !is_detaching)
		return;
	if (c->state & WEIR_CONN_FAILED)
		c->state |= WEIR_CONN_CLOSING;
	else
		weir_conn_end_for(c, WEIR_REASON_ABORTED, 0, with_reset);
}

/* What ask counts, less our own FIN, which is no byte; -1: unknown. */
static int64_t kernel_share(const struct weir_conn *c, int (*ask)(int fd))
{
	int n = ask(c->watch.fd);

	if (n < 0)
		return -1;
	return n > 0 && (c->state & WEIR_CONN_FIN_SENT) ? n - 1 : n;
}

bool weir_conn_is_full(const struct weir_conn *c)
{
	return weir_conn_is_open(c) && (c->state & WEIR_CONN_FULL);
}

void weir_conn_counters(const struct weir_conn *c,
			struct weir_progress *progress)
{
	*progress = (struct weir_progress){.received = c->received,
					   .unread = c->discarded +
						     weir_conn_n_kept(c),
					   .sent = c->sent,
					   .n_short_sends = c->n_short_sends,
					   .n_would_blocks = c->n_would_blocks,
					   .kernel_unsent = -1,
					   .kernel_unacked = -1};
	weir_conn_output_progress(c, progress);
	progress->accepted =
		progress->sent + progress->queued + progress->dropped;
}

void weir_conn_progress(struct weir_conn *c, struct weir_progress *progress)
{
	weir_conn_counters(c, progress);
	if (!c->is_tcp || (c->state & WEIR_CONN_CLOSED))
		return;
	progress->kernel_unsent = kernel_share(c, weir_sys_unsent);
	progress->kernel_unacked = kernel_share(c, weir_sys_unacked);
}
