/* The endpoints of a worker once endpoint_open.c has opened them: announcing,
 * and closing in steps, so that what the kernel has accepted is served. */
#include "endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "datagrams.h"
#include "log.h"
#include "proxy.h"

bool endpoint_takes_datagrams(const struct endpoint *endpoint)
{
	return weir_dgram_is_open(&endpoint->dgram);
}

bool endpoint_is_listening(const struct endpoint *endpoint)
{
	return weir_listener_is_open(&endpoint->listener);
}

/* Where it listens, as text of WEIR_ADDRESS_TEXT_SIZE; returns text. */
static const char *address_of(const struct endpoint *endpoint, char *text)
{
	return weir_address_format(
		endpoint_takes_datagrams(endpoint)
			? weir_dgram_address(&endpoint->dgram)
			: weir_listener_address(&endpoint->listener),
		text, WEIR_ADDRESS_TEXT_SIZE);
}

void endpoint_announce_all(struct worker *worker)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < worker->n_endpoints; i++) {
		const struct endpoint *endpoint = &worker->endpoints[i];

		if (endpoint_takes_datagrams(endpoint) ||
		    endpoint_is_listening(endpoint))
			log_say(worker, "%s listening on %s",
				endpoint->service->name,
				address_of(endpoint, text));
	}
}

void endpoint_own_files(struct worker *worker, bool is_owner)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];

		if (endpoint->config->is_inherited)
			continue;
		/* a file that is not there needs no owner */
		if (endpoint_is_listening(endpoint))
			(void)weir_listener_own_file(&endpoint->listener,
						     is_owner);
		if (endpoint_takes_datagrams(endpoint))
			(void)weir_dgram_own_file(&endpoint->dgram, is_owner);
	}
}

/* -- closing -- */

/* Closing the socket would reset the connections in its accept queue. Take at
 * most as many as fit there, so that new ones cannot keep this going. */
static void drain_accept_queue(struct endpoint *endpoint)
{
	int n_left = endpoint->config->settings.listener.backlog;
	struct weir_address peer;
	int fd;

	do {
		fd = weir_listener_take(&endpoint->listener, &peer);
		if (fd >= 0)
			admission_receive(endpoint, fd, &peer);
	} while (fd >= 0 && n_left-- > 0);
	if (fd < 0 && fd != -EAGAIN)
		log_warn(endpoint->worker, "%s: clients left waiting: %s",
			 endpoint->service->name, strerror(-fd));
}

void endpoint_stop_listening(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];

		if (!endpoint_is_listening(endpoint) ||
		    endpoint->service->is_private != is_private)
			continue;
		drain_accept_queue(endpoint);
		weir_listener_close(&endpoint->listener);
	}
}

void endpoint_leave_datagrams(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_endpoints; i++)
		datagrams_close(&worker->endpoints[i]);
}

void endpoint_stop_receiving(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		datagrams_close(&worker->endpoints[i]);
		proxy_close(&worker->endpoints[i]);
	}
}

void endpoint_close_all(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];

		weir_listener_close(&endpoint->listener);
		datagrams_close(endpoint);
		proxy_close(endpoint);
		if (endpoint->service->close)
			endpoint->service->close(endpoint);
	}
	free(worker->endpoints);
}
