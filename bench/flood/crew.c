/* The healthy connections: made a few at a time, since a listener's backlog is
 * short and a SYN that it drops costs a second; watched; ended. */
#include "crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "datagram.h"
#include "failure.h"
#include "load.h"
#include "peer.h"

enum {
	MAX_DIALING = 128,
	/* what may be kept of input: a few messages, or one read */
	KEPT_MESSAGES = 5
};

static const uint64_t max_dial_lag_ns = 10000000;

/* -- connecting -- */

static void dial_more(struct load *load);

void crew_take(struct peer *peer, int error)
{
	struct load *load = peer->load;

	load->crew.n_dialing--;
	if (error < 0) {
		failure_count_connect(load, &peer->has_failed, error);
	} else {
		peer->was_open = true;
		load->crew.n_open++;
	}
	dial_more(load);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct peer *peer =
		weir_container_of(connector, struct peer, connector);
	struct load *load = peer->load;
	int error = fd;

	if (fd >= 0) {
		error = weir_conn_open(&peer->conn, load->loop, fd,
				       load->mode->events, &load->crew.limits);
		if (error < 0)
			close(fd);
	}
	crew_take(peer, error);
}

struct weir_connector_options crew_dialing(struct load *load,
					   uint64_t deadline_ns)
{
	const struct settings *settings = load->settings;
	const struct weir_address *local = NULL;

	if (settings->n_sources > 0)
		local = &settings->sources[load->crew.n_dials++ %
					   settings->n_sources];
	return (struct weir_connector_options){.deadline_ns = deadline_ns,
					       .local = local,
					       .sndbuf = settings->sndbuf,
					       .rcvbuf = settings->rcvbuf};
}

static int dial_stream(struct peer *peer)
{
	struct load *load = peer->load;
	const struct weir_connector_options options =
		crew_dialing(load, load->crew.deadline_ns);

	return weir_connector_open(
		&peer->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);
}

static void dial(struct peer *peer)
{
	struct load *load = peer->load;
	int error =
		load->mode->dial ? load->mode->dial(peer) : dial_stream(peer);

	if (error < 0)
		failure_count_connect(load, &peer->has_failed, error);
	else
		load->crew.n_dialing++;
}

static void on_dial_time(struct weir_timer *timer)
{
	dial_more(weir_container_of(timer, struct load, crew.dial_timer));
}

/* Whether it is time for the next; a rate that could not be kept for a while
 * is not made up for. */
static bool is_dial_due(struct load *load)
{
	uint64_t rate = load->settings->connect_rate;
	uint64_t now_ns;

	if (rate == 0)
		return true;
	now_ns = clock_now();
	if (now_ns < load->crew.next_dial_ns) {
		weir_timer_arm(&load->crew.dial_timer, load->loop,
			       load->crew.next_dial_ns, on_dial_time);
		return false;
	}
	if (now_ns - load->crew.next_dial_ns > max_dial_lag_ns)
		load->crew.next_dial_ns = now_ns;
	load->crew.next_dial_ns += CLOCK_NS_PER_S / rate;
	return true;
}

static void dial_more(struct load *load)
{
	struct crew *crew = &load->crew;

	while (crew->n_dialing < MAX_DIALING &&
	       crew->n_dialed < crew->n_peers && is_dial_due(load))
		dial(&crew->peers[crew->n_dialed++]);
	if (crew->n_dialing == 0 && crew->n_dialed == crew->n_peers)
		load_begin(load);
}

static void set_limits(struct load *load)
{
	size_t kept = KEPT_MESSAGES * load->settings->message_size;

	load->crew.limits = (struct weir_conn_limits){
		.high = (size_t)512 << 20,
		.max = (size_t)1 << 30,
		.input = kept > WEIR_READ_SIZE ? kept : WEIR_READ_SIZE,
		.linger_ns = 1000000000,
		/* a run is bounded in time as a whole */
		.stall_ns = WEIR_NEVER,
		/* else a full target would wait for us as we for it */
		.flags = WEIR_CONN_NO_THROTTLE,
	};
}

