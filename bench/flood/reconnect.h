/* A connection that has ended is made again, and what had no answer on it is
 * sent again: where the target ends it (--reconnect), after so many messages
 * (--renew), and when an answer takes too long (--timeout). */
#ifndef FLOOD_RECONNECT_H
#define FLOOD_RECONNECT_H

#include <stdbool.h>

struct load;
struct peer;
struct weir_result;

/* The target has ended its side: the connection is closed, and made again.
 * False: it is not to be. */
bool reconnect_at_end(struct peer *peer);
/* The same when it was closed; mode->resume follows. False: it is not to be. */
bool reconnect_at_close(struct peer *peer, const struct weir_result *result);

/* Message renew_at - 1 is answered: it is time for another connection. */
void reconnect_renew(struct peer *peer);
/* From now on messages that wait too long are given up. */
void reconnect_start_timeout(struct load *load);

#endif
