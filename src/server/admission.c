/* Admission: each accepted connection is counted, then served or refused. */
#include "admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "log.h"
#include "proxy.h"

enum {
	MAX_PRIVATE = 32, /* connections to the metrics */
	TEXT_SIZE = 256
};

static const char *const refusal_texts[N_REFUSALS] = {
	[REFUSED_MEMORY] = "no memory",
	[REFUSED_MAX_CONNS] = "as many as max-conns are here",
	[REFUSED_PROXY] = "no PROXY header",
	[REFUSED_MANY] = "as many as max-per-address are here",
	[REFUSED_FAST] = "more a second than rate-per-address",
	[REFUSED_UNTRUSTED] = "it comes from no trusted network",
};

/* A FIN would look like an empty answer. */
static void reset_on_close(int fd)
{
	static const struct linger reset = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void admission_drop(struct endpoint *endpoint, int fd, enum refusal refusal)
{
	endpoint->counters.n_refused[refusal]++;
	if (refusal != REFUSED_PROXY)
		reset_on_close(fd);
	close(fd);
}

void admission_refuse(struct endpoint *endpoint, int fd, enum refusal refusal,
		      const char *text)
{
	admission_drop(endpoint, fd, refusal);
	log_limited(endpoint->worker, &endpoint->lines.refused[refusal],
		    "%s: a client turned away: %s", endpoint->service->name,
		    text ? text : refusal_texts[refusal]);
}

/* A reason that is the address's own. */
static void refuse_from(struct endpoint *endpoint, int fd,
			const struct weir_address *peer, enum refusal refusal)
{
	char address[WEIR_ADDRESS_TEXT_SIZE];
	char text[TEXT_SIZE];

	weir_address_format(peer, address, sizeof address);
	(void)snprintf(text, sizeof text, "%s: %s", address,
		       refusal_texts[refusal]);
	admission_refuse(endpoint, fd, refusal, text);
	admission_release(endpoint);
}

/* A place among those of its address, or its refusal: of several in a row the
 * first is told. */
static bool admit_source(struct endpoint *endpoint, int fd,
			 const struct weir_address *peer)
{
	const struct endpoint_config *config = endpoint->config;
	enum source_verdict verdict;
	enum refusal refusal;
	bool is_first = true;

	if (!config->sources || endpoint->service->is_private)
		return true;
	verdict =
		sources_admit(config->sources, &config->settings, peer,
			      weir_loop_now(endpoint->worker->loop), &is_first);
	if (verdict == SOURCE_ADMITTED)
		return true;
	refusal = verdict == SOURCE_TOO_MANY ? REFUSED_MANY : REFUSED_FAST;
	if (is_first) {
		refuse_from(endpoint, fd, peer, refusal);
		return false;
	}
	admission_drop(endpoint, fd, refusal);
	admission_release(endpoint);
	return false;
}

void admission_release_source(struct endpoint *endpoint,
			      const struct weir_address *peer)
{
	const struct endpoint_config *config = endpoint->config;

	if (config->sources && !endpoint->service->is_private)
		sources_release(config->sources, &config->settings, peer,
				weir_loop_now(endpoint->worker->loop));
}

/* The head of a PROXY header may come after the listener has closed. */
static int open_client(struct endpoint *endpoint, struct weir_conn *c, int fd)
{
	const struct weir_conn_events *events = &endpoint->service->events;

	if (weir_listener_is_open(&endpoint->listener))
		return weir_conn_accept(c, &endpoint->listener, fd, events,
					&endpoint->limits);
	return weir_conn_open(c, endpoint->worker->loop, fd, events,
			      &endpoint->limits);
}

static void serve(struct endpoint *endpoint, int fd,
		  const struct weir_address *peer,
		  const struct weir_address *destination)
{
	struct weir_conn *c = client_new(endpoint, fd, peer, destination);
	int error = -ENOMEM;

	if (c)
		error = open_client(endpoint, c, fd);
	if (error == 0) {
		endpoint->counters.n_accepted++;
		if (endpoint->service->on_open)
			endpoint->service->on_open(endpoint, c);
		return;
	}
	if (c)
		client_free(c);
	admission_refuse(endpoint, fd, REFUSED_MEMORY, strerror(-error));
	admission_release_source(endpoint, peer);
	admission_release(endpoint);
}

void admission_serve(struct endpoint *endpoint, int fd,
		     const struct weir_address *peer,
		     const struct weir_address *destination)
{
	if (admit_source(endpoint, fd, peer))
		serve(endpoint, fd, peer, destination);
}

/* The metrics have a limit of their own, so that --max-conns clients cannot
 * keep a scraper out, nor scrapers take every descriptor. */
static bool admit_private(const struct worker *worker)
{
	return worker->n_private < MAX_PRIVATE;
}

static bool take_place(_Atomic uint64_t *n_taken, uint64_t max)
{
	if (atomic_fetch_add(n_taken, 1) < max || max == 0)
		return true;
	atomic_fetch_sub(n_taken, 1);
	return false;
}

/* A place among --max-conns, and among the endpoint's own. */
static bool admit(struct endpoint *endpoint)
{
	struct server *server = endpoint->worker->server;
	const struct endpoint_config *config = endpoint->config;

	if (endpoint->service->is_private)
		return admit_private(endpoint->worker);
	if (!take_place(&server->n_conns, server->settings->max_conns))
		return false;
	if (take_place(config->n_conns, config->settings.max_conns))
		return true;
	atomic_fetch_sub(&server->n_conns, 1);
	return false;
}

void admission_release(struct endpoint *endpoint)
{
	struct server *server = endpoint->worker->server;

	if (endpoint->service->is_private)
		return;
	atomic_fetch_sub(endpoint->config->n_conns, 1);
	if (atomic_fetch_sub(&server->n_conns, 1) == 1 &&
	    server_phase(server) == PHASE_REPLACED)
		weir_wakeup_send(&server->workers[0].wakeup);
}

/* At the limit only the first refusal is logged. */
static void refuse_over_limit(struct endpoint *endpoint, int fd)
{
	const char *text =
		endpoint->service->is_private ? "too many at a time" : NULL;

	if (endpoint->is_full)
		admission_drop(endpoint, fd, REFUSED_MAX_CONNS);
	else
		admission_refuse(endpoint, fd, REFUSED_MAX_CONNS, text);
	endpoint->is_full = true;
}

/* Whoever can open a Unix socket has been trusted by its mode. */
static bool is_trusted(const struct endpoint_settings *settings,
		       const struct weir_address *peer)
{
	return settings->trusted.n == 0 || peer->sa.any.sa_family == AF_UNIX ||
	       networks_hold(&settings->trusted, peer);
}

/* --accept-proxy */
static void await_header(struct endpoint *endpoint, int fd,
			 const struct weir_address *peer)
{
	const struct endpoint_settings *settings = &endpoint->config->settings;

	if (is_trusted(settings, peer))
		proxy_receive(endpoint, fd, peer);
	else if (settings->untrusted == UNTRUSTED_SERVE)
		admission_serve(endpoint, fd, peer, NULL);
	else
		refuse_from(endpoint, fd, peer, REFUSED_UNTRUSTED);
}

void admission_receive(struct endpoint *endpoint, int fd,
		       const struct weir_address *peer)
{
	if (!admit(endpoint)) {
		refuse_over_limit(endpoint, fd);
		return;
	}
	endpoint->is_full = false;
	descriptors_check(endpoint->worker);
	if (endpoint->config->settings.accepts_proxy &&
	    !endpoint->service->is_private)
		await_header(endpoint, fd, peer);
	else
		admission_serve(endpoint, fd, peer, NULL);
}
