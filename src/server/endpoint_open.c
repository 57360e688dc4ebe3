/* Opening the endpoints of a worker.
 *
 * The first worker binds each address. On TCP the other workers bind it too
 * (SO_REUSEPORT), and the kernel spreads connections over them; the first bind
 * is without SO_REUSEPORT, so that a port in use by another program is still
 * an error. Unix and inherited sockets are shared, and epoll wakes one worker
 * for each connection. Only the first worker has the private endpoints and
 * those of datagrams. */
#include "endpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admission.h"
#include "datagrams.h"
#include "handover.h"
#include "keepalive.h"
#include "complain.h"

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

/* Why listening failed, in plain words. */
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
	admission_receive(
		weir_container_of(listener, struct endpoint, listener), fd,
		peer);
}

/* The worker's next endpoint; it is counted once it is open. */
static struct endpoint *prepare(struct worker *worker,
				const struct endpoint_config *config,
				const struct service *service, int family)
{
	struct endpoint *endpoint = &worker->endpoints[worker->n_endpoints];

	*endpoint = (struct endpoint){.worker = worker,
				      .service = service,
				      .config = config,
				      .family = family,
				      .limits = config->settings.limits};
	endpoint->limits.flags |= service->flags;
	weir_list_init(&endpoint->roomy);
	weir_list_init(&endpoint->full);
	weir_list_init(&endpoint->pending);
	return endpoint;
}

static void open_target_endpoint(struct endpoint *front)
{
	struct worker *worker = front->worker;
	struct endpoint *endpoint = prepare(worker, front->config,
					    front->service->target, AF_INET6);

	front->target = endpoint;
	worker->n_endpoints++;
}

/* The socket is open: open the service. */
static int open_service(struct endpoint *endpoint)
{
	int error = 0;

	if (endpoint->service->open)
		error = endpoint->service->open(endpoint);
	if (error < 0) {
		weir_listener_close(&endpoint->listener);
		return error;
	}
	keepalive_set(weir_listener_fd(&endpoint->listener),
		      endpoint->config->settings.keepalive_ns);
	endpoint->worker->n_endpoints++;
	if (endpoint->service->target)
		open_target_endpoint(endpoint);
	return 0;
}

static struct weir_listener_options options_of(const struct endpoint *endpoint)
{
	struct weir_listener_options options =
		endpoint->config->settings.listener;

	options.exclusive = endpoint->worker->settings->n_workers > 1;
	return options;
}

/* Let the other workers bind the same port. */
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

/* Take the listening socket for address that was handed over, or open one. */
static int listen_at(struct endpoint *endpoint,
		     const struct weir_address *address,
		     const struct weir_listener_options *options)
{
	struct worker *worker = endpoint->worker;
	int fd = handover_find(worker->settings->handover, worker->number,
			       endpoint->service->name, address);
	int error;

	if (fd < 0)
		return weir_listener_open(&endpoint->listener, worker->loop,
					  address, options, on_accept);
	error = weir_listener_adopt(&endpoint->listener, worker->loop, fd,
				    options, on_accept);
	if (error < 0)
		close(fd);
	return error;
}

static int open_datagrams(struct endpoint *endpoint,
			  const struct weir_address *address)
{
	const struct worker *worker = endpoint->worker;
	int fd = handover_find(worker->settings->handover, worker->number,
			       endpoint->service->name, address);
	int error = datagrams_open(endpoint, address, fd);

	if (error < 0 && fd >= 0)
		close(fd);
	return error;
}

static int open_endpoint(struct worker *worker,
			 const struct endpoint_config *config,
			 const struct weir_address *address)
{
	struct endpoint *endpoint = prepare(worker, config, config->service,
					    address->sa.any.sa_family);
	struct weir_listener_options options = options_of(endpoint);
	int error;

	if (address->type == SOCK_DGRAM)
		return open_datagrams(endpoint, address);
	error = listen_at(endpoint, address, &options);
	if (error == 0 && worker->settings->n_workers > 1 &&
	    !config->service->is_private)
		error = share_port(&endpoint->listener);
	if (error < 0) {
		weir_listener_close(&endpoint->listener);
		return error;
	}
	return open_service(endpoint);
}

