/* sendall-spin: the socket is non-blocking, and EAGAIN means "try again".
 *
 * Every byte arrives. But trying again at once is waiting at full speed, and
 * no other client is served meanwhile either. */
#include <errno.h>
#include <sys/socket.h>

#include "plain.h"

static void give(struct plain_client *client)
{
	ssize_t n = 0;

	while (client->sent < client->n && (n >= 0 || errno == EAGAIN)) {
		n = send(client->fd, client->data + client->sent,
			 client->n - client->sent, MSG_NOSIGNAL);
		if (n > 0)
			client->sent += (size_t)n;
	}
	plain_finish(client);
}

const struct strategy strategy_sendall_spin = {
	.name = "sendall-spin",
	.how = "sendall that retries on EAGAIN until all is sent",
	.expected = OUTCOME_FROZE | OUTCOME_SPUN,
	.give = give,
};
