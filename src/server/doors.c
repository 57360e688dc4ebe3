/* The doors of a server: the addresses it listens on, and who comes in. They
 * open all or none, and until they are open nobody is told. */
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void serve(struct door *door, int fd, const struct weir_address *peer)
{
	struct server *server = door->server;
	struct weir_conn *c = clients_add(door, fd, peer);
	int error = -ENOMEM;

	if (c)
		error = weir_conn_open(c, &server->loop, fd,
				       &door->service->events,
				       &server->settings->limits);
	if (error == 0) {
		if (door->service->on_open)
			door->service->on_open(door, c);
		return;
	}
	if (c)
		clients_remove(c);
	close(fd);
	door->n_turned_away++;
	log_say(server, "%s: a client turned away: %s (%llu so far)",
		door->service->name, strerror(-error),
		(unsigned long long)door->n_turned_away);
}

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	serve(weir_container_of(listener, struct door, listener), fd, peer);
}

static bool is_unix(const struct weir_address *address)
{
	return address->sa.any.sa_family == AF_UNIX;
}

/* Both families of IP have the port in the same place. */
static bool is_reserved(const struct weir_address *address)
{
	return !is_unix(address) && ntohs(address->sa.in.sin_port) < 1024;
}

static bool is_plain_file(const struct weir_address *address)
{
	struct stat st;

	return lstat(address->sa.un.sun_path, &st) == 0 &&
	       !S_ISSOCK(st.st_mode);
}

/* Why it could not be listened on, for people. */
static const char *cause(const struct weir_address *address, int error)
{
	if (error == -EADDRNOTAVAIL)
		return "this machine has no such address";
	if (error == -EACCES && is_reserved(address))
		return "the port is reserved, and you are not root";
	if (error != -EADDRINUSE || !is_unix(address))
		return strerror(-error);
	if (is_plain_file(address))
		return "there is a file of that name, and it is no socket";
	return "another server listens there";
}

/* On failure the door is closed. */
static int open_door(struct door *door, struct server *server,
		     const struct service *service,
		     const struct weir_address *address)
{
	int error;

	door->server = server;
	door->service = service;
	door->family = address->sa.any.sa_family;
	weir_list_init(&door->roomy);
	weir_list_init(&door->full);
	if (address->type == SOCK_DGRAM)
		return datagrams_open(door, address);
	error = weir_listener_open(&door->listener, &server->loop, address,
				   &server->settings->listener, on_accept);
	if (error < 0 || !service->open)
		return error;
	error = service->open(door);
	if (error < 0)
		weir_listener_close(&door->listener);
	return error;
}

static int refuse(const struct service *service,
		  const struct weir_address *address, int error)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	complain("%s: cannot listen on %s: %s", service->name,
		 weir_address_format(address, text, sizeof text),
		 cause(address, error));
	return error;
}

/* One service at all its addresses. ":PORT" and names come with an IPv6
 * address even where the kernel has no IPv6: then the others will do. */
static int open_offer(struct server *server, const struct offer *offer)
{
	const struct weir_address *address = offer->addresses;
	const struct weir_address *end = address + offer->n_addresses;
	size_t n_before = server->n_doors;
	int error = 0;

	for (; address < end; address++) {
		error = open_door(&server->doors[server->n_doors], server,
				  offer->service, address);
		if (error == 0)
			server->n_doors++;
		else if (error != -EAFNOSUPPORT)
			return refuse(offer->service, address, error);
	}
	if (server->n_doors == n_before)
		return refuse(offer->service, offer->addresses, error);
	return 0;
}

int doors_open(struct server *server)
{
	const struct settings *settings = server->settings;
	size_t n = 0;
	int error = 0;

	for (size_t i = 0; i < settings->n_offers; i++)
		n += settings->offers[i].n_addresses;
	assert(n > 0);
	server->doors = calloc(n, sizeof *server->doors);
	if (!server->doors) {
		complain("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (size_t i = 0; i < settings->n_offers && error == 0; i++)
		error = open_offer(server, &settings->offers[i]);
	return error;
}

static bool is_for_datagrams(const struct door *door)
{
	return door->dgram.watch.loop != NULL;
}

void doors_announce(struct server *server)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < server->n_doors; i++) {
		const struct door *door = &server->doors[i];
		const struct weir_address *address =
			is_for_datagrams(door) ? &door->dgram.address
					       : &door->listener.address;

		log_say(server, "%s listening on %s", door->service->name,
			weir_address_format(address, text, sizeof text));
	}
}

/* Those who wait in the accept queue would be reset with it. No more than fit
 * there: newcomers cannot hold the door open. */
static void empty_queue(struct door *door)
{
	int n_left = door->server->settings->listener.backlog;
	struct weir_address peer;
	int fd;

	do {
		fd = weir_listener_take(&door->listener, &peer);
		if (fd >= 0)
			serve(door, fd, &peer);
	} while (fd >= 0 && n_left-- > 0);
	if (fd < 0 && fd != -EAGAIN)
		log_say(door->server, "%s: clients left waiting: %s",
			door->service->name, strerror(-fd));
}

void doors_shut(struct server *server)
{
	for (size_t i = 0; i < server->n_doors; i++) {
		struct door *door = &server->doors[i];

		if (is_for_datagrams(door))
			continue;
		empty_queue(door);
		weir_listener_close(&door->listener);
	}
}

void doors_hush(struct server *server)
{
	for (size_t i = 0; i < server->n_doors; i++)
		datagrams_close(&server->doors[i]);
}

void doors_close(struct server *server)
{
	for (size_t i = 0; i < server->n_doors; i++) {
		struct door *door = &server->doors[i];

		weir_listener_close(&door->listener);
		datagrams_close(door);
		if (door->service->close)
			door->service->close(door);
	}
	free(server->doors);
}
