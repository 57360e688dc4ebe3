/* sendall-blocking: the socket is made blocking, and send waits for room.
 *
 * Every byte arrives. But the thread that waits here is the one that serves
 * everybody else. */
#include <fcntl.h>
#include <sys/socket.h>

#include "strategy.h"

static void give(struct guest *guest)
{
	int flags = fcntl(guest->fd, F_GETFL);
	ssize_t n = 0;

	(void)fcntl(guest->fd, F_SETFL, flags & ~O_NONBLOCK);
	while (n >= 0 && guest->sent < guest->n) {
		n = send(guest->fd, guest->data + guest->sent,
			 guest->n - guest->sent, MSG_NOSIGNAL);
		if (n > 0)
			guest->sent += (size_t)n;
	}
	(void)fcntl(guest->fd, F_SETFL, flags);
	guest_finish(guest);
}

const struct strategy strategy_sendall_blocking = {
	.name = "sendall-blocking",
	.how = "sendall on a blocking socket, in the thread of all",
	.expected = OUTCOME_FROZE,
	.give = give,
};
