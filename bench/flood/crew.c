/* The healthy connections: made a few at a time, since a listener's backlog is
 * short and a SYN that it drops costs a second; watched; ended. */
#include "crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "load.h"
#include "peer.h"

enum {
	MAX_DIALING = 128,
	/* what may be kept of input: a few messages, or one read */
	KEPT_MESSAGES = 5
};

/* -- connecting -- */

static void dial_more(struct load *load);

static void take_connection(struct peer *peer, int fd)
{
	struct load *load = peer->load;
	int error = fd;

	if (fd >= 0) {
		error = weir_conn_open(&peer->conn, load->loop, fd,
				       load->mode->events, &load->crew.limits);
		if (error < 0)
			close(fd);
	}
	if (error < 0) {
		failure_count_connect(load, &peer->has_failed, error);
		return;
	}
	peer->was_open = true;
	load->crew.n_open++;
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct peer *peer =
		weir_container_of(connector, struct peer, connector);

	peer->load->crew.n_dialing--;
	take_connection(peer, fd);
	dial_more(peer->load);
}

static void dial(struct peer *peer)
{
	struct load *load = peer->load;
	const struct weir_connector_options options =
		load_dialing(load, load->crew.deadline_ns);
	int error = weir_connector_open(
		&peer->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);

	if (error < 0)
		failure_count_connect(load, &peer->has_failed, error);
	else
		load->crew.n_dialing++;
}

static void dial_more(struct load *load)
{
	while (load->crew.n_dialing < MAX_DIALING &&
	       load->crew.n_dialed < load->crew.n_peers)
		dial(&load->crew.peers[load->crew.n_dialed++]);
	if (load->crew.n_dialing == 0)
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
	load->crew.deadline_ns = clock_now() + load->settings->connect_ns;
	dial_more(load);
}

void crew_stop_dialing(struct load *load)
{
	for (size_t i = 0; i < load->crew.n_dialed; i++)
		weir_connector_close(&load->crew.peers[i].connector);
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

		if (!weir_conn_is_open(&peer->conn))
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

void crew_end(struct load *load)
{
	for (size_t i = 0; i < load->crew.n_peers; i++) {
		struct weir_conn *c = &load->crew.peers[i].conn;

		if (!weir_conn_is_open(c))
			continue;
		if (load->mode->is_ended_by_fin)
			weir_conn_shutdown(c);
		else
			weir_conn_abort(c, false);
	}
}

void crew_abort(struct load *load)
{
	for (size_t i = 0; i < load->crew.n_peers; i++)
		if (weir_conn_is_open(&load->crew.peers[i].conn))
			weir_conn_abort(&load->crew.peers[i].conn, true);
}

void crew_close(struct load *load)
{
	for (size_t i = 0; load->crew.peers && i < load->crew.n_peers; i++)
		flight_free(&load->crew.peers[i].flight);
	free(load->crew.peers);
	free(load->crew.senders);
}
