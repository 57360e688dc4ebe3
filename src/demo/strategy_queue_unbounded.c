/* queue-unbounded: what the kernel does not take is queued, EPOLLOUT is armed,
 * and the rest follows when there is room.
 *
 * Every byte arrives, and every client is served. But the source is never told
 * to pause: the queue grows as large as what is owed, for each slow reader. */
#include <stdlib.h>
#include <string.h>

#include "plain.h"

static void enqueue(struct plain_client *client, const void *piece, size_t n)
{
	unsigned char *queue = realloc(client->queue, client->n_queued + n);

	if (!queue) {
		plain_drop(client);
		return;
	}
	memcpy(queue + client->n_queued, piece, n);
	client->queue = queue;
	client->n_queued += n;
	server_queued(client->server, client->n_queued - client->sent);
}

static void flush(struct plain_client *client)
{
	if (!plain_send_queue(client))
		return;
	plain_wait_for_room(client, client->sent < client->n_queued);
	if (client->sent == client->n_queued)
		plain_finish(client);
}

/* As fast as the source gives, however slowly the client takes. */
static void give(struct plain_client *client)
{
	size_t piece;

	for (size_t at = 0; client->fd >= 0 && at < client->n; at += piece) {
		piece = client->n - at;
		if (piece > STRATEGY_PIECE)
			piece = STRATEGY_PIECE;
		enqueue(client, client->data + at, piece);
	}
	if (client->fd >= 0)
		flush(client);
}

const struct strategy strategy_queue_unbounded = {
	.name = "queue-unbounded",
	.how = "queue the rest, arm EPOLLOUT; no mark, the source runs on",
	.expected = OUTCOME_HOARDED,
	.give = give,
	.on_writable = flush,
};
