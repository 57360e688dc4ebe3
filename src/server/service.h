/* What a service is to the server: its doors, its connections, its counts. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

struct door;
struct offer;
struct settings;
struct worker;

/* What is done with the connections of a door. Constant; shared by all. */
struct service {
	const char *name;
	const char *address; /* where, when the command line names none */
	/* an ADDRESS follows a comma: relay's target */
	bool takes_target;
	/* it ends when the peer goes away: no reason for a line */
	bool is_endless;
	/* the server's own, not its clients': neither counted among them nor
	 * ended with them */
	bool is_private;
	struct weir_conn_events events; /* on_close is server_on_close */
	unsigned flags; /* enum weir_conn_flags: of its connections */
	/* for datagrams; without on_datagram: streams only */
	struct weir_dgram_events datagrams;
	/* The connections that this service itself opens, to a relay's target
	 * say; they have a door of their own, behind the listening one.
	 * NULL: it opens none. */
	const struct service *back;
	/* What it keeps of each connection; zeroed before on_open. */
	size_t state_size;
	/* All below: NULL, nothing to do. open makes door->state, -ENOMEM if
	 * it cannot; close comes after the last on_close. */
	int (*open)(struct door *door);
	void (*close)(struct door *door);
	/* a connection has come, and has said nothing yet */
	void (*on_open)(struct door *door, struct weir_conn *c);
	/* the last of a connection; it is logged and counted already */
	void (*on_close)(struct weir_conn *c, const struct weir_result *result);
	/* another worker has rung: see struct worker's bell */
	void (*on_bell)(struct door *door);
	/* instead of weir_conn_finish when the server drains */
	void (*on_drain)(struct weir_conn *c);
};

extern const struct service greet_service;
extern const struct service echo_service;
extern const struct service discard_service;
extern const struct service chargen_service;
extern const struct service broadcast_service;
extern const struct service relay_service;
extern const struct service metrics_service; /* private */

/* Why a newcomer was not served. */
enum turned_away {
	TURNED_AWAY_MEMORY,    /* or no room in epoll */
	TURNED_AWAY_MAX_CONNS, /* --max-conns */
	TURNED_AWAY_PROXY,     /* no PROXY header, a wrong or a slow one */
	N_TURNED_AWAY
};

/* What the closed connections of a door came to, and what was dropped. */
struct tally {
	uint64_t n_accepted;
	uint64_t n_turned_away[N_TURNED_AWAY];
	uint64_t n_closed[WEIR_N_REASONS];
	uint64_t received;
	uint64_t sent;
	uint64_t dropped; /* bytes */
	uint64_t n_short_sends;
	uint64_t n_would_blocks;
	uint64_t n_arms;
	uint64_t stalled_ns;
	uint64_t n_unconnected; /* a relay's clients without a target */
	uint64_t n_missed;	/* lines that a slow subscriber was not sent */
};

/* Add what one connection came to, or another tally. */
void tally_add_progress(struct tally *tally,
			const struct weir_progress *progress);
void tally_add(struct tally *tally, const struct tally *other);

/* One listening address of one worker, and everybody who came in by it. */
struct door {
	struct worker *worker;
	const struct service *service;
	const struct offer *offer;
	void *state;			/* the service's own */
	struct weir_conn_limits limits; /* of its connections */
	struct weir_listener listener;	/* closed, or */
	struct weir_dgram dgram;	/* this one is; both: a back door */
	struct door *back;		/* of service->back; NULL: none */
	int family;			/* of the address */
	bool is_full;			/* the last newcomer was one too many */
	struct weir_list roomy;	 /* blocks of clients.c with a free slot */
	struct weir_list full;	 /* and those without */
	struct weir_list guests; /* proxy.c: their PROXY header has not come */
	size_t n_clients;
	struct tally tally;
};

/* How much the letters between the workers may hold together, of every
 * broadcast that is offered. */
size_t broadcast_mail(const struct settings *settings);

/* Every service's on_close. */
void server_on_close(struct weir_conn *c, const struct weir_result *result);

/* -- newcomers.c -- */

/* Somebody has come: serve him, or close fd. */
void door_receive(struct door *door, int fd, const struct weir_address *peer);
/* His address is known: serve whoever is connected at fd from now on, or
 * close it. */
void door_serve(struct door *door, int fd, const struct weir_address *peer);
/* Nobody is served for this reason: count it, and say so. Close fd. */
void door_turn_away(struct door *door, int fd, enum turned_away why,
		    const char *text);
/* One of those counted by --max-conns has gone. */
void door_dismiss(struct door *door);
/* -- doors.c -- */

bool door_listens(const struct door *door);
bool door_is_for_datagrams(const struct door *door);
/* Where it listens, as text of WEIR_ADDRESS_TEXT_SIZE; returns text. */
const char *door_address(const struct door *door, char *text);

/* -- clients.c -- */

enum {
	PEER_TEXT_SIZE = WEIR_ADDRESS_TEXT_SIZE
};

/* A zeroed connection for the peer at fd; NULL: no memory. */
struct weir_conn *clients_add(struct door *door, int fd,
			      const struct weir_address *peer);
/* After on_close, or when it could not be opened. */
void clients_remove(struct weir_conn *c);
/* visit must not remove. */
void clients_each(struct door *door,
		  void (*visit)(struct weir_conn *c, void *arg), void *arg);
struct door *client_door(const struct weir_conn *c);
/* The state_size bytes that its service keeps of it. */
void *client_state(const struct weir_conn *c);
/* Who it is: an address without a path if it is a Unix socket. */
void client_address(const struct weir_conn *c, struct weir_address *peer);
/* The peer's address as it was accepted, or a Unix peer's process, into a
 * text of PEER_TEXT_SIZE; returns text. */
const char *client_peer(const struct weir_conn *c, char *text);

/* -- proxy.c -- */

/* Wait for the PROXY header of the newcomer at fd, then let it in by
 * door_serve with the address that the header tells. */
void proxy_receive(struct door *door, int fd, const struct weir_address *peer);
/* Turn away those who have not sent theirs. */
void proxy_close(struct door *door);

#endif
