/* A subscriber: a connection that is sent lines, and told of those that it was
 * not sent.
 *
 * Each line is one shared buffer in the connection's queue, so it is sent
 * whole or not at all. When there is no room for it below max:
 *
 *	drop-newest	it is not queued
 *	drop-oldest	the oldest ones of which no byte has left go
 *	disconnect	the connection is aborted
 *
 * In front of the next line that is queued goes "# missed N\n", N lines since
 * the last of these; so at any time the lines that came and all N, with those
 * still owed, make up the lines that were meant for him. */
#ifndef SUBSCRIBER_H
#define SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>

#include <weir.h>

#include "settings.h"

struct notice;

/* Zeroed but for conn: one who has missed nothing. */
struct subscriber {
	struct weir_conn *conn;
	uint64_t n_owed;	/* missed lines that he was not told of */
	struct notice *notices; /* queued, with drop-oldest; oldest first */
};

/* What one line cost him. */
struct subscriber_loss {
	uint64_t n_lines;
	bool is_refused; /* the line itself is among them: never queued */
};

/* Send a line, or NULL when there was no memory for it. On a connection that
 * has ended this does, and counts, nothing. */
struct subscriber_loss subscriber_send(struct subscriber *s,
				       struct weir_buf *line,
				       const struct settings *settings);
/* There may be room again, and perhaps no more lines come: tell what is owed.
 * Without room it stays owed. */
void subscriber_tell(struct subscriber *s);
/* The last of him. */
void subscriber_deinit(struct subscriber *s);

#endif
