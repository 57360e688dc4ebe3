/* The life of a connection: ready, settled, ended, closed.
 *
 * Everything that the kernel or the user does to it changes c->state;
 * weir_conn_settle (conn_settle.c), which only the loop's calls reach, draws
 * the consequences. So no function that the user calls ever calls the user
 * back. */
#include <weir/conn.h>

#include <assert.h>
#include <errno.h>

#include <weir/observer.h>

#include "conn_inside.h"
#include "sys.h"

enum {
	ERRORS_PER_TURN = 64, /* thrown away at most */
	HELD_TO_WRITTEN = 64  /* how many bytes are freed as one is written */
};

void weir_conn_settle_soon(struct weir_conn *c)
{
	if (weir_conn_is_open(c) && c->watch.loop->gather.owner != &c->out)
		weir_watch_defer(&c->watch);
}

/* -- the end, and how it begins -- */

void weir_conn_enter(struct weir_conn *c, enum weir_conn_phase phase)
{
	assert(c->state.phase <= phase);
	c->state.phase = (uint8_t)phase;
}

/* A peer that is owed more may not take what it has for the whole, unless the
 * user wants it so. */
static void die(struct weir_conn *c, enum weir_conn_phase phase,
		enum weir_reason reason, int error)
{
	if (weir_conn_drop(c) > 0 && reason != WEIR_REASON_ABORTED)
		weir_conn_set(c, WEIR_FACT_WITH_RESET);
	weir_conn_enter(c, phase);
	weir_conn_count_kept(c);
	c->reason = (uint8_t)reason;
	c->error = error;
	weir_watch_defer_close(&c->watch);
}

void weir_conn_kill(struct weir_conn *c, enum weir_reason reason, int error,
		    bool with_reset)
{
	die(c, WEIR_PHASE_CLOSING, reason, error);
	if (with_reset)
		weir_conn_set(c, WEIR_FACT_WITH_RESET);
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
	int n_unread;

	if (weir_conn_is_dead(c))
		return;
	if (weir_conn_is_held(c, WEIR_HOLD_USER) ||
	    weir_conn_has(c, WEIR_FACT_PEER_ENDED) ||
	    weir_conn_is(c, WEIR_PHASE_FINISHING)) {
		weir_conn_kill(c, reason_of(error), error, false);
		return;
	}
	/* Input that has arrived is offered first; later input is not. */
	die(c, WEIR_PHASE_FAILED, reason_of(error), error);
	n_unread = weir_sys_unread(c->watch.fd);
	c->read_size = n_unread > 0 ? (uint32_t)n_unread : 0;
	weir_conn_set(c, WEIR_FACT_OFFER);
}

/* Drops all but the descriptor and the input. */
static void leave_loop(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;

	weir_fence_fire(c);
	weir_link_cut(c);
	weir_conn_forget_feed(c);
	weir_timer_cancel(&c->timer);
	weir_watch_close(&c->watch);
	weir_outbox_deinit(&c->out);
	/* Functions called on it from on_close find it closed, not broken. */
	c->watch.loop = loop;
	weir_conn_enter(c, WEIR_PHASE_CLOSED);
}

static void hand_over(struct weir_conn *c)
{
	size_t n = weir_conn_n_kept(c);
	const void *kept = weir_conn_kept(c);
	struct weir_input *input = weir_conn_release_kept(c);

	leave_loop(c);
	c->events->on_detach(c, c->watch.fd, kept, n);
	weir_sys_free(input);
}

/* Input that nobody has read is lost, as it is where the kernel holds it. */
static bool ends_by_reset(const struct weir_conn *c)
{
	return weir_conn_has(c, WEIR_FACT_WITH_RESET) ||
	       (weir_conn_n_kept(c) > 0 && c->reason != WEIR_REASON_ABORTED);
}

/* The kernel frees what it holds of a connection some ten times as fast as it
 * is written, but it may hold 4 MiB of each. */
static void spend_on_close(struct weir_loop *loop,
			   const struct weir_progress *progress)
{
	uint64_t n_held = progress->unread;

	if (progress->kernel_unacked > 0)
		n_held += (uint64_t)progress->kernel_unacked;
	weir_loop_spend(loop,
			WEIR_CALL_BYTES + (size_t)(n_held / HELD_TO_WRITTEN));
}

