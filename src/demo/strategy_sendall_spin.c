/* sendall-spin: the socket is non-blocking, and EAGAIN means "try again".
 *
 * Every byte arrives. But trying again at once is waiting at full speed, and
 * nobody else is served meanwhile either. */
#include <errno.h>
#include <sys/socket.h>

#include "strategy.h"

static void give(struct guest *guest)
{
	ssize_t n = 0;

	while (guest->sent < guest->n && (n >= 0 || errno == EAGAIN)) {
		n = send(guest->fd, guest->data + guest->sent,
			 guest->n - guest->sent, MSG_NOSIGNAL);
		if (n > 0)
			guest->sent += (size_t)n;
	}
	guest_finish(guest);
}

const struct strategy strategy_sendall_spin = {
	.name = "sendall-spin",
	.how = "sendall that retries on EAGAIN until all is sent",
	.expected = OUTCOME_FROZE | OUTCOME_SPUN,
	.give = give,
};
