/* The healthy connections: made a few at a time, since a listener's backlog is
 * short and a SYN that it drops costs a second; watched; ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

enum {
	MAX_DIALING = 128,
	/* what may be kept of input: a few messages, or one read */
	KEPT_MESSAGES = 5
};

/* -- errors -- */

void crew_note_error(struct load *load, enum flood_error cause, int error)
{
	struct flood_result *result = load->result;
	char text[FLOOD_CAUSE_SIZE] = "the target ended the connection";

	if (error)
		flood_cause(error, text);
	if (result->n_errors == 0)
		(void)snprintf(result->first_error, sizeof result->first_error,
			       "%s: %s", flood_error_name(cause), text);
	result->errors[cause]++;
	result->n_errors++;
	load->last_error = error;
}

void crew_note_connect_error(struct load *load, int error)
{
	enum flood_error cause = FLOOD_CONNECT_OTHER;

	if (error == -ECONNREFUSED)
		cause = FLOOD_CONNECT_REFUSED;
	else if (error == -ETIMEDOUT)
		cause = FLOOD_CONNECT_TIMEOUT;
	crew_note_error(load, cause, error);
}

void crew_note_end(struct load *load, const struct weir_result *result)
{
	enum flood_error cause = FLOOD_ERROR_OTHER;
	int error = result->error;

	/* these were counted where they began */
	if (result->reason == WEIR_REASON_FINISHED ||
	    result->reason == WEIR_REASON_ABORTED)
		return;
	if (result->reason == WEIR_REASON_RESET)
		cause = FLOOD_ERROR_RESET;
	else if (result->reason == WEIR_REASON_PEER_CLOSED)
		cause = FLOOD_ERROR_CLOSED;
	else if (result->reason == WEIR_REASON_BUDGET)
		cause = FLOOD_ERROR_MEMORY;
	if (result->reason == WEIR_REASON_BUDGET)
		error = -ENOBUFS;
	else if (result->reason == WEIR_REASON_INPUT_LIMIT)
		error = -EMSGSIZE;
	crew_note_error(load, cause, error);
}

/* -- connecting -- */

static void dial_more(struct load *load);

static void take_connection(struct peer *peer, int fd)
{
	struct load *load = peer->load;
	int error = fd;

	if (fd >= 0) {
		error = weir_conn_open(&peer->conn, load->loop, fd,
				       load->mode->events, &load->limits);
		if (error < 0)
			close(fd);
	}
	if (error < 0) {
		crew_note_connect_error(load, error);
		return;
	}
	peer->was_open = true;
	load->n_open++;
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct peer *peer =
		weir_container_of(connector, struct peer, connector);

	peer->load->n_dialing--;
	take_connection(peer, fd);
	dial_more(peer->load);
}

static void dial(struct peer *peer)
{
	struct load *load = peer->load;
	int error = weir_connector_open(
		&peer->connector, load->loop, load->target->addresses,
		load->target->n_addresses, load->deadline_ns, on_connect);

	if (error < 0)
		crew_note_connect_error(load, error);
	else
		load->n_dialing++;
}

static void dial_more(struct load *load)
{
	while (load->n_dialing < MAX_DIALING && load->n_dialed < load->n_peers)
		dial(&load->peers[load->n_dialed++]);
	if (load->n_dialing == 0)
		load_begin(load);
}

static void set_limits(struct load *load)
{
	size_t kept = KEPT_MESSAGES * load->settings->message_size;

	load->limits = (struct weir_conn_limits){
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
	const struct flood_settings *settings = load->settings;

	/* in mode connect one finds out whether anybody is there */
	size_t n =
		settings->mode == FLOOD_CONNECT ? 1 : settings->n_connections;

	load->peers = calloc(n, sizeof *load->peers);
	load->senders = calloc(n, sizeof(struct peer *));
	if (!load->peers || !load->senders)
		return -ENOMEM;
	load->n_peers = n;
	for (size_t i = 0; i < load->n_peers; i++) {
		struct peer *peer = &load->peers[i];

		peer->load = load;
		peer->number = (uint32_t)i;
		peer->checker = (struct checker){.kit = &load->kit,
						 .counts = &load->checked,
						 .connection = (uint32_t)i};
	}
	set_limits(load);
	return 0;
}

void crew_dial(struct load *load)
{
	load->deadline_ns = load_clock() + load->settings->connect_ns;
	dial_more(load);
}

void crew_stop_dialing(struct load *load)
{
	for (size_t i = 0; i < load->n_dialed; i++)
		weir_connector_close(&load->peers[i].connector);
	load->n_dialing = 0;
	load->n_dialed = load->n_peers;
}

/* -- senders -- */

void crew_choose_senders(struct load *load)
{
	size_t n = load->n_peers;

	if (load->settings->mode == FLOOD_BROADCAST)
		n = load->settings->n_publishers;
	for (size_t i = 0; i < n; i++) {
		struct peer *peer = &load->peers[i];

		if (!weir_conn_is_open(&peer->conn))
			continue;
		peer->i_sender = (uint32_t)load->n_senders;
		load->senders[load->n_senders++] = peer;
	}
}

static void remove_sender(struct peer *peer)
{
	struct load *load = peer->load;

	if (peer->i_sender >= load->n_senders ||
	    load->senders[peer->i_sender] != peer)
		return;
	load->senders[peer->i_sender] = load->senders[--load->n_senders];
	load->senders[peer->i_sender]->i_sender = peer->i_sender;
}

bool crew_send(struct peer *peer, const void *data, size_t n)
{
	const unsigned char *bytes = data;
	ssize_t n_taken = weir_conn_send(&peer->conn, bytes, n);
	int error = 0;

	if (n_taken < 0)
		error = (int)n_taken;
	else if ((size_t)n_taken < n)
		error = weir_conn_sendall(&peer->conn, bytes + n_taken,
					  n - (size_t)n_taken);
	if (error < 0)
		crew_note_refusal(peer, error);
	return error == 0;
}

void crew_note_refusal(struct peer *peer, int error)
{
	/* any other error ends the connection, and is told there */
	if (error != -ENOBUFS && error != -ENOMEM && error != -EMSGSIZE)
		return;
	crew_note_error(peer->load, FLOOD_ERROR_MEMORY, error);
	weir_conn_abort(&peer->conn, true);
}

/* -- the end -- */

void crew_on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct load *load = peer_of(c)->load;

	(void)rest;
	(void)n;
	if (load->phase < LOAD_ENDING)
		crew_note_error(load, FLOOD_ERROR_CLOSED, 0);
	weir_conn_finish(c);
}

void crew_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct peer *peer = peer_of(c);
	struct load *load = peer->load;

	load->n_open--;
	if (load->phase < LOAD_ENDING)
		crew_note_end(load, result);
	if (load->mode->give_up)
		load->mode->give_up(peer);
	remove_sender(peer);
	load_settle(load);
}

void crew_end(struct load *load)
{
	for (size_t i = 0; i < load->n_peers; i++) {
		struct weir_conn *c = &load->peers[i].conn;

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
	for (size_t i = 0; i < load->n_peers; i++)
		if (weir_conn_is_open(&load->peers[i].conn))
			weir_conn_abort(&load->peers[i].conn, true);
}

void crew_close(struct load *load)
{
	for (size_t i = 0; load->peers && i < load->n_peers; i++)
		flight_free(&load->peers[i].flight);
	free(load->peers);
	free(load->senders);
}
