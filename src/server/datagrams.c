/* The doors of datagram sockets. There are no connections behind them: what is
 * lost there is a matter of the door, and told by a line. */
#include "server.h"

#include <string.h>

enum {
	/* beyond what the default send buffers let through (net.core.
	 * wmem_default), so that as a rule none is cut */
	UNIX_RECEIVE_MAX = 262144
};

static struct door *door_of(struct weir_dgram *d)
{
	return weir_container_of(d, struct door, dgram);
}

int datagrams_open(struct door *door, const struct weir_address *address)
{
	const struct settings *settings = door->worker->settings;
	struct weir_dgram_options options = {
		.sndbuf = settings->listener.sndbuf,
		.rcvbuf = settings->listener.rcvbuf};

	if (door->family == AF_UNIX)
		options.receive_max = UNIX_RECEIVE_MAX;
	return weir_dgram_bind(&door->dgram, door->worker->loop, address,
			       &door->service->datagrams, &options);
}

static const char *name_of(const struct door *door, char *text)
{
	return weir_address_format(weir_dgram_address(&door->dgram), text,
				   PEER_TEXT_SIZE);
}

void server_on_drain(struct weir_dgram *d)
{
	struct door *door = door_of(d);
	struct weir_dgram_stats stats;
	char text[PEER_TEXT_SIZE];

	weir_dgram_stats(d, &stats);
	log_say(door->worker, "%s %s: %llu datagrams dropped so far",
		door->service->name, name_of(door, text),
		(unsigned long long)stats.n_dropped);
}

void datagrams_close(struct door *door)
{
	struct weir_dgram_stats stats;
	char text[PEER_TEXT_SIZE];

	if (!weir_dgram_is_open(&door->dgram))
		return;
	weir_dgram_close(&door->dgram);
	weir_dgram_stats(&door->dgram, &stats);
	if (stats.n_dropped == 0 && stats.n_truncated == 0)
		return;
	log_say(door->worker, "%s %s: %llu datagrams dropped, %llu cut%s%s",
		door->service->name, name_of(door, text),
		(unsigned long long)stats.n_dropped,
		(unsigned long long)stats.n_truncated,
		stats.n_errors > 0 ? "; " : "",
		stats.n_errors > 0 ? strerror(-stats.last_error) : "");
}
