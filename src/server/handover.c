/* A handed socket is found by its address, not by its place: the arguments in
 * a file, or the program, may have changed between the two processes. */
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "systemd.h"

static const char prefix[] = "weir-restart.";
const char handover_ready_name[] = "weir-restart.ready";

void handover_socket_name(char *name, size_t size, size_t worker,
			  const char *service)
{
	(void)snprintf(name, size, "%s%zu.%s", prefix, worker, service);
}

static bool read_name(struct handed *handed, const char *name)
{
	size_t n_prefix = sizeof prefix - 1;
	char *end;

	if (strncmp(name, prefix, n_prefix) != 0)
		return false;
	handed->worker = strtoul(name + n_prefix, &end, 10);
	if (*end != '.')
		return false;
	(void)snprintf(handed->service, sizeof handed->service, "%s", end + 1);
	return true;
}

/* False: it is not handed over, or no socket. */
static bool read_socket(struct handed *handed, const struct inherited *socket)
{
	struct weir_address *address = &handed->address;
	socklen_t len = sizeof address->type;

	*handed = (struct handed){.fd = socket->fd,
				  .address = {.len = sizeof address->sa}};
	return read_name(handed, socket->name) &&
	       getsockopt(socket->fd, SOL_SOCKET, SO_TYPE, &address->type,
			  &len) == 0 &&
	       getsockname(socket->fd, &address->sa.any, &address->len) == 0;
}

int handover_take(struct handover **handover, struct inherited *inherited,
		  int n)
{
	struct handover *taken =
		calloc(1, sizeof *taken + (size_t)n * sizeof *taken->sockets);

	*handover = NULL;
	if (!taken)
		return -ENOMEM;
	taken->ready_fd = -1;
	for (int i = 0; i < n; i++) {
		struct inherited *socket = &inherited[i];

		if (strcmp(socket->name, handover_ready_name) == 0)
			taken->ready_fd = socket->fd;
		else if (read_socket(&taken->sockets[taken->n], socket))
			taken->n++;
		else
			continue;
		socket->fd = -1;
	}
	if (taken->ready_fd >= 0)
		*handover = taken;
	else
		handover_free(taken);
	return 0;
}

static bool is_same_host(const struct weir_address *a,
			 const struct weir_address *b)
{
	if (a->sa.any.sa_family == AF_INET)
		return a->sa.in.sin_addr.s_addr == b->sa.in.sin_addr.s_addr;
	return memcmp(&a->sa.in6.sin6_addr, &b->sa.in6.sin6_addr,
		      sizeof a->sa.in6.sin6_addr) == 0 &&
	       a->sa.in6.sin6_scope_id == b->sa.in6.sin6_scope_id;
}

/* A path may be followed by a NUL in one of the two lengths; an abstract name
 * may not. */
static bool is_same_name(const struct weir_address *a,
			 const struct weir_address *b)
{
	const size_t size = sizeof a->sa.un.sun_path;

	if (a->sa.un.sun_path[0] != '\0')
		return strncmp(a->sa.un.sun_path, b->sa.un.sun_path, size) == 0;
	return a->len == b->len &&
	       memcmp(a->sa.un.sun_path, b->sa.un.sun_path,
		      a->len - offsetof(struct sockaddr_un, sun_path)) == 0;
}

/* Both families of IP have the port in the same place. */
static bool is_for(const struct handed *handed, const char *service,
		   const struct weir_address *wanted)
{
	const struct weir_address *address = &handed->address;

	if (address->type != wanted->type ||
	    address->sa.any.sa_family != wanted->sa.any.sa_family)
		return false;
	if (wanted->sa.any.sa_family == AF_UNIX)
		return is_same_name(wanted, address);
	if (!is_same_host(wanted, address))
		return false;
	if (wanted->sa.in.sin_port == 0)
		return strcmp(handed->service, service) == 0;
	return wanted->sa.in.sin_port == address->sa.in.sin_port;
}

int handover_find(struct handover *handover, size_t worker, const char *service,
		  const struct weir_address *address)
{
	for (size_t i = 0; handover && i < handover->n; i++) {
		struct handed *handed = &handover->sockets[i];
		int fd = handed->fd;

		if (fd < 0 || handed->worker != worker ||
		    !is_for(handed, service, address))
			continue;
		handed->fd = -1;
		return fd;
	}
	return -1;
}

/* The process before this one leaves the file of a path where it is. */
static void drop(struct handed *handed)
{
	const struct weir_address *address = &handed->address;

	if (handed->worker == 0 && address->sa.any.sa_family == AF_UNIX &&
	    address->sa.un.sun_path[0] != '\0')
		(void)unlink(address->sa.un.sun_path);
	close(handed->fd);
	handed->fd = -1;
}

void handover_close_rest(struct handover *handover)
{
	for (size_t i = 0; handover && i < handover->n; i++)
		if (handover->sockets[i].fd >= 0)
			drop(&handover->sockets[i]);
}

void handover_tell_ready(struct handover *handover)
{
	if (!handover)
		return;
	(void)!write(handover->ready_fd, "!", 1);
	close(handover->ready_fd);
	handover->ready_fd = -1;
}

void handover_free(struct handover *handover)
{
	if (!handover)
		return;
	for (size_t i = 0; i < handover->n; i++)
		if (handover->sockets[i].fd >= 0)
			close(handover->sockets[i].fd);
	/* not ready_fd: its end is to say that this process has ended, so that
	 * whoever waits for that finds the exit status */
	free(handover);
}
