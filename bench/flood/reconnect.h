/* A connection that has ended is made again, and what had no answer on it is
 * sent again: where the target ends it (--reconnect), after so many messages
 * (--renew), and when an answer takes too long (--timeout). */
#ifndef FLOOD_RECONNECT_H
#define FLOOD_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

struct peer;
struct weir_result;

/* The target has ended its side: the connection is closed, and made again.
 * False: it is not to be. */
bool reconnect_at_end(struct peer *peer);
/* The same when it was closed; mode->resume follows. False: it is not to be. */
bool reconnect_at_close(struct peer *peer, const struct weir_result *result);

/* Message renew_at - 1 is answered: it is time for another connection. */
void reconnect_renew(struct peer *peer);
/* What waits too long is given up, and its connection with it. */
void reconnect_time_out(struct peer *peer, uint64_t now_ns);

#endif
