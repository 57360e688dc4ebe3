/* While its peer has no connection it stays a sender: what is due waits in
 * flight, and leaves with the new connection. */
#include "reconnect.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "load.h"
#include "peer.h"
#include "record.h"

/* A target that answers nothing, and ends each connection, is none. */
static bool may_reconnect(const struct peer *peer)
{
	return peer->load->phase < LOAD_ENDING &&
	       (peer->is_renewed ||
		(peer->load->settings->reconnects && peer->has_answered));
}

static int reopen(struct peer *peer, int fd)
{
	struct load *load = peer->load;
	int error = fd;

	if (fd >= 0 && load->phase >= LOAD_ENDING)
		error = -ECANCELED;
	else if (fd >= 0)
		error = weir_conn_open(&peer->conn, load->loop, fd,
				       load->mode->events, &load->crew.limits);
	if (fd >= 0 && error < 0)
		close(fd);
	return error;
}

static void give_up(struct peer *peer, int error)
{
	if (peer->load->phase < LOAD_ENDING)
		failure_count_connect(peer->load, &peer->has_failed, error);
	peer_leave(peer);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct peer *peer =
		weir_container_of(connector, struct peer, connector);
	int error = reopen(peer, fd);

	if (error < 0) {
		give_up(peer, error);
		return;
	}
	peer->is_away = false;
	peer->is_renewed = false;
	peer->has_answered = false;
	peer->n_partial = 0;
	checker_restart(&peer->checker, peer->flight.first);
	if (peer->load->settings->n_renew > 0)
		peer->renew_at =
			peer->flight.first + peer->load->settings->n_renew;
	peer->load->mode->resume(peer);
}

bool reconnect_at_end(struct peer *peer)
{
	if (!may_reconnect(peer))
		return false;
	peer->is_away = true;
	weir_conn_abort(&peer->conn, false);
	return true;
}

bool reconnect_at_close(struct peer *peer, const struct weir_result *result)
{
	struct load *load = peer->load;
	bool was_target = peer->is_away ||
			  result->reason == WEIR_REASON_RESET ||
			  result->reason == WEIR_REASON_PEER_CLOSED;
	const struct weir_connector_options options =
		crew_dialing(load, clock_now() + load->settings->connect_ns);
	int error;

	if (!was_target || !may_reconnect(peer))
		return false;
	peer->is_away = true;
	load->counters.n_taken += result->progress.sent;
	load->result->n_reconnects += !peer->is_renewed;
	error = weir_connector_open(
		&peer->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);
	if (error < 0)
		give_up(peer, error);
	return true;
}

/* -- because we want it -- */

static void renew(struct peer *peer)
{
	peer->is_away = true;
	peer->is_renewed = true;
	weir_conn_abort(&peer->conn, false);
}

void reconnect_renew(struct peer *peer)
{
	if (peer->is_away || peer->load->phase >= LOAD_ENDING)
		return;
	/* but for what waits for the next connection, all was sent */
	if (flight_is_empty(&peer->flight) && !peer->load->is_sending)
		return;
	peer->load->result->n_renewals++;
	renew(peer);
}

/* -- time-outs -- */

/* What comes on this connection is not waited for any more, so another one has
 * to be made for what is not too old. */
void reconnect_time_out(struct peer *peer, uint64_t now_ns)
{
	bool is_late = record_is_late(peer, now_ns);

	if (!peer->is_away && !weir_conn_is_open(&peer->conn))
		return;
	while (record_is_late(peer, now_ns))
		record_timed_out(peer->load, flight_pop(&peer->flight), now_ns);
	if (is_late && !peer->is_away)
		renew(peer);
}
