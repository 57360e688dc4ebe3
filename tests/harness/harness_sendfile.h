/* Files for a probe to send: memfds with the next bytes of its pattern behind
 * SENDFILE_JUNK bytes of junk and before as many, which nobody may receive. */
#ifndef HARNESS_SENDFILE_H
#define HARNESS_SENDFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "harness_conn.h"

enum {
	SENDFILE_JUNK = 7
};

/* A file of the next n bytes, which the caller closes or sends. */
int sendfile_make(const struct conn_probe *p, size_t n);
/* Send such a file; the result is weir_conn_sendfile's, the account is checked
 * afterwards. When it fails the file must still be open, and is closed. */
int sendfile_next(struct conn_probe *p, size_t n);
/* The same, and *file is the file's number. */
int sendfile_next_as(struct conn_probe *p, size_t n, int *file);
bool sendfile_is_open(int fd);
/* Flow; the peer has all that was accepted, and the connection is open. */
void sendfile_expect_received(struct conn_probe *p);

#endif
