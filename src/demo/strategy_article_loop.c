/* article-loop: while True: len = s.send(data[len:])
 *
 * The loop goes on where the *last* send left off, counted from the beginning:
 * the offsets are never added up. From the third send on the wrong bytes
 * leave. It ends when send has nothing left to take, which is after one that
 * took all the data at once; and no send but the first is ever offered all. So
 * here the reader gives up after twice the bytes that it asked for. */
#include <errno.h>
#include <sys/socket.h>

#include "plain.h"

static void go_on(struct plain_client *client)
{
	ssize_t len;

	do {
		len = send(client->fd, client->data + client->sent,
			   client->n - client->sent, MSG_NOSIGNAL);
		if (len > 0)
			client->sent = (size_t)len; /* right would be += */
	} while (len > 0);
	if (len == 0)
		plain_finish(client);
	else if (errno == EAGAIN)
		plain_wait_for_room(client, true);
	else
		plain_drop(client);
}

const struct strategy strategy_article_loop = {
	.name = "article-loop",
	.how = "len = send(data[len:]), the offset never accumulated",
	.expected = OUTCOME_CORRUPT,
	.give = go_on,
	.on_writable = go_on,
};
