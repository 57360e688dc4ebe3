/* Taking over sockets that listen already: by name, each of them once. */
#include "endpoint_sockets.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "service.h"

int endpoint_sockets_take(struct endpoint_sockets *sockets, bool has_arguments)
{
	int n = systemd_sockets(sockets->inherited, MAX_INHERITED);

	sockets->n = n > 0 ? n : 0;
	if (n == -ESRCH && has_arguments)
		return 0;
	if (n == -ESRCH)
		complain("LISTEN_PID: expected %ld, which is this process: the "
			 "sockets are meant for another",
			 (long)getpid());
	else if (n < 0)
		complain("LISTEN_FDS: expected the number of open sockets, at "
			 "most %d",
			 MAX_INHERITED);
	return n;
}

static bool adopt(struct endpoint_config *config, struct inherited *socket)
{
	struct weir_address *address = &config->addresses[config->n_addresses];
	int type = 0;
	int listens = 0;
	socklen_t len = sizeof type;

	*address = (struct weir_address){.len = sizeof address->sa,
					 .type = SOCK_STREAM};
	(void)getsockopt(socket->fd, SOL_SOCKET, SO_TYPE, &type, &len);
	(void)getsockopt(socket->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	if (type != SOCK_STREAM || !listens ||
	    getsockname(socket->fd, &address->sa.any, &address->len) < 0) {
		complain("descriptor %d (%s): expected a stream socket that "
			 "listens",
			 socket->fd, socket->name);
		return false;
	}
	config->sockets[config->n_addresses++] = socket->fd;
	socket->fd = -1;
	return true;
}

bool endpoint_sockets_adopt(struct endpoint_config *config,
			    struct endpoint_sockets *sockets, const char *name)
{
	config->is_inherited = true;
	for (int i = 0; i < sockets->n; i++) {
		struct inherited *socket = &sockets->inherited[i];

		if (socket->fd < 0 || strcmp(socket->name, name) != 0)
			continue;
		if (config->n_addresses == MAX_ADDRESSES) {
			complain("%s=fd:%s: expected at most %d sockets of "
				 "that name",
				 config->service->name, name, MAX_ADDRESSES);
			return false;
		}
		if (!adopt(config, socket))
			return false;
	}
	if (config->n_addresses > 0)
		return true;
	complain("%s=fd:%s: expected the name of a socket in LISTEN_FDNAMES",
		 config->service->name, name);
	return false;
}
