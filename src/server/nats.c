/* A connection that is made again whenever it is lost. All addresses are tried
 * at once, that of the server that was lost behind the others: one that cannot
 * be reached costs a fraction of a second, and one that lets nobody in is not
 * the next to be tried. */
#include "nats.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "nats_session.h"

enum {
	FIRST_BACKOFF_MS = 50,
	MAX_DOUBLINGS = 7 /* 6.4 s */
};

static uint64_t now_of(const struct nats *nats)
{
	return weir_loop_now(nats->worker->loop);
}

/* -- the end -- */

static void end(struct nats *nats)
{
	weir_connector_close(&nats->connector);
	weir_timer_cancel(&nats->timer);
	nats->state = NATS_ENDED;
	nats->worker->n_owing--;
	weir_loop_stop(nats->worker->loop);
}

/* If there is a connection its on_close follows. */
static void close_or_end(struct nats *nats)
{
	if (weir_conn_is_open(&nats->conn))
		weir_conn_abort(&nats->conn, false);
	else if (nats->state != NATS_ENDED)
		end(nats);
}

static bool is_done(const struct nats *nats)
{
	return nats->is_finishing && nats->n_waiting == 0 &&
	       nats->n_confirmed == nats->counters.n_published;
}

void nats_go_on(struct nats *nats)
{
	nats_session_publish(nats);
	if (nats->state == NATS_READY)
		(void)nats_session_tell_gap(nats);
	if (nats->is_paused) {
		nats->is_paused = false;
		weir_conn_resume(&nats->conn);
	}
	if (is_done(nats))
		close_or_end(nats);
}

static void finish(struct nats *nats)
{
	nats->is_finishing = true;
	nats->worker->n_owing++;
	nats_go_on(nats);
}

static void abandon(struct nats *nats)
{
	struct worker *worker = nats->worker;

	if (nats->n_waiting > 0) {
		log_warn(worker, "nats %s: %zu bytes of lines are lost",
			 nats->subject, nats->n_waiting);
		worker->n_lost++;
		worker->lost += nats->n_waiting;
	}
	nats->is_abandoned = true;
	close_or_end(nats);
}

static struct nats *nats_at(struct weir_list *link)
{
	return weir_container_of(link, struct nats, link);
}

void nats_finish_all(struct server *server)
{
	weir_list_for_each(link, &server->nats)
		finish(nats_at(link));
}

void nats_abort_all(struct server *server)
{
	weir_list_for_each(link, &server->nats)
		abandon(nats_at(link));
}

/* -- being away -- */

static void arm(struct nats *nats, uint64_t ns)
{
	weir_timer_arm(&nats->timer, nats->worker->loop, now_of(nats) + ns,
		       nats_on_timer);
}

/* Doubled from attempt to attempt, and spread, so that not all clients of a lost
 * server come to the next one at once. */
static uint64_t backoff_ns(const struct nats *nats)
{
	unsigned n = nats->n_failures < MAX_DOUBLINGS ? nats->n_failures
						      : MAX_DOUBLINGS;
	uint64_t ns = (FIRST_BACKOFF_MS * CLOCK_NS_PER_MS) << n;

	return ns / 2 + now_of(nats) % (ns / 2);
}

static void go_away(struct nats *nats)
{
	nats->state = NATS_AWAY;
	arm(nats, backoff_ns(nats));
	nats->n_failures++;
}

/* One line for the same failure, however often it comes. */
static void tell_failure(struct nats *nats, const char *place, const char *why)
{
	if (strcmp(nats->told, why) == 0)
		return;
	(void)snprintf(nats->told, sizeof nats->told, "%s", why);
	log_warn(nats->worker, "nats %s: no connection to %s: %s",
		 nats->subject, place, why);
}

static const char *why_closed(const struct nats *nats,
			      const struct weir_result *result)
{
	if (nats->why[0] != '\0')
		return nats->why;
	return result->error < 0 ? strerror(-result->error)
				 : weir_reason_name(result->reason);
}

static void count_lost(struct nats *nats)
{
	uint64_t n = nats->counters.n_published - nats->n_confirmed;

	nats->counters.n_unconfirmed += n;
	nats->n_confirmed = nats->n_asked = nats->counters.n_published;
	if (n == 0)
		return;
	log_warn(nats->worker,
		 "nats %s: %llu lines were sent and may not have arrived",
		 nats->subject, (unsigned long long)n);
	if (nats->is_finishing)
		nats->worker->n_lost++;
}

