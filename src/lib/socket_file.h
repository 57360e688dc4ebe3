/* The file of a Unix socket: bind(2) makes it, a crash leaves it stale, and
 * only the socket that made it removes it. Listeners and datagram sockets use
 * these functions.
 */
#ifndef WEIR_SOCKET_FILE_H
#define WEIR_SOCKET_FILE_H

#include <weir/address.h>

/* bind(2) fd, a socket of address's family and type, and store in file the file
 * that this made (IP and abstract names make no file). A socket file on which
 * no process listens is replaced; -EADDRINUSE if one does, if it is another
 * kind of file, or if that cannot be found out. On failure no file is left. */
int weir_socket_file_bind(int fd, const struct weir_address *address,
			  struct weir_socket_file *file);

/* Remove the file at address if it is still this file. */
void weir_socket_file_remove(const struct weir_socket_file *file,
			     const struct weir_address *address);

#endif