int crew_open(struct load *load)
{
	const struct settings *settings = load->settings;

	/* in mode connect one finds out whether there is a server */
	size_t n = settings->mode == MODE_CONNECT ? 1 : settings->n_connections;

	load->crew.peers = calloc(n, sizeof *load->crew.peers);
	load->crew.senders = calloc(n, sizeof(struct peer *));
	if (!load->crew.peers || !load->crew.senders)
		return -ENOMEM;
	load->crew.n_peers = n;
	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct peer *peer = &load->crew.peers[i];

		peer->load = load;
		peer->renew_at =
			settings->n_renew ? settings->n_renew : UINT64_MAX;
		peer->number = settings->first_connection + (uint32_t)i;
		peer->checker = (struct checker){.kit = &load->kit,
						 .counts = &load->checked,
						 .connection = peer->number};
	}
	set_limits(load);
	return 0;
}

void crew_dial(struct load *load)
{
	const struct settings *settings = load->settings;
	struct crew *crew = &load->crew;

	crew->begin_ns = clock_now();
	crew->next_dial_ns = crew->begin_ns;
	crew->deadline_ns = crew->begin_ns + settings->connect_ns;
	if (settings->connect_rate > 0)
		crew->deadline_ns +=
			crew->n_peers * CLOCK_NS_PER_S / settings->connect_rate;
	dial_more(load);
}

void crew_stop_dialing(struct load *load)
{
	weir_timer_cancel(&load->crew.dial_timer);
	for (size_t i = 0; i < load->crew.n_dialed; i++) {
		weir_connector_close(&load->crew.peers[i].connector);
		if (load->crew.peers[i].datagram &&
		    !datagram_is_open(&load->crew.peers[i]))
			datagram_close(&load->crew.peers[i]);
	}
	load->crew.n_dialing = 0;
	load->crew.n_dialed = load->crew.n_peers;
}

/* -- senders -- */

void crew_choose_senders(struct load *load)
{
	size_t n = load->crew.n_peers;

	if (load->settings->mode == MODE_BROADCAST)
		n = load->settings->n_publishers;
	for (size_t i = 0; i < n; i++) {
		struct peer *peer = &load->crew.peers[i];

		if (!peer_is_open(peer))
			continue;
		peer->i_sender = (uint32_t)load->crew.n_senders;
		load->crew.senders[load->crew.n_senders++] = peer;
	}
}

void crew_remove_sender(struct peer *peer)
{
	struct load *load = peer->load;

	if (peer->i_sender >= load->crew.n_senders ||
	    load->crew.senders[peer->i_sender] != peer)
		return;
	load->crew.senders[peer->i_sender] =
		load->crew.senders[--load->crew.n_senders];
	load->crew.senders[peer->i_sender]->i_sender = peer->i_sender;
}

/* -- the end -- */

/* A datagram socket is closed when it is told to: no on_close follows. */
static void abort_peer(struct peer *peer, bool is_hard)
{
	if (!peer->datagram) {
		weir_conn_abort(&peer->conn, is_hard);
		return;
	}
	datagram_close(peer);
	peer->load->crew.n_open--;
}

void crew_end(struct load *load)
{
	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct peer *peer = &load->crew.peers[i];

		if (!peer_is_open(peer))
			continue;
		if (load->mode->is_ended_by_fin)
			weir_conn_shutdown(&peer->conn);
		else
			abort_peer(peer, false);
	}
}

void crew_abort(struct load *load)
{
	for (size_t i = 0; i < load->crew.n_peers; i++)
		if (peer_is_open(&load->crew.peers[i]))
			abort_peer(&load->crew.peers[i], true);
}

void crew_close(struct load *load)
{
	for (size_t i = 0; load->crew.peers && i < load->crew.n_peers; i++)
		flight_free(&load->crew.peers[i].flight);
	free(load->crew.peers);
	free(load->crew.senders);
}