void nats_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct nats *nats = weir_container_of(c, struct nats, conn);
	char text[WEIR_ADDRESS_TEXT_SIZE];

	if (!is_done(nats) && !nats->is_abandoned)
		tell_failure(
			nats,
			weir_address_format(&nats->last, text, sizeof text),
			why_closed(nats, result));
	count_lost(nats);
	if (is_done(nats) || nats->is_abandoned)
		end(nats);
	else
		go_away(nats);
}

/* -- connecting -- */

static bool is_same(const struct weir_address *a, const struct weir_address *b)
{
	return a->type == b->type && a->len == b->len &&
	       memcmp(&a->sa, &b->sa, a->len) == 0;
}

static void add_address(struct nats *nats, const struct weir_address *address)
{
	for (size_t i = 0; i < nats->n_addresses; i++)
		if (is_same(&nats->addresses[i], address))
			return;
	if (nats->n_addresses < NATS_MAX_ADDRESSES)
		nats->addresses[nats->n_addresses++] = *address;
}

/* A name would have to be looked up, which takes time. */
static bool is_numeric(const char *url)
{
	char host[NATS_URL_SIZE];
	const char *colon = strrchr(url, ':');
	struct in_addr in;

	if (!colon || *url == '[')
		return colon != NULL;
	(void)snprintf(host, sizeof host, "%.*s", (int)(colon - url), url);
	return inet_pton(AF_INET, host, &in) == 1;
}

static void add_url(struct nats *nats, const char *url)
{
	struct weir_address address;

	if (is_numeric(url) &&
	    weir_address_resolve(url, WEIR_ADDRESS_CONNECT, &address, 1) == 1)
		add_address(nats, &address);
}

static void move_last_to_end(struct nats *nats)
{
	size_t n = nats->n_addresses;
	size_t i = 0;

	while (i < n && !is_same(&nats->addresses[i], &nats->last))
		i++;
	if (i == n)
		return;
	memmove(&nats->addresses[i], &nats->addresses[i + 1],
		(n - i - 1) * sizeof *nats->addresses);
	nats->addresses[n - 1] = nats->last;
}

/* What --nats names, and the cluster that the last server belongs to. */
static void gather(struct nats *nats)
{
	int error;
	struct address_list *list =
		target_addresses(&nats->config->target, &error);

	nats->n_addresses = 0;
	for (size_t i = 0; i < list->n; i++)
		add_address(nats, &list->addresses[i]);
	for (size_t i = 0; i < nats->info.n_urls; i++)
		add_url(nats, nats->info.urls[i]);
	address_list_release(list);
	move_last_to_end(nats);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct nats *nats =
		weir_container_of(connector, struct nats, connector);
	int error = fd;

	if (fd >= 0) {
		nats->last = *weir_connector_address(connector);
		error = nats_session_open(nats, fd);
		if (error < 0)
			close(fd);
	}
	if (error >= 0)
		return;
	target_resolve_lately(&nats->config->target, now_of(nats));
	tell_failure(nats, nats->config->target.text, strerror(-error));
	go_away(nats);
}

static void connect_now(struct nats *nats)
{
	uint64_t ns = nats->worker->settings->defaults.connect_timeout_ns;
	const struct weir_connector_options options = {
		.deadline_ns = now_of(nats) + ns};
	int error;

	nats->state = NATS_CONNECTING;
	gather(nats);
	error = weir_connector_open(&nats->connector, nats->worker->loop,
				    nats->addresses, nats->n_addresses,
				    &options, on_connect);
	/* options.c has checked that there is an address, of a stream */
	assert(error == 0);
	(void)error;
}

void nats_on_timer(struct weir_timer *timer)
{
	struct nats *nats = weir_container_of(timer, struct nats, timer);

	if (nats->state == NATS_AWAY)
		connect_now(nats);
	else
		nats_session_check(nats);
}

/* -- opening and closing -- */

int nats_open(struct nats *nats, struct worker *worker, const char *subject,
	      const struct nats_events *events)
{
	*nats = (struct nats){.worker = worker,
			      .config = worker->settings->nats,
			      .events = events,
			      .subject = subject};
	nats->published =
		malloc(NATS_HEAD_SIZE + NATS_MAX_PAYLOAD + NATS_END_SIZE);
	nats->received = malloc(NATS_MAX_PAYLOAD);
	if (!nats->published || !nats->received) {
		free(nats->published);
		free(nats->received);
		return -ENOMEM;
	}
	weir_list_append(&worker->server->nats, &nats->link);
	arm(nats, 0);
	return 0;
}

void nats_close(struct nats *nats)
{
	assert(!weir_conn_is_open(&nats->conn));
	weir_connector_close(&nats->connector);
	weir_timer_cancel(&nats->timer);
	weir_list_remove(&nats->link);
	free(nats->published);
	free(nats->received);
}
