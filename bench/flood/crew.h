/* The healthy connections of a run. */
#ifndef FLOOD_CREW_H
#define FLOOD_CREW_H

#include <weir.h>

struct load;
struct peer;

struct crew {
	struct peer *peers;
	size_t n_peers;
	struct weir_conn_limits limits; /* of them all */
	uint64_t begin_ns;		/* of connecting */
	uint64_t deadline_ns;		/* of that */
	struct weir_timer dial_timer;	/* --connect-rate: the next one */
	uint64_t next_dial_ns;
	size_t n_dialed; /* peers whose connecting has begun */
	size_t n_dialing;
	size_t n_dials; /* so far, of all kinds of connections */
	size_t n_open;
	struct peer **senders;
	size_t n_senders;
};

/* -ENOMEM */
int crew_open(struct load *load);
/* Begin to connect; load_begin follows. */
void crew_dial(struct load *load);
/* How to connect, until then; each time from the next --source. */
struct weir_connector_options crew_dialing(struct load *load,
					   uint64_t deadline_ns);
/* The peer's connecting has ended: error 0, or why it failed. */
void crew_take(struct peer *peer, int error);
/* Connect no more: those that are under way are given up. */
void crew_stop_dialing(struct load *load);
/* Those that are open, and are to send, are the senders. */
void crew_choose_senders(struct load *load);
/* The peer sends no more. */
void crew_remove_sender(struct peer *peer);
/* Half-close all; those that a FIN does not end are closed. */
void crew_end(struct load *load);
void crew_abort(struct load *load);
/* After the last on_close; a zeroed one stays so. */
void crew_close(struct load *load);

#endif
