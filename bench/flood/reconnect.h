/* A connection that the target ends is made again, and what had no answer on it
 * is sent again: --reconnect. */
#ifndef FLOOD_RECONNECT_H
#define FLOOD_RECONNECT_H

#include <stdbool.h>

struct peer;
struct weir_result;

/* The target has ended its side: the connection is closed, and made again.
 * False: it is not to be. */
bool reconnect_at_end(struct peer *peer);
/* The same when it was closed; mode->resume follows. False: it is not to be. */
bool reconnect_at_close(struct peer *peer, const struct weir_result *result);

#endif
