/* sendall for plain stream sockets, without a loop.
 *
 * It waits, so it is for programs with one peer, or one thread per peer; in an
 * event loop it would hold up every peer for the slowest (weir_conn_sendall
 * does not). The descriptor may be blocking or not, and stays as it is: every
 * call passes MSG_DONTWAIT and MSG_NOSIGNAL, and poll(2) does the waiting.
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <string.h>
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	int main(void)
 *	{
 *		const char *text = "Hey~~~";
 *		size_t sent;
 *		int fd[2];
 *		int error;
 *
 *		socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
 *		error = weir_fd_sendall(fd[0], text, strlen(text), WEIR_NEVER,
 *					&sent);
 *		if (error < 0)
 *			fprintf(stderr, "%s after %zu bytes\n",
 *				strerror(-error), sent);
 *		return error < 0;
 *	}
 */
#ifndef WEIR_FD_H
#define WEIR_FD_H

#include <stddef.h>
#include <stdint.h>

#include <weir/declare.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

/* Send all n bytes, waiting for room until deadline_ns (CLOCK_MONOTONIC,
 * absolute; WEIR_NEVER: without end; 0 or a past deadline: send only what fits
 * now). Returns 0 when the kernel has taken all of them.
 *
 * Otherwise returns a negative errno, and the kernel has taken exactly
 * data[0..*sent): to go on, begin at *sent. -ETIMEDOUT at the deadline; -EPIPE,
 * -ECONNRESET and the other errors of send(2); -ENOTSOCK, or -EPROTOTYPE for a
 * socket that is no stream. sent may be NULL. Signals do not cut it short.
 * ENOBUFS and ENOMEM of the kernel count as a full socket: it waits. */
int weir_fd_sendall(int fd, const void *data, size_t n, uint64_t deadline_ns,
		    size_t *sent);

WEIR_DECLARE_END

#endif
