/* weir-server: what its files share.
 *
 *	main.c	   from the command line to the exit status
 *	options.c  the command line: settings, or one line of refusal
 *	server.c   one loop, from opening to draining
 *	doors.c	   the addresses it listens on, and who comes in
 *	datagrams.c  the doors of datagram sockets
 *	clients.c  the memory of the connections, and who the peers are
 *	log.c	   lines on standard error that never wait for it
 *	trace.c	   --trace: what the send path does, as it happens
 *
 * and one file for each service. A server is one loop and all that hangs on
 * it; nothing is global, so that several may run, each in its own thread.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

struct door;
struct server;

/* -- services -- */

/* What is done with the connections of a door. Constant; shared by all. */
struct service {
	const char *name;
	const char *address; /* where, when the command line names none */
	/* it ends when the peer goes away: no reason for a line */
	bool is_endless;
	struct weir_conn_events events; /* on_close is server_on_close */
	/* for datagrams; without on_datagram: streams only */
	struct weir_dgram_events datagrams;
	/* NULL: nothing to do. open makes door->state, -ENOMEM if it cannot;
	 * close comes after the last on_close. */
	int (*open)(struct door *door);
	void (*close)(struct door *door);
	/* a connection has come, and has said nothing yet */
	void (*on_open)(struct door *door, struct weir_conn *c);
};

extern const struct service greet_service;
extern const struct service echo_service;
extern const struct service discard_service;
extern const struct service chargen_service;

/* -- settings -- */

enum {
	MAX_ADDRESSES = 16 /* of one name */
};

/* One SERVICE=ADDRESS. */
struct offer {
	const struct service *service;
	struct weir_address addresses[MAX_ADDRESSES];
	size_t n_addresses;
};

/* The command line, understood and checked; constant from then on. */
struct settings {
	struct weir_conn_limits limits;
	struct weir_listener_options listener;
	bool is_traced;
	bool is_quiet;
	bool is_default; /* no SERVICE was named */
	size_t n_offers;
	struct offer *offers;
};

enum options_outcome {
	OPTIONS_RUN,
	OPTIONS_INFORMED, /* --help or --version was printed */
	OPTIONS_REFUSED,  /* the reason was printed */
	OPTIONS_FAILED	  /* standard output took no help */
};

enum options_outcome options_parse(struct settings *settings, int argc,
				   char **argv);
void options_free(struct settings *settings);

/* -- the server -- */

/* One listening address, and everybody who came in by it. */
struct door {
	struct server *server;
	const struct service *service;
	void *state;		       /* the service's own */
	struct weir_listener listener; /* closed, or */
	struct weir_dgram dgram;       /* this one is */
	int family;		/* of the address, and so of every peer's */
	struct weir_list roomy; /* blocks of clients.c with a free slot */
	struct weir_list full;	/* and those without */
	uint64_t n_turned_away; /* for want of memory */
};

struct server {
	struct weir_loop loop;
	const struct settings *settings;
	struct weir_signal interrupt;
	struct weir_signal terminate;
	struct weir_observer observer;
	struct door *doors;
	size_t n_doors;
	size_t n_clients;
	unsigned n_signals; /* 0: serving, 1: draining, 2: aborting */
	uint64_t n_lines_lost;
};

enum server_outcome {
	SERVER_DRAINED, /* every connection was finished */
	SERVER_ABORTED	/* a second signal came before that */
};

/* Listen at every address of settings, or at none: then one line says why,
 * and a negative errno is returned. */
int server_open(struct server *server, const struct settings *settings);
/* Serve until a signal has ended it: enum server_outcome, or a negative
 * errno of the loop itself. */
int server_run(struct server *server);
void server_close(struct server *server);
/* Every service's on_close. */
void server_on_close(struct weir_conn *c, const struct weir_result *result);

/* -- doors -- */

/* Listen at every address of the settings; or tell why not, and leave what is
 * open to doors_close. */
int doors_open(struct server *server);
/* Say where. */
void doors_announce(struct server *server);
/* Let in those who wait, and nobody after them. */
void doors_shut(struct server *server);
/* Hear no more datagrams, and tell of those that were lost. */
void doors_hush(struct server *server);
/* After the last connection. */
void doors_close(struct server *server);

/* -- datagrams -- */

int datagrams_open(struct door *door, const struct weir_address *address);
/* One line if some were lost. A closed one stays so. */
void datagrams_close(struct door *door);
/* Every service's on_drain. */
void server_on_drain(struct weir_dgram *d);

/* -- clients -- */

enum {
	PEER_TEXT_SIZE = WEIR_ADDRESS_TEXT_SIZE
};

/* A zeroed connection for the peer at fd; NULL: no memory. */
struct weir_conn *clients_add(struct door *door, int fd,
			      const struct weir_address *peer);
/* After on_close, or when it could not be opened. */
void clients_remove(struct weir_conn *c);
/* visit must not remove. */
void clients_each(struct door *door, void (*visit)(struct weir_conn *c));
struct door *client_door(const struct weir_conn *c);
/* The peer's address as it was accepted, or a Unix peer's process, into a
 * text of PEER_TEXT_SIZE; returns text. */
const char *client_peer(const struct weir_conn *c, char *text);

/* -- lines on standard error -- */

/* "weir-server: ..." unless --quiet. */
void log_say(struct server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "trace ...", also with --quiet. */
void log_trace(struct server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Why the program does not start, or stops: always, and waiting if need be. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* -- trace -- */

/* Print what the connections of this server send from now on. */
void trace_start(struct server *server);

#endif
