/* The far end of listeners and connectors: raw sockets that no script of
 * fault.h hits. All are non-blocking and CLOEXEC; what cannot go wrong but by
 * a broken test dies. */
#ifndef HARNESS_NET_H
#define HARNESS_NET_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/address.h>

/* The one address that text means. */
struct weir_address harness_address(const char *text);
/* An abstract Unix name of this process's own. */
struct weir_address harness_unix_name(void);
/* n abstract names of datagram sockets, each the beginning of the next. */
void harness_dgram_names(struct weir_address *names, size_t n);
/* "unix:" and name in a new folder, which harness_remove_folder removes with
 * all that is in it. */
struct weir_address harness_unix_path(const char *name);
void harness_remove_folder(void);

/* A listening socket; address gets the port it was given. */
int harness_listen(struct weir_address *address, int backlog);
/* A connected socket, one whose connection is under way, or -errno. */
int harness_connect(const struct weir_address *address);
/* Whether a connection waits to be accepted; it is accepted and closed. */
bool harness_accept(int listener);
/* Whether this machine has ::1. */
bool harness_has_v6(void);
/* An address that refuses: it is bound and nobody listens. *fd holds it. */
struct weir_address harness_refusing_address(int *fd);
/* One of text's host that nobody holds, and that stays so: its port is below
 * those that the kernel gives out by itself. */
struct weir_address harness_free_address(const char *text);

#endif
