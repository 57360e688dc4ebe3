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
/* Send n bytes of fd from offset on, as a file of which only the connection
 * keeps a reference; fd is closed if it is refused. The result is
 * weir_conn_sendfile's, or weir_file_new's. */
int sendfile_and_let_go(struct weir_conn *c, int fd, int64_t offset,
			uint64_t n);
/* Send such a file; the account is checked afterwards. */
int sendfile_next(struct conn_probe *p, size_t n);
/* The same, and *file is the file's number. */
int sendfile_next_as(struct conn_probe *p, size_t n, int *file);
bool sendfile_is_open(int fd);
/* Flow; the peer has all that was accepted, and the connection is open. */
void sendfile_expect_received(struct conn_probe *p);

#endif
