/* queue-unbounded: what the kernel does not take is queued, EPOLLOUT is armed,
 * and the rest follows when there is room.
 *
 * Every byte arrives, and everybody is served. But the source is never told to
 * pause: the queue grows as large as what is owed, for each slow reader. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "strategy.h"

static void enqueue(struct guest *guest, const void *piece, size_t n)
{
	unsigned char *queue = realloc(guest->queue, guest->n_queued + n);

	if (!queue) {
		guest_drop(guest);
		return;
	}
	memcpy(queue + guest->n_queued, piece, n);
	guest->queue = queue;
	guest->n_queued += n;
	stage_queued(guest->stage, guest->n_queued - guest->sent);
}

static void flush(struct guest *guest)
{
	ssize_t n = send(guest->fd, guest->queue + guest->sent,
			 guest->n_queued - guest->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		guest_drop(guest);
		return;
	}
	if (n > 0)
		guest->sent += (size_t)n;
	stage_queued(guest->stage, guest->n_queued - guest->sent);
	guest_wait_for_room(guest, guest->sent < guest->n_queued);
	if (guest->sent == guest->n_queued)
		guest_finish(guest);
}

/* As fast as the source gives, however slowly the guest takes. */
static void give(struct guest *guest)
{
	size_t piece;

	for (size_t at = 0; guest->fd >= 0 && at < guest->n; at += piece) {
		piece = guest->n - at;
		if (piece > STRATEGY_PIECE)
			piece = STRATEGY_PIECE;
		enqueue(guest, guest->data + at, piece);
	}
	if (guest->fd >= 0)
		flush(guest);
}

const struct strategy strategy_queue_unbounded = {
	.name = "queue-unbounded",
	.how = "queue the rest, arm EPOLLOUT; no mark, the source runs on",
	.expected = OUTCOME_HOARDED,
	.give = give,
	.on_writable = flush,
};
