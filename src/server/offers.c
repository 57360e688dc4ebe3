/* What is offered where: the SERVICE=ADDRESS[,TARGET] arguments, --metrics,
 * and the sockets that systemd has opened. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "systemd.h"

enum {
	N_SERVICES = 6
};

static const struct service *const services[N_SERVICES] = {
	&greet_service,	  &echo_service,      &discard_service,
	&chargen_service, &broadcast_service, &relay_service};

static const char expected_services[] =
	"greet, echo, discard, chargen, broadcast or relay";

/* The sockets that are not offered yet have a descriptor. */
struct sockets {
	struct inherited inherited[MAX_INHERITED];
	int n;
};

static const struct service *find_service(const char *name, size_t n_name)
{
	for (size_t i = 0; i < N_SERVICES; i++) {
		const struct service *service = services[i];

		if (strlen(service->name) == n_name &&
		    memcmp(service->name, name, n_name) == 0)
			return service;
	}
	return NULL;
}

static struct offer *new_offer(struct settings *settings,
			       const struct service *service)
{
	struct offer *offer = &settings->offers[settings->n_offers++];

	*offer = (struct offer){.service = service};
	return offer;
}

/* -- inherited sockets -- */

static bool adopt(struct offer *offer, struct inherited *socket)
{
	struct weir_address *address = &offer->addresses[offer->n_addresses];
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
	offer->sockets[offer->n_addresses++] = socket->fd;
	socket->fd = -1;
	return true;
}

/* All of that name: a socket unit has one for all that it listens on. */
static bool adopt_named(struct offer *offer, struct sockets *sockets,
			const char *name)
{
	offer->is_inherited = true;
	for (int i = 0; i < sockets->n; i++) {
		struct inherited *socket = &sockets->inherited[i];

		if (socket->fd < 0 || strcmp(socket->name, name) != 0)
			continue;
		if (offer->n_addresses == MAX_ADDRESSES) {
			complain("%s=fd:%s: expected at most %d sockets of "
				 "that name",
				 offer->service->name, name, MAX_ADDRESSES);
			return false;
		}
		if (!adopt(offer, socket))
			return false;
	}
	if (offer->n_addresses > 0)
		return true;
	complain("%s=fd:%s: expected the name of a socket in LISTEN_FDNAMES",
		 offer->service->name, name);
	return false;
}

/* Those that no argument has named are called like their service. */
static bool adopt_rest(struct settings *settings, struct sockets *sockets)
{
	for (int i = 0; i < sockets->n; i++) {
		struct inherited *socket = &sockets->inherited[i];
		const char *name = socket->name;
		const struct service *service =
			strcmp(name, metrics_service.name) == 0
				? &metrics_service
				: find_service(name, strlen(name));

		if (socket->fd < 0)
			continue;
		if (!service || service->takes_target) {
			complain("descriptor %d: its name is %s: expected "
				 "that of a service, or an argument "
				 "SERVICE=fd:%s",
				 socket->fd, name, name);
			return false;
		}
		if (!adopt_named(new_offer(settings, service), sockets, name))
			return false;
		if (service == &metrics_service)
			settings->has_metrics = true;
	}
	return true;
}

/* -- addresses -- */

static bool is_served_at(const struct service *service,
			 const struct weir_address *address)
{
	return address->type == SOCK_STREAM || service->datagrams.on_datagram;
}

static bool resolve(struct offer *offer, const char *address)
{
	const char *name = offer->service->name;
	int n = weir_address_resolve(address, WEIR_ADDRESS_LISTEN,
				     offer->addresses, MAX_ADDRESSES);

	if (n == -EINVAL) {
		complain("%s=%s: expected HOST:PORT, [V6]:PORT, :PORT, "
			 "unix:PATH or unix:@NAME",
			 name, address);
		return false;
	}
	if (n < 0) {
		complain("%s=%s: %s", name, address, weir_address_error(n));
		return false;
	}
	if (!is_served_at(offer->service, &offer->addresses[0])) {
		complain("%s=%s: expected a stream: only echo and discard "
			 "serve datagrams",
			 name, address);
		return false;
	}
	offer->n_addresses = (size_t)n;
	return true;
}

/* Both families of IP have the port in the same place. */
static bool can_be_connected_to(const struct weir_address *address)
{
	return address->type == SOCK_STREAM &&
	       (address->sa.any.sa_family == AF_UNIX ||
		address->sa.in.sin_port != 0);
}

