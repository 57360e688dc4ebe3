/* send-once: what send returns is ignored.
 *
 * send takes what the kernel has room for and says how much that was. A
 * caller that does not look has lost the rest, and is not told. */
#include <sys/socket.h>

#include "plain.h"

static void give(struct plain_client *client)
{
	(void)send(client->fd, client->data, client->n, MSG_NOSIGNAL);
	plain_finish(client);
}

const struct strategy strategy_send_once = {
	.name = "send-once",
	.how = "send(data), and what it returns is ignored",
	.expected = OUTCOME_LOST,
	.give = give,
};
