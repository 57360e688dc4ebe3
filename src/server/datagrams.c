/* Endpoints of datagram sockets. They have no connections, so losses are
 * counted and logged for the endpoint. */
#include "datagrams.h"

#include <string.h>

#include "log.h"

enum {
	/* more than the default send buffers allow (net.core.wmem_default),
	 * so datagrams are rarely truncated */
	UNIX_RECEIVE_MAX = 262144
};

static struct endpoint *endpoint_of(struct weir_dgram *d)
{
	return weir_container_of(d, struct endpoint, dgram);
}

int datagrams_open(struct endpoint *endpoint,
		   const struct weir_address *address)
{
	const struct settings *settings = endpoint->worker->settings;
	struct weir_dgram_options options = {
		.sndbuf = settings->listener.sndbuf,
		.rcvbuf = settings->listener.rcvbuf};

	if (endpoint->family == AF_UNIX)
		options.receive_max = UNIX_RECEIVE_MAX;
	return weir_dgram_bind(&endpoint->dgram, endpoint->worker->loop,
			       address, &endpoint->service->datagrams,
			       &options);
}

static const char *name_of(const struct endpoint *endpoint, char *text)
{
	return weir_address_format(weir_dgram_address(&endpoint->dgram), text,
				   WEIR_ADDRESS_TEXT_SIZE);
}

void datagrams_on_drain(struct weir_dgram *d)
{
	struct endpoint *endpoint = endpoint_of(d);
	struct weir_dgram_stats stats;
	char text[WEIR_ADDRESS_TEXT_SIZE];

	weir_dgram_stats(d, &stats);
	log_say(endpoint->worker, "%s %s: %llu datagrams dropped so far",
		endpoint->service->name, name_of(endpoint, text),
		(unsigned long long)stats.n_dropped);
}

void datagrams_close(struct endpoint *endpoint)
{
	struct weir_dgram_stats stats;
	char text[WEIR_ADDRESS_TEXT_SIZE];

	if (!weir_dgram_is_open(&endpoint->dgram))
		return;
	weir_dgram_close(&endpoint->dgram);
	weir_dgram_stats(&endpoint->dgram, &stats);
	if (stats.n_dropped == 0 && stats.n_truncated == 0)
		return;
	log_say(endpoint->worker, "%s %s: %llu datagrams dropped, %llu cut%s%s",
		endpoint->service->name, name_of(endpoint, text),
		(unsigned long long)stats.n_dropped,
		(unsigned long long)stats.n_truncated,
		stats.n_errors > 0 ? "; " : "",
		stats.n_errors > 0 ? strerror(-stats.last_error) : "");
}
