/* queue-always-armed: the source is fetched from piece by piece, the next when
 * the one before has left; and EPOLLOUT stays armed, "to be safe".
 *
 * Every byte arrives, everybody is served, and the queue is small. But a
 * socket with room is writable all the time: epoll_wait returns at once for
 * every guest who is owed nothing, again and again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "strategy.h"

/* Queue the next piece; false: there is none. */
static bool fetch(struct guest *guest)
{
	size_t n = guest->n - guest->fetched;

	if (n > STRATEGY_PIECE)
		n = STRATEGY_PIECE;
	if (n > 0 && !guest->queue)
		guest->queue = malloc(STRATEGY_PIECE);
	if (n == 0 || !guest->queue)
		return false;
	memcpy(guest->queue, guest->data + guest->fetched, n);
	guest->fetched += n;
	guest->n_queued = n;
	guest->sent = 0;
	stage_queued(guest->stage, n);
	return true;
}

static void go_on(struct guest *guest)
{
	ssize_t n;

	if (guest->sent == guest->n_queued && !fetch(guest))
		return; /* called for nothing, and soon again */
	n = send(guest->fd, guest->queue + guest->sent,
		 guest->n_queued - guest->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		guest_drop(guest);
		return;
	}
	if (n > 0)
		guest->sent += (size_t)n;
	stage_queued(guest->stage, guest->n_queued - guest->sent);
	if (guest->sent == guest->n_queued && guest->fetched == guest->n)
		guest_finish(guest);
}

const struct strategy strategy_queue_always_armed = {
	.name = "queue-always-armed",
	.how = "queue a piece at a time, EPOLLOUT left on for everybody",
	.expected = OUTCOME_SPUN,
	.give = go_on,
	.on_writable = go_on,
	.is_always_armed = true,
};