/* No thread runs yet: a umask gives the file its mode from the beginning. */
static int open_with_mode(struct worker *worker,
			  const struct endpoint_config *config,
			  const struct weir_address *address)
{
	int mode = config->settings.mode;
	mode_t before = umask(0);
	int error;

	(void)umask(mode < 0 ? before : (mode_t)(0777 & ~mode));
	error = open_endpoint(worker, config, address);
	(void)umask(before);
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

/* Of several addresses one may be of no use here, as where the kernel has no
 * IPv6, or IPv6 is disabled. */
static bool can_be_skipped(const struct endpoint_config *config, int error)
{
	return config->n_addresses > 1 &&
	       (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

/* One service at all its addresses: at least one, if it is a name. */
static int open_config(struct worker *worker,
		       const struct endpoint_config *config)
{
	const struct weir_address *address = config->addresses;
	const struct weir_address *end = address + config->n_addresses;
	size_t n_before = worker->n_endpoints;
	int error = 0;

	for (; address < end; address++) {
		error = open_with_mode(worker, config, address);
		if (error < 0 && !can_be_skipped(config, error))
			return refuse(config->service, address, error);
	}
	if (worker->n_endpoints == n_before)
		return refuse(config->service, config->addresses, error);
	return 0;
}

/* Another file descriptor for a socket that is open already. */
static int adopt(struct worker *worker, const struct endpoint_config *config,
		 int socket, const struct weir_address *address)
{
	struct endpoint *endpoint = prepare(worker, config, config->service,
					    address->sa.any.sa_family);
	struct weir_listener_options options = options_of(endpoint);
	int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	int error = -errno;

	if (fd < 0)
		return error;
	if (address->type == SOCK_DGRAM)
		error = datagrams_open(endpoint, address, fd);
	else
		error = weir_listener_adopt(&endpoint->listener, worker->loop,
					    fd, &options, on_accept);
	if (error < 0)
		close(fd);
	else if (address->type == SOCK_STREAM)
		error = open_service(endpoint);
	return error;
}

static int open_inherited(struct worker *worker,
			  const struct endpoint_config *config)
{
	int error = 0;

	for (size_t i = 0; i < config->n_addresses && error == 0; i++) {
		error = adopt(worker, config, config->sockets[i],
			      &config->addresses[i]);
		if (error < 0)
			complain("%s: cannot listen on descriptor %d: %s",
				 config->service->name, config->sockets[i],
				 strerror(-error));
	}
	return error;
}

static int open_configs(struct worker *worker)
{
	const struct settings *settings = worker->settings;
	int error = 0;

	for (size_t i = 0; i < settings->n_endpoints && error == 0; i++) {
		const struct endpoint_config *config = &settings->endpoints[i];

		if (config->is_inherited)
			error = open_inherited(worker, config);
		else
			error = open_config(worker, config);
	}
	return error;
}

/* Open for this worker what the first worker has opened. */
static int open_beside(struct worker *worker, const struct endpoint *first)
{
	struct weir_listener_options options = first->config->settings.listener;
	const struct weir_address *address =
		weir_listener_address(&first->listener);
	struct endpoint *endpoint;
	int error;

	if (first->service->is_private || !endpoint_is_listening(first))
		return 0;
	if (first->config->is_inherited || is_unix(address))
		return adopt(worker, first->config,
			     weir_listener_fd(&first->listener), address);
	options.reuseport = true;
	endpoint =
		prepare(worker, first->config, first->service, first->family);
	error = listen_at(endpoint, address, &options);
	return error < 0 ? error : open_service(endpoint);
}

static int open_as_first_does(struct worker *worker)
{
	const struct worker *first = &worker->server->workers[0];
	int error = 0;

	for (size_t i = 0; i < first->n_endpoints && error == 0; i++)
		error = open_beside(worker, &first->endpoints[i]);
	if (error < 0)
		complain("worker %zu: cannot listen: %s", worker->number,
			 strerror(-error));
	return error;
}

/* Each address may need two: one that listens, one for the targets. */
static size_t max_endpoints(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_endpoints; i++)
		n += 2 * settings->endpoints[i].n_addresses;
	return n;
}

int endpoint_open_all(struct worker *worker)
{
	size_t n = max_endpoints(worker->settings);

	assert(n > 0);
	worker->endpoints = calloc(n, sizeof *worker->endpoints);
	if (!worker->endpoints) {
		complain("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return worker->number == 0 ? open_configs(worker)
				   : open_as_first_does(worker);
}
