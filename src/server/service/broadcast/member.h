/* A client that follows the feed of its endpoint: what it misses is counted and
 * logged, and --slow says what follows from it. */
#ifndef MEMBER_H
#define MEMBER_H

#include "channel.h"

/* The beginning of the state of every such client; its service sets
 * source.conn. */
struct member {
	struct channel_source source;
	uint64_t n_missed;  /* lines, since it last was below low */
	uint64_t n_trimmed; /* bytes that it missed in all */
};

/* For the events of a feed. */
void member_on_missed(struct weir_conn *c, uint64_t n_lines, uint64_t n_bytes);
/* For a service. */
void member_on_pressure(struct weir_conn *c, bool above);
/* No worker reads from its publishers any more, so what is left are the last
 * lines. Without memory for them they are lost. A publisher that is held for
 * want of NATS has lines that nobody took: it is reset. */
void member_on_drain(struct weir_conn *c);
void member_on_close(struct weir_conn *c, const struct weir_result *result);
uint64_t member_n_trimmed(const struct weir_conn *c);

/* Publish a line of c; if there is no room, hold it: false. */
bool member_publish(struct weir_conn *c, const char *line, size_t n);

#endif