static void close_now(struct weir_conn *c)
{
	struct weir_observer *observer = c->watch.loop->observer;
	struct weir_result result = {.reason = (enum weir_reason)c->reason,
				     .error = c->error};
	int n_unread = 0;

	weir_conn_progress(c, &result.progress);
	if (!weir_conn_has(c, WEIR_FACT_PEER_ENDED))
		n_unread = weir_sys_unread(c->watch.fd);
	if (n_unread > 0)
		result.progress.unread += (uint64_t)n_unread;
	spend_on_close(c->watch.loop, &result.progress);
	leave_loop(c);
	if (ends_by_reset(c))
		weir_sys_reset_on_close(c->watch.fd);
	weir_sys_close(c->watch.fd);
	weir_conn_discard_kept(c);
	if (observer && observer->on_close)
		observer->on_close(observer, c, &result);
	c->events->on_close(c, &result);
}

static bool may_offer_rest(const struct weir_conn *c)
{
	return weir_conn_is(c, WEIR_PHASE_FAILED) &&
	       !weir_conn_is_held(c, WEIR_HOLD_USER);
}

/* Offer what had arrived before the error, one receive a turn. */
static bool has_more_to_offer(struct weir_conn *c)
{
	size_t n_kept = weir_conn_n_kept(c);

	if (may_offer_rest(c) && weir_conn_has(c, WEIR_FACT_OFFER) &&
	    c->input) {
		weir_conn_offer_kept(c);
		weir_conn_clear(c, WEIR_FACT_OFFER);
		if (weir_conn_n_kept(c) < n_kept)
			return true;
	}
	/* on_data may have paused or ended it. */
	return may_offer_rest(c) && weir_conn_read(c) > 0;
}

/* Next turn: any number of connections may have failed. */
static void go_on_offering(struct weir_conn *c)
{
	weir_loop_spend(c->watch.loop, WEIR_CALL_BYTES);
	weir_watch_defer_close(&c->watch);
}

