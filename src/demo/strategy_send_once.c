/* send-once: what send returns is ignored.
 *
 * send takes what the kernel has room for and says how much that was. Who does
 * not look has lost the rest, and nobody is told. */
#include <sys/socket.h>

#include "strategy.h"

static void give(struct guest *guest)
{
	(void)send(guest->fd, guest->data, guest->n, MSG_NOSIGNAL);
	guest_finish(guest);
}

const struct strategy strategy_send_once = {
	.name = "send-once",
	.how = "send(data), and what it returns is ignored",
	.expected = OUTCOME_LOST,
	.give = give,
};
