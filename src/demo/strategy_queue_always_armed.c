/* queue-always-armed: the source is fetched from piece by piece, the next when
 * the one before has left; and EPOLLOUT stays armed, "to be safe".
 *
 * Every byte arrives, every client is served, and the queue is small. But a
 * socket with room is writable all the time: epoll_wait returns at once for
 * every client that is owed nothing, again and again. */
#include <stdlib.h>
#include <string.h>

#include "plain.h"

/* Queue the next piece; false: there is none. */
static bool fetch(struct plain_client *client)
{
	size_t n = client->n - client->fetched;

	if (n > STRATEGY_PIECE)
		n = STRATEGY_PIECE;
	if (n > 0 && !client->queue)
		client->queue = malloc(STRATEGY_PIECE);
	if (n == 0 || !client->queue)
		return false;
	memcpy(client->queue, client->data + client->fetched, n);
	client->fetched += n;
	client->n_queued = n;
	client->sent = 0;
	server_queued(client->server, n);
	return true;
}

static void go_on(struct plain_client *client)
{
	if (client->sent == client->n_queued && !fetch(client))
		return; /* called for nothing, and soon again */
	if (!plain_send_queue(client))
		return;
	if (client->sent == client->n_queued && client->fetched == client->n)
		plain_finish(client);
}

const struct strategy strategy_queue_always_armed = {
	.name = "queue-always-armed",
	.how = "queue a piece at a time, EPOLLOUT left on for everybody",
	.expected = OUTCOME_SPUN,
	.give = go_on,
	.on_writable = go_on,
	.is_always_armed = true,
};