static bool resolve_target(struct offer *offer, const char *target)
{
	const char *name = offer->service->name;
	int n = weir_address_resolve(target, WEIR_ADDRESS_CONNECT,
				     offer->targets, MAX_ADDRESSES);

	if (n == -EINVAL ||
	    (n > 0 && !can_be_connected_to(&offer->targets[0]))) {
		complain("%s=...,%s: expected HOST:PORT, [V6]:PORT, unix:PATH "
			 "or unix:@NAME",
			 name, target);
		return false;
	}
	if (n < 0) {
		complain("%s=...,%s: %s", name, target, weir_address_error(n));
		return false;
	}
	offer->n_targets = (size_t)n;
	offer->target_text = target;
	return true;
}

/* The address up to the comma, and the target behind it. */
static bool split(struct offer *offer, const char *text, char **address)
{
	const char *comma = strchr(text, ',');

	if (!comma || comma == text) {
		complain("%s=%s: expected ADDRESS,TARGET", offer->service->name,
			 text);
		return false;
	}
	if (!resolve_target(offer, comma + 1))
		return false;
	*address = strndup(text, (size_t)(comma - text));
	if (!*address)
		complain("%s", strerror(ENOMEM));
	return *address != NULL;
}

static bool open_at(struct offer *offer, struct sockets *sockets,
		    const char *address)
{
	if (strncmp(address, "fd:", 3) == 0)
		return adopt_named(offer, sockets, address + 3);
	return resolve(offer, address);
}

static bool place(struct offer *offer, struct sockets *sockets,
		  const char *text)
{
	char *address = NULL;
	bool is_right;

	if (!offer->service->takes_target)
		return open_at(offer, sockets, text);
	if (!split(offer, text, &address))
		return false;
	is_right = open_at(offer, sockets, address);
	free(address);
	return is_right;
}

/* -- arguments -- */

static bool parse_offer(struct settings *settings, struct sockets *sockets,
			const char *text)
{
	size_t n_name = strcspn(text, "=");
	const struct service *service = find_service(text, n_name);

	if (text[n_name] != '=') {
		complain("%s: expected SERVICE=ADDRESS, "
			 "such as echo=127.0.0.1:7007",
			 text);
		return false;
	}
	if (!service) {
		complain("%s: expected a service: %s", text, expected_services);
		return false;
	}
	return place(new_offer(settings, service), sockets, text + n_name + 1);
}

static bool offer_default(struct settings *settings,
			  const struct service *service)
{
	return !service->address ||
	       resolve(new_offer(settings, service), service->address);
}

/* All that are named, or all that there are. */
static bool offer_services(struct settings *settings, struct sockets *sockets,
			   int n, char **texts)
{
	bool is_right = true;

	if (!settings->is_default) {
		for (int i = 0; i < n && is_right; i++)
			is_right = parse_offer(settings, sockets, texts[i]);
		return is_right && adopt_rest(settings, sockets);
	}
	for (size_t i = 0; i < N_SERVICES && is_right; i++)
		is_right = offer_default(settings, services[i]);
	return is_right;
}

static bool offer_metrics(struct settings *settings, struct sockets *sockets,
			  const char *address)
{
	if (!address && settings->is_default)
		address = metrics_service.address;
	settings->has_metrics = address != NULL;
	return !address ||
	       open_at(new_offer(settings, &metrics_service), sockets, address);
}

bool offers_parse(struct settings *settings, const char *metrics, int n,
		  char **texts)
{
	struct sockets sockets;
	size_t n_most;

	sockets.n = systemd_sockets(sockets.inherited, MAX_INHERITED);
	if (sockets.n < 0) {
		complain("LISTEN_FDS: expected the number of open sockets, at "
			 "most %d",
			 MAX_INHERITED);
		return false;
	}
	settings->is_default = n == 0 && sockets.n == 0;
	n_most = (size_t)n + (size_t)sockets.n + N_SERVICES + 1;
	settings->offers = calloc(n_most, sizeof *settings->offers);
	if (!settings->offers) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	return offer_metrics(settings, &sockets, metrics) &&
	       offer_services(settings, &sockets, n, texts);
}

void offers_free(struct settings *settings)
{
	free(settings->offers);
}
