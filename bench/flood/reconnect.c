/* While its peer has no connection it stays a sender: what is due waits in
 * flight, and leaves with the new connection. */
#include "reconnect.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "load.h"
#include "peer.h"

/* A target that answers nothing, and ends each connection, is none. */
static bool may_reconnect(const struct peer *peer)
{
	return peer->load->settings->reconnects && peer->has_answered &&
	       peer->load->phase < LOAD_ENDING;
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
	peer->has_answered = false;
	peer->n_partial = 0;
	peer->checker.n_searched = 0;
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
	const struct weir_connector_options options = {
		.deadline_ns = clock_now() + load->settings->connect_ns};
	int error;

	if (!was_target || !may_reconnect(peer))
		return false;
	peer->is_away = true;
	load->counters.n_taken += result->progress.sent;
	load->result->n_reconnects++;
	error = weir_connector_open(
		&peer->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);
	if (error < 0)
		give_up(peer, error);
	return true;
}
