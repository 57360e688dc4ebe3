/* The doors of a worker: the addresses it listens on. They open all or none,
 * and until they are open nobody is told.
 *
 * The first worker binds. On TCP the others bind beside it (SO_REUSEPORT), and
 * the kernel spreads the newcomers; the first bind is a plain one, so that a
 * port taken by somebody else stays an error. A Unix or an inherited socket
 * they share, and epoll wakes one of them for each newcomer. What is private,
 * or takes datagrams, is the first worker's alone. */
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* -- opening -- */

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	door_receive(weir_container_of(listener, struct door, listener), fd,
		     peer);
}

/* The next one of the worker; it counts when it is open. */
static struct door *prepare(struct worker *worker, const struct offer *offer,
			    const struct service *service, int family)
{
	struct door *door = &worker->doors[worker->n_doors];

	*door = (struct door){.worker = worker,
			      .service = service,
			      .offer = offer,
			      .family = family,
			      .limits = worker->settings->limits};
	door->limits.flags |= service->flags;
	weir_list_init(&door->roomy);
	weir_list_init(&door->full);
	weir_list_init(&door->guests);
	return door;
}

static void open_back_door(struct door *front)
{
	struct worker *worker = front->worker;
	struct door *door =
		prepare(worker, front->offer, front->service->back, AF_INET6);

	front->back = door;
	worker->n_doors++;
}

/* Its socket is there: the rest. */
static int open_service(struct door *door)
{
	int error = 0;

	if (door->service->open)
		error = door->service->open(door);
	if (error < 0) {
		weir_listener_close(&door->listener);
		return error;
	}
	door->worker->n_doors++;
	if (door->service->back)
		open_back_door(door);
	return 0;
}

static struct weir_listener_options options_of(const struct settings *settings)
{
	struct weir_listener_options options = settings->listener;

	options.exclusive = settings->n_workers > 1;
	return options;
}

/* For the other workers to bind beside it. */
static int share_port(struct weir_listener *listener)
{
	const int yes = 1;

	if (weir_listener_address(listener)->sa.any.sa_family == AF_UNIX)
		return 0;
	if (setsockopt(weir_listener_fd(listener), SOL_SOCKET, SO_REUSEPORT,
		       &yes, sizeof yes) == 0)
		return 0;
	return -errno;
}

static int open_door(struct worker *worker, const struct offer *offer,
		     const struct weir_address *address)
{
	struct door *door = prepare(worker, offer, offer->service,
				    address->sa.any.sa_family);
	struct weir_listener_options options = options_of(worker->settings);
	int error;

	if (address->type == SOCK_DGRAM) {
		error = datagrams_open(door, address);
		if (error == 0)
			worker->n_doors++;
		return error;
	}
	error = weir_listener_open(&door->listener, worker->loop, address,
				   &options, on_accept);
	if (error == 0 && worker->settings->n_workers > 1 &&
	    !offer->service->is_private)
		error = share_port(&door->listener);
	if (error < 0) {
		weir_listener_close(&door->listener);
		return error;
	}
	return open_service(door);
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
static int open_offer(struct worker *worker, const struct offer *offer)
{
	const struct weir_address *address = offer->addresses;
	const struct weir_address *end = address + offer->n_addresses;
	size_t n_before = worker->n_doors;
	int error = 0;

	for (; address < end; address++) {
		error = open_door(worker, offer, address);
		if (error < 0 && error != -EAFNOSUPPORT)
			return refuse(offer->service, address, error);
	}
	if (worker->n_doors == n_before)
		return refuse(offer->service, offer->addresses, error);
	return 0;
}

/* Another file descriptor for a socket that listens already. */
static int adopt(struct worker *worker, const struct offer *offer, int socket,
		 int family)
{
	struct weir_listener_options options = options_of(worker->settings);
	struct door *door = prepare(worker, offer, offer->service, family);
	int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	int error = -errno;

	if (fd < 0)
		return error;
	error = weir_listener_adopt(&door->listener, worker->loop, fd, &options,
				    on_accept);
	if (error < 0) {
		close(fd);
		return error;
	}
	return open_service(door);
}

static int open_inherited(struct worker *worker, const struct offer *offer)
{
	int error = 0;

	for (size_t i = 0; i < offer->n_addresses && error == 0; i++) {
		int family = offer->addresses[i].sa.any.sa_family;

		error = adopt(worker, offer, offer->sockets[i], family);
		if (error < 0)
			complain("%s: cannot listen on descriptor %d: %s",
				 offer->service->name, offer->sockets[i],
				 strerror(-error));
	}
	return error;
}

static int open_offers(struct worker *worker)
{
	const struct settings *settings = worker->settings;
	int error = 0;

	for (size_t i = 0; i < settings->n_offers && error == 0; i++) {
		const struct offer *offer = &settings->offers[i];

		if (offer->is_inherited)
			error = open_inherited(worker, offer);
		else
			error = open_offer(worker, offer);
	}
	return error;
}

/* The same as one of the first worker's, for another. */
static int open_twin(struct worker *worker, const struct door *first)
{
	struct weir_listener_options options = worker->settings->listener;
	const struct weir_address *address =
		weir_listener_address(&first->listener);
	struct door *door;
	int error;

	if (first->service->is_private || !door_listens(first))
		return 0;
	if (first->offer->is_inherited || is_unix(address))
		return adopt(worker, first->offer,
			     weir_listener_fd(&first->listener), first->family);
	options.reuseport = true;
	door = prepare(worker, first->offer, first->service, first->family);
	error = weir_listener_open(&door->listener, worker->loop, address,
				   &options, on_accept);
	return error < 0 ? error : open_service(door);
}

static int open_twins(struct worker *worker)
{
	const struct worker *first = &worker->server->workers[0];
	int error = 0;

	for (size_t i = 0; i < first->n_doors && error == 0; i++)
		error = open_twin(worker, &first->doors[i]);
	if (error < 0)
		complain("worker %zu: cannot listen: %s", worker->number,
			 strerror(-error));
	return error;
}

/* A front and a back door for each address. */
static size_t most_doors(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_offers; i++)
		n += 2 * settings->offers[i].n_addresses;
	return n;
}

