/* A peer that sends datagrams: what it has in place of a connection.
 *
 * It is connected when an echo of its first datagram has come: without that
 * nobody knows whether there is a target. Datagrams may be lost, come twice, or
 * overtake each other; all of that is counted, and none of it is corrupt. A
 * message that has no answer after --timeout is lost, and a closed loop sends
 * the next one. */
#ifndef FLOOD_DATAGRAM_H
#define FLOOD_DATAGRAM_H

#include <weir.h>

struct load;
struct mode;
struct peer;

extern const struct mode datagram_mode;

bool datagram_is_open(const struct peer *peer);
int datagram_fd(const struct peer *peer);
/* What was sent and is queued, in bytes; also after the close. */
void datagram_counters(const struct peer *peer, struct weir_progress *progress);
/* Also before it is connected. Synchronous; a closed one stays so. */
void datagram_close(struct peer *peer);

/* What our own kernel had no room for when it came, of all peers. */
uint64_t datagram_count_dropped(const struct load *load);

#endif
