/* A bounded number of peers that come to a server and do whatever comes to mind:
 * speak in lines, pieces, endless or tiny lines, read or do not, end one side,
 * go away with input unread, or by a reset; some with small buffers. Nothing of
 * what they do waits, and any of it may fail. */
#ifndef TEST_SERVER_RANDOM_PEERS_H
#define TEST_SERVER_RANDOM_PEERS_H

#include <stddef.h>

/* They will come to these n addresses, which must outlive them; an address that
 * is there twice is chosen twice as often. */
void random_peers_open(const char *const *addresses, size_t n);
/* n things that one of them does. */
void random_peers_act(int n);
void random_peers_close(void);

#endif
