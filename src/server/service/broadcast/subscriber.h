/* A subscriber: a connection that is sent lines, and is told how many it
 * missed.
 *
 * Each line is one shared buffer in the connection's queue, so it is sent
 * whole or not at all. If there is no room for it below max:
 *
 *	drop-newest	it is not queued
 *	drop-oldest	the oldest lines of which no byte was sent are dropped
 *	disconnect	the connection is aborted
 *
 * The next line that is queued is preceded by "# missed N\n", N being the lines
 * missed since the last such notice. So the lines received, the sum of all N
 * and the missed lines not told yet always add up to all lines published. */
#ifndef SUBSCRIBER_H
#define SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>

#include <weir.h>

#include "settings.h"

struct notice;

/* Zeroed except conn: it has missed nothing. */
struct subscriber {
	struct weir_conn *conn;
	uint64_t n_untold;	/* missed lines that it was not told of */
	uint64_t n_trimmed;	/* bytes that were queued and then dropped */
	struct notice *notices; /* queued, with drop-oldest; oldest first */
};

/* The lines that it lost by one subscriber_send. */
struct subscriber_loss {
	uint64_t n_lines;
	bool is_refused; /* the new line is one of them: it was not queued */
};

/* Send a line. NULL: there was no memory for it. On a connection that has ended
 * this does and counts nothing. */
struct subscriber_loss subscriber_send(
	struct subscriber *s, struct weir_buf *line,
	const struct endpoint_settings *settings);
/* Send the notice without waiting for a next line, if there is room. */
void subscriber_tell(struct subscriber *s);
/* In on_close. */
void subscriber_deinit(struct subscriber *s);

#endif