static void close_or_offer(struct weir_conn *c)
{
	/* A fence's callback may still abort it. */
	if (weir_conn_is(c, WEIR_PHASE_DETACHED))
		weir_fence_fire(c);
	if (weir_conn_is(c, WEIR_PHASE_DETACHED))
		hand_over(c);
	else if (has_more_to_offer(c))
		go_on_offering(c);
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

/* Entries that the user's own options bring keep the socket ready until they
 * are read. A Unix socket has no such queue, and would give input. */
static void empty_error_queue(struct weir_conn *c)
{
	unsigned i;

	if (!c->is_tcp)
		return;
	if (c->events->on_error_queue) {
		weir_conn_begin_callback(c);
		c->events->on_error_queue(c);
		weir_conn_end_callback(c);
	}
	for (i = 0; i < ERRORS_PER_TURN; i++)
		if (weir_sys_take_error(c->watch.fd) < 0)
			return;
}

/* Read first: a send would clear the error that HUP and ERR announce, and the
 * input behind it would end in a false FIN. */
void weir_conn_handle_event(struct weir_conn *c, uint32_t events)
{
	ssize_t n;

	if (weir_conn_follower(c) && !weir_conn_tell_missed(c))
		return;
	if (weir_conn_is_dead(c)) {
		/* Events that were harvested for it no longer count. */
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
	if (events & EPOLLERR)
		weir_conn_take_silent_error(c);
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		weir_conn_clear_full(c);
	/* Bytes that on_data sent were offered when it returned. */
	if (events != EPOLLIN && weir_conn_may_flush(c)) {
		if (events != 0 && weir_loop_is_busy_writing(c->watch.loop))
			weir_watch_defer_flush(&c->watch);
		else
			weir_conn_flush(c, !(events & EPOLLOUT));
	}
	if ((events & EPOLLERR) && !weir_conn_is_dead(c))
		empty_error_queue(c);
	if (events & EPOLLOUT)
		weir_conn_call_on_writable(c);
	if (events & WEIR_REFUSED)
		weir_conn_fail(c, -ENOMEM);
	weir_conn_settle(c);
}

bool weir_conn_is_open(const struct weir_conn *c)
{
	return c->watch.loop && !weir_conn_is(c, WEIR_PHASE_CLOSED);
}

void weir_conn_set_events(struct weir_conn *c,
			  const struct weir_conn_events *events)
{
	assert(events->on_data && events->on_close);
	if (!weir_conn_is_open(c))
		return;
	assert(!weir_conn_is(c, WEIR_PHASE_DETACHING) || events->on_detach);
	c->events = events;
	/* what the old on_data has left is the new one's */
	weir_conn_set(c, WEIR_FACT_OFFER);
	weir_conn_settle_soon(c);
}

void weir_conn_pause(struct weir_conn *c)
{
	weir_conn_hold(c, WEIR_HOLD_USER);
	weir_conn_settle_soon(c);
}

void weir_conn_resume(struct weir_conn *c)
{
	if (!weir_conn_is_held(c, WEIR_HOLD_USER))
		return;
	weir_conn_let_go(c, WEIR_HOLD_USER);
	weir_conn_settle_soon(c);
}

/* Sends are refused from here on. */
static void stop_sending(struct weir_conn *c, enum weir_conn_phase phase)
{
	if (c->state.phase >= phase || !weir_conn_is_open(c))
		return;
	weir_conn_leave_feed(c);
	if (c->state.phase >= phase)
		return;
	weir_conn_enter(c, phase);
	weir_conn_clear(c, WEIR_FACT_WANTS_ROOM);
	weir_outbox_stop_gathering(&c->out, c->watch.loop);
	weir_conn_settle_soon(c);
}

void weir_conn_shutdown(struct weir_conn *c)
{
	stop_sending(c, WEIR_PHASE_ENDED);
}

void weir_conn_finish(struct weir_conn *c)
{
	/* The user wants no more input, not even the bytes before an error. */
	if (weir_conn_is(c, WEIR_PHASE_FAILED))
		weir_conn_enter(c, WEIR_PHASE_CLOSING);
	stop_sending(c, WEIR_PHASE_FINISHING);
}

void weir_conn_detach(struct weir_conn *c)
{
	assert(!weir_conn_is_open(c) || c->events->on_detach);
	stop_sending(c, WEIR_PHASE_DETACHING);
}

void weir_conn_abort(struct weir_conn *c, bool with_reset)
{
	if (!weir_conn_is_open(c))
		return;
	/* It may be the end, too: for the reason that the kernel gives. What a
	 * child holds after a fork is the parent's to send. */
	if (!with_reset && !weir_conn_is_dead(c) &&
	    !weir_loop_has_forked(c->watch.loop)) {
		weir_conn_accept_news(c);
		weir_conn_send_waiting(c);
	}
	if (weir_conn_is(c, WEIR_PHASE_FAILED))
		weir_conn_enter(c, WEIR_PHASE_CLOSING);
	else if (c->state.phase < WEIR_PHASE_FAILED)
		weir_conn_kill(c, WEIR_REASON_ABORTED, 0, with_reset);
}

/* What ask counts, without our own FIN, which is no byte; -1: unknown. */
static int64_t kernel_share(const struct weir_conn *c, int (*ask)(int fd))
{
	int n = ask(c->watch.fd);

	if (n < 0)
		return -1;
	return n > 0 && weir_conn_has(c, WEIR_FACT_FIN_SENT) ? n - 1 : n;
}

bool weir_conn_is_full(const struct weir_conn *c)
{
	return weir_conn_is_open(c) && weir_conn_has(c, WEIR_FACT_FULL);
}

void weir_conn_counters(const struct weir_conn *c,
			struct weir_progress *progress)
{
	*progress = (struct weir_progress){.received = c->received,
					   .unread = c->discarded +
						     weir_conn_n_kept(c),
					   .kernel_unsent = -1,
					   .kernel_unacked = -1};
	if (weir_conn_loop(c))
		weir_outbox_progress(&c->out, c->watch.loop, progress);
}

void weir_conn_progress(struct weir_conn *c, struct weir_progress *progress)
{
	weir_conn_counters(c, progress);
	if (!c->is_tcp || weir_conn_is(c, WEIR_PHASE_CLOSED))
		return;
	/* what is not sent is not acknowledged either */
	progress->kernel_unacked = kernel_share(c, weir_sys_unacked);
	progress->kernel_unsent = progress->kernel_unacked == 0
					  ? 0
					  : kernel_share(c, weir_sys_unsent);
}
