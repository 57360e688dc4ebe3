/* The file of a Unix socket: made by bind(2), found stale after a crash, and
 * removed by who made it and nobody else. Listeners and datagram sockets bind
 * by it.
 */
#ifndef WEIR_SOCKET_FILE_H
#define WEIR_SOCKET_FILE_H

#include <weir/address.h>

/* bind(2) fd, a socket of address's family and type, and note in file the file
 * that this made: none for IP or an abstract name. A socket file on which
 * nobody listens is replaced; -EADDRINUSE if somebody does, if it is another
 * kind of file, or if that cannot be told. On failure no file is left. */
int weir_socket_file_bind(int fd, const struct weir_address *address,
			  struct weir_socket_file *file);

/* Remove the file at address if it is still the one. */
void weir_socket_file_remove(const struct weir_socket_file *file,
			     const struct weir_address *address);

#endif
