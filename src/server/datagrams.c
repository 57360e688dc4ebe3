/* Endpoints of datagram sockets. They have no connections, so losses are
 * counted and logged for the endpoint. */
#include "datagrams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "log.h"

enum {
	/* more than the default send buffers allow (net.core.wmem_default),
	 * so datagrams are rarely truncated */
	UNIX_RECEIVE_MAX = 262144,
	/* Sources share a bucket if their hashes agree: then they share its
	 * rate too, and forging many of them gains nothing. */
	N_BUCKETS = 1024
};

static struct endpoint *endpoint_of(struct weir_dgram *d)
{
	return weir_container_of(d, struct endpoint, dgram);
}

/* -- who is answered -- */

/* Services that answer whatever comes: echo, daytime, quote of the day,
 * character generator, time. */
static bool is_answering_port(unsigned port)
{
	static const unsigned ports[] = {7, 13, 17, 19, 37};

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* Both families of IP have the port in the same place. */
static unsigned port_of(const struct weir_address *address)
{
	return ntohs(address->sa.in.sin_port);
}

/* Of whatever address: there may be a server like this one at another. */
static bool is_own_port(const struct worker *worker, unsigned port)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		const struct endpoint *other = &worker->endpoints[i];

		if (endpoint_takes_datagrams(other) &&
		    other->family != AF_UNIX &&
		    port_of(weir_dgram_address(&other->dgram)) == port)
			return true;
	}
	return false;
}

/* Of an IPv4 address or an IPv6 network. */
static size_t hash_of(const struct weir_address *from)
{
	unsigned char bytes[NETWORK_ADDRESS_SIZE] = {0};
	size_t n;

	(void)network_address(from, bytes);
	n = network_is_ipv4(bytes) ? sizeof bytes : sizeof bytes / 2;
	return network_hash(bytes, n, 0) % N_BUCKETS;
}

static bool is_within_rate(struct endpoint *endpoint,
			   const struct weir_address *from)
{
	return bucket_take(&endpoint->buckets[hash_of(from)],
			   endpoint->config->settings.udp_rate,
			   weir_loop_now(endpoint->worker->loop));
}

/* A sender that is many, or one that has asked many, as far as that is known:
 * all of them would answer. */
static bool is_of_many(const struct weir_dgram_received *in)
{
	return in->is_for_many || !network_is_unicast(&in->from) ||
	       !network_is_unicast(&in->to);
}

bool datagrams_may_answer(struct weir_dgram *d,
			  const struct weir_dgram_received *in)
{
	struct endpoint *endpoint = endpoint_of(d);
	const struct weir_address *from = &in->from;
	bool may_answer;

	if (endpoint->family == AF_UNIX)
		return true;
	may_answer = !is_of_many(in) && !is_answering_port(port_of(from)) &&
		     !is_own_port(endpoint->worker, port_of(from)) &&
		     is_within_rate(endpoint, from);
	endpoint->counters.n_unanswered += !may_answer;
	return may_answer;
}

/* -- opening and closing -- */

/* Bind to address, or take over fd if it is not negative. */
static int open_socket(struct endpoint *endpoint,
		       const struct weir_address *address, int fd)
{
	const struct endpoint_settings *settings = &endpoint->config->settings;
	const struct weir_dgram_events *events = &endpoint->service->datagrams;
	struct weir_loop *loop = endpoint->worker->loop;
	struct weir_dgram_options options = {
		.sndbuf = settings->listener.sndbuf,
		.rcvbuf = settings->listener.rcvbuf};

	if (endpoint->family == AF_UNIX)
		options.receive_max = UNIX_RECEIVE_MAX;
	return fd < 0 ? weir_dgram_bind(&endpoint->dgram, loop, address, events,
					&options)
		      : weir_dgram_adopt(&endpoint->dgram, loop, fd, events,
					 &options);
}

int datagrams_open(struct endpoint *endpoint,
		   const struct weir_address *address, int fd)
{
	int error;

	if (endpoint->family != AF_UNIX) {
		endpoint->buckets =
			calloc(N_BUCKETS, sizeof *endpoint->buckets);
		if (!endpoint->buckets)
			return -ENOMEM;
	}
	error = open_socket(endpoint, address, fd);
	if (error < 0)
		free(endpoint->buckets);
	else
		endpoint->worker->n_endpoints++;
	return error;
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
	log_limited(endpoint->worker, &endpoint->lines.datagrams,
		    "%s %s: %llu datagrams dropped so far",
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
	free(endpoint->buckets);
	endpoint->buckets = NULL;
	weir_dgram_stats(&endpoint->dgram, &stats);
	if (stats.n_dropped == 0 && stats.n_truncated == 0)
		return;
	log_warn(endpoint->worker,
		 "%s %s: %llu datagrams dropped, %llu cut%s%s",
		 endpoint->service->name, name_of(endpoint, text),
		 (unsigned long long)stats.n_dropped,
		 (unsigned long long)stats.n_truncated,
		 stats.n_errors > 0 ? "; " : "",
		 stats.n_errors > 0 ? strerror(-stats.last_error) : "");
}
