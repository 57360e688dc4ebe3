/* --keepalive: finding out that a silent peer's machine is gone. */
#ifndef KEEPALIVE_H
#define KEEPALIVE_H

#include <stdint.h>

/* Have the kernel probe the peer of a TCP socket after that time without
 * traffic, and end the connection (ETIMEDOUT) after as long again without an
 * answer. Accepted sockets inherit it from a listening one. 0, and sockets that
 * are not TCP: nothing to do. */
void keepalive_set(int fd, uint64_t ns);

#endif