int doors_open(struct worker *worker)
{
	size_t n = most_doors(worker->settings);

	assert(n > 0);
	worker->doors = calloc(n, sizeof *worker->doors);
	if (!worker->doors) {
		complain("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return worker->number == 0 ? open_offers(worker) : open_twins(worker);
}

/* -- open -- */

bool door_is_for_datagrams(const struct door *door)
{
	return weir_dgram_is_open(&door->dgram);
}

bool door_listens(const struct door *door)
{
	return weir_listener_is_open(&door->listener);
}

const char *door_address(const struct door *door, char *text)
{
	return weir_address_format(
		door_is_for_datagrams(door)
			? weir_dgram_address(&door->dgram)
			: weir_listener_address(&door->listener),
		text, WEIR_ADDRESS_TEXT_SIZE);
}

void doors_announce(struct worker *worker)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < worker->n_doors; i++) {
		const struct door *door = &worker->doors[i];

		if (door_is_for_datagrams(door) || door_listens(door))
			log_say(worker, "%s listening on %s",
				door->service->name, door_address(door, text));
	}
}

/* -- closing -- */

/* Those who wait in the accept queue would be reset with it. No more than fit
 * there: newcomers cannot hold the door open. */
static void empty_queue(struct door *door)
{
	int n_left = door->worker->settings->listener.backlog;
	struct weir_address peer;
	int fd;

	do {
		fd = weir_listener_take(&door->listener, &peer);
		if (fd >= 0)
			door_receive(door, fd, &peer);
	} while (fd >= 0 && n_left-- > 0);
	if (fd < 0 && fd != -EAGAIN)
		log_say(door->worker, "%s: clients left waiting: %s",
			door->service->name, strerror(-fd));
}

void doors_shut(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_doors; i++) {
		struct door *door = &worker->doors[i];

		if (!door_listens(door) ||
		    door->service->is_private != is_private)
			continue;
		empty_queue(door);
		weir_listener_close(&door->listener);
	}
}

void doors_hush(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_doors; i++) {
		datagrams_close(&worker->doors[i]);
		proxy_close(&worker->doors[i]);
	}
}

void doors_close(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_doors; i++) {
		struct door *door = &worker->doors[i];

		weir_listener_close(&door->listener);
		datagrams_close(door);
		proxy_close(door);
		if (door->service->close)
			door->service->close(door);
	}
	free(worker->doors);
}
