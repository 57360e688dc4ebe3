/* sendall-blocking: the socket is made blocking, and send waits for room.
 *
 * Every byte arrives. But the thread that waits here is the one that serves
 * every other client. */
#include <fcntl.h>
#include <sys/socket.h>

#include "plain.h"

static void give(struct plain_client *client)
{
	int flags = fcntl(client->fd, F_GETFL);
	ssize_t n = 0;

	(void)fcntl(client->fd, F_SETFL, flags & ~O_NONBLOCK);
	while (n >= 0 && client->sent < client->n) {
		n = send(client->fd, client->data + client->sent,
			 client->n - client->sent, MSG_NOSIGNAL);
		if (n > 0)
			client->sent += (size_t)n;
	}
	(void)fcntl(client->fd, F_SETFL, flags);
	plain_finish(client);
}

const struct strategy strategy_sendall_blocking = {
	.name = "sendall-blocking",
	.how = "sendall on a blocking socket, in the thread of all",
	.expected = OUTCOME_FROZE,
	.give = give,
};
