/* The file of a Unix socket: bind(2) makes it, a crash leaves it stale, and
 * only the socket that made it removes it. Listeners and datagram sockets use
 * these functions.
 */
#ifndef WEIR_SOCKET_FILE_H
#define WEIR_SOCKET_FILE_H

#include <weir/address.h>

/* bind(2) fd, a socket of address's family and type, and note in file the file
 * that this made: none for IP or an abstract name. A socket file to which no
 * socket is bound any more is replaced. On failure no file is left.
 *
 * -EADDRINUSE: a socket is bound to it, listening or not, another is replacing
 * it at this moment, or it is another kind of file; -EACCES, -EPERM: the file
 * or the folder belongs to another user, so that it cannot be told whether it
 * is dead, or it cannot be removed. */
int weir_socket_file_bind(int fd, const struct weir_address *address,
			  struct weir_socket_file *file);

/* Note in file the one at address, for its removal, or none (is_owner false, or
 * no path). On failure file is none. */
int weir_socket_file_own(struct weir_socket_file *file,
			 const struct weir_address *address, bool is_owner);

/* Remove the file at address if it is still this file. */
void weir_socket_file_remove(const struct weir_socket_file *file,
			     const struct weir_address *address);

#endif
