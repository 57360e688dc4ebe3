#include "peer.h"

#include <errno.h>

#include "datagram.h"
#include "failure.h"
#include "load.h"

bool peer_is_open(const struct peer *peer)
{
	return peer->datagram ? datagram_is_open(peer)
			      : weir_conn_is_open(&peer->conn);
}

int peer_fd(const struct peer *peer)
{
	return peer->datagram ? datagram_fd(peer) : weir_conn_fd(&peer->conn);
}

void peer_counters(const struct peer *peer, struct weir_progress *progress)
{
	*progress = (struct weir_progress){0};
	if (peer->datagram)
		datagram_counters(peer, progress);
	else if (weir_conn_is_open(&peer->conn))
		weir_conn_counters(&peer->conn, progress);
}

void peer_progress(struct peer *peer, struct weir_progress *progress)
{
	if (peer->datagram)
		datagram_counters(peer, progress);
	else
		weir_conn_progress(&peer->conn, progress);
}

bool peer_send(struct peer *peer, const void *data, size_t n)
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
		peer_refuse(peer, error);
	return error == 0;
}

void peer_refuse(struct peer *peer, int error)
{
	/* any other error ends the connection, and is told there */
	if (error != -ENOBUFS && error != -ENOMEM && error != -EMSGSIZE)
		return;
	failure_count(peer->load, &peer->has_failed, FAILURE_MEMORY, error);
	weir_conn_abort(&peer->conn, true);
}

void peer_on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct peer *peer = peer_of(c);

	(void)rest;
	(void)n;
	if (peer->load->phase < LOAD_ENDING)
		failure_count(peer->load, &peer->has_failed, FAILURE_CLOSED, 0);
	weir_conn_finish(c);
}

void peer_leave(struct peer *peer)
{
	struct load *load = peer->load;

	load->crew.n_open--;
	if (load->mode->give_up)
		load->mode->give_up(peer);
	crew_remove_sender(peer);
	load_check_end(load);
}

void peer_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct peer *peer = peer_of(c);
	struct load *load = peer->load;

	load->counters.n_taken += result->progress.sent;
	if (load->phase < LOAD_ENDING)
		failure_count_close(load, &peer->has_failed, result);
	peer_leave(peer);
}
