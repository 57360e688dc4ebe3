/* A subject of NATS: a connection to one server of a cluster, over which lines
 * are published there and received from there. Another server of the cluster
 * takes its place when it is lost.
 *
 * A line is sent once. NATS promises no more than that: what a lost server had
 * not confirmed may have arrived or not. So after each batch of lines comes a
 * PING, whose PONG says that they were taken; what was not confirmed when a
 * connection is lost is counted and logged. What others published meanwhile is
 * missed, which the receivers read in the place where it is missing.
 *
 * All of it belongs to the first worker. */
#ifndef NATS_H
#define NATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

#include "log.h"
#include "nats_config.h"
#include "nats_protocol.h"

struct nats;

enum {
	NATS_MAX_PAYLOAD = 65536, /* a line, with its newline, is no longer */
	NATS_MAX_ADDRESSES = 64
};

struct nats_events {
	/* Publish what waits, with nats_publish, for as long as it succeeds.
	 * Returns the bytes that still wait. */
	size_t (*on_room)(struct nats *nats);
	/* A line of another server, with its newline. False: there is no room
	 * for it; nats_go_on is called when there is. */
	bool (*on_line)(struct nats *nats, const char *line, size_t n);
};

/* Lines, unless another unit is named. */
struct nats_counters {
	uint64_t n_published; /* accepted for the connection */
	uint64_t n_received;
	uint64_t n_unconfirmed; /* published, and the connection was lost */
	uint64_t n_too_long;	/* for the server, or for us */
	uint64_t n_refused;	/* for want of a permission */
	uint64_t n_connects;	/* connections */
	uint64_t n_slow;	/* errors: slow consumer */
};

enum nats_state {
	NATS_AWAY, /* until the next attempt */
	NATS_CONNECTING,
	NATS_GREETING, /* until the first PONG */
	NATS_READY,
	NATS_ENDED
};

/* Embedded by its owner.
 *
 * 1. the connection is open in GREETING and READY, and for the time from its
 *    abort to on_close
 * 2. n_confirmed <= n_asked <= counters.n_published */
struct nats {
	struct weir_list link; /* in the server's list */
	struct worker *worker;
	struct nats_config *config;
	const struct nats_events *events;
	const char *subject;
	char *published; /* a line, with the head before it */
	char *received;	 /* a line, with its newline */
	enum nats_state state;
	/* where to connect to */
	struct weir_address addresses[NATS_MAX_ADDRESSES];
	size_t n_addresses;
	struct weir_address last; /* connected to; zeroed: none */
	struct nats_info info;	  /* of the last server that told it */
	unsigned n_failures;	  /* attempts since a connection has lasted */
	struct weir_connector connector;
	struct weir_timer timer; /* an attempt, its end, or the next check */
	/* the connection */
	struct weir_conn conn;
	struct weir_conn_limits limits;
	char why[160];	   /* it is given up; "": it was not us */
	char told[160];	   /* the failure that was logged last */
	bool is_full;	   /* no more is published before it says so */
	bool is_paused;	   /* there was no room for a line */
	bool is_pinging;   /* a PONG is due */
	bool owes_pong;	   /* there was no room for it */
	unsigned n_checks; /* since the PING */
	uint64_t n_asked;  /* published before the PING */
	uint64_t n_confirmed;
	size_t n_skip; /* bytes of a message that is too long */
	size_t n_done; /* bytes of the present payload, handed out */
	bool owes_gap; /* lines of others were missed, and it is not told */
	/* the end */
	size_t n_waiting;  /* bytes, when on_room was called last */
	bool is_finishing; /* it ends when nothing waits */
	bool is_abandoned; /* or even so */
	struct nats_counters counters;
	struct log_limit too_long;
	struct log_limit refused;
};

/* Publish to and receive from subject, which has been checked and must outlive
 * it. It begins to connect when the loop runs. -ENOMEM. */
int nats_open(struct nats *nats, struct worker *worker, const char *subject,
	      const struct nats_events *events);
/* Once it is ended, or was never run. */
void nats_close(struct nats *nats);

/* Where the next line is put, of at most NATS_MAX_PAYLOAD bytes. */
char *nats_line(struct nats *nats);
/* Publish the line of n bytes there, whose last is its newline. False: there is
 * no room; on_room follows. */
bool nats_publish(struct nats *nats, size_t n);
/* More waits, or there is room for lines. */
void nats_go_on(struct nats *nats);

/* The server drains: end each when all that waits is confirmed; it counts in
 * worker->n_owing until then. Or end it now: what still waits is lost. */
void nats_finish_all(struct server *server);
void nats_abort_all(struct server *server);

#endif
