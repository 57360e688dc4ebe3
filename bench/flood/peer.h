/* A healthy connection: what the modes have in common. */
#ifndef FLOOD_PEER_H
#define FLOOD_PEER_H

#include <weir.h>

#include "checker.h"
#include "flight.h"

struct datagram;
struct load;

struct peer {
	struct weir_conn conn;
	struct datagram *datagram; /* in place of conn; NULL: a stream */
	struct weir_connector connector;
	struct load *load;
	uint32_t number;
	uint32_t i_sender; /* its place in load->crew.senders, if it has one */
	bool was_open;
	bool has_failed;
	bool has_answered; /* on this connection */
	bool is_away;	   /* it is made again: what is due waits */
	bool is_renewed;   /* because we wanted that */
	uint64_t renew_at; /* the message to go on the connection after this */
	struct flight flight;
	struct checker checker; /* if messages are verified */
	size_t n_partial;	/* bytes of a message, if they are not */
	uint64_t n_answered;	/* measured messages */
	uint64_t answer_ns;	/* when the last answer came */
	void *own;		/* the mode's */
};

static inline struct peer *peer_of(struct weir_conn *c)
{
	return weir_container_of(c, struct peer, conn);
}

/* Whether it is connected, and by which descriptor. */
bool peer_is_open(const struct peer *peer);
int peer_fd(const struct peer *peer);
/* Of its connection: bytes that were sent, and are queued; 0 of a stream that
 * is closed. */
void peer_counters(const struct peer *peer, struct weir_progress *progress);
/* The same, and what its kernel knows. */
void peer_progress(struct peer *peer, struct weir_progress *progress);

/* Send a message now, outside of the connection's own callbacks. False: it
 * was refused, which is counted. */
bool peer_send(struct peer *peer, const void *data, size_t n);
/* The connection's send was refused; it ends, if it has not already. */
void peer_refuse(struct peer *peer, int error);

/* It has no connection any more, and will have none. */
void peer_leave(struct peer *peer);

/* The on_end and on_close of every mode's connections. */
void peer_on_end(struct weir_conn *c, const void *rest, size_t n);
void peer_on_close(struct weir_conn *c, const struct weir_result *result);

#endif
