/* What a relay keeps of a pair; relay.c has the pair, connect.c how it comes
 * about. */
#ifndef RELAY_H
#define RELAY_H

#include "client.h"

/* 1. other is set if and only if both connections are open: from relay_join to
 *    the first on_close */
struct side {
	struct weir_conn *other; /* NULL: not open yet, or closed */
	struct weir_link link;	 /* the other's output holds our input */
	bool has_ended;		 /* its FIN has come */
};

/* The client's side. */
struct front {
	struct side side; /* first, as in the target's state */
	struct weir_conn *client;
	/* until the target is connected the next look at the client; then, when
	 * one side has ended, the end of --half-close */
	struct weir_timer timer;
	uint64_t n_moved; /* bytes of the pair, when that was armed */
	/* until the target is connected: */
	struct weir_connector connector;
	struct target *target;	   /* that is tried */
	struct address_list *list; /* its addresses, while they are tried */
	unsigned tried;		   /* a bit for each target */
	uint64_t deadline_ns;	   /* for this one */
	int held; /* makes room for the target's descriptor; -1: none */
};

/* Connect the client to one of the targets, and join them; or reset it. */
void relay_connect(struct front *front);
/* Give that up, if it is under way. */
void relay_connect_end(struct front *front);
/* Both are open: pass on what they say. */
void relay_join(struct weir_conn *client, struct weir_conn *target);

#endif
