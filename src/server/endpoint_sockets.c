/* Taking over sockets that listen already: by name, each of them once. */
#include "endpoint_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"
#include "handover.h"
#include "service.h"

/* A negative errno, after a line. */
static int read_inherited(struct endpoint_sockets *sockets, bool has_arguments)
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

static void keep_rest(struct endpoint_sockets *sockets)
{
	int n = 0;

	for (int i = 0; i < sockets->n; i++)
		if (sockets->inherited[i].fd >= 0)
			sockets->inherited[n++] = sockets->inherited[i];
	sockets->n = n;
}

int endpoint_sockets_take(struct endpoint_sockets *sockets,
			  struct handover **handover, bool has_arguments)
{
	int error = -ENOMEM;

	sockets->inherited = calloc(MAX_INHERITED, sizeof *sockets->inherited);
	if (sockets->inherited) {
		error = read_inherited(sockets, has_arguments);
		if (error < 0)
			return error;
		error = handover_take(handover, sockets->inherited, sockets->n);
		keep_rest(sockets);
	}
	if (error < 0)
		complain("%s", strerror(-error));
	return error;
}

void endpoint_sockets_free(struct endpoint_sockets *sockets)
{
	free(sockets->inherited);
}

/* A stream socket must listen; whether one of datagrams is bound is found when
 * it is opened. */
static bool can_be_served(const struct service *service, int fd,
			  struct weir_address *address)
{
	socklen_t len = sizeof address->type;
	int listens = 0;

	*address = (struct weir_address){.len = sizeof address->sa};
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &address->type, &len);
	(void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	if (getsockname(fd, &address->sa.any, &address->len) < 0)
		return false;
	return address->type == SOCK_STREAM
		       ? listens
		       : address->type == SOCK_DGRAM &&
				 service->datagrams.on_datagram;
}

static bool adopt(struct endpoint_config *config, struct inherited *socket)
{
	if (!can_be_served(config->service, socket->fd,
			   &config->addresses[config->n_addresses])) {
		complain("descriptor %d (%s): expected a stream socket that "
			 "listens%s",
			 socket->fd, socket->name,
			 config->service->datagrams.on_datagram
				 ? ", or a datagram socket"
				 : "");
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
	(void)snprintf(config->socket_name, sizeof config->socket_name, "%s",
		       name);
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
