/* Socket addresses as people write them.
 *
 *	HOST:PORT	TCP; HOST is a name or an IPv4 address
 *	[V6]:PORT	TCP over IPv6; a scope is written [fe80::1%eth0]:PORT
 *	:PORT		TCP on every interface, IPv6 and IPv4; for a client,
 *			localhost
 *	unix:PATH	a Unix stream socket in the file system
 *	unix:@NAME	one in Linux's abstract name space (unix(7))
 *	udp:HOST:PORT	UDP, with HOST as above
 *	unixgram:PATH	a Unix datagram socket; @NAME as above
 *
 * PORT is a number from 0 to 65535; 0 lets the kernel choose. "*:PORT" is
 * none of these forms: every interface is ":PORT".
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <weir.h>
 *
 *	int main(int argc, char **argv)
 *	{
 *		const char *name = argc > 1 ? argv[1] : ":80";
 *		struct weir_address a[4];
 *		char text[WEIR_ADDRESS_TEXT_SIZE];
 *		int n = weir_address_resolve(name, WEIR_ADDRESS_LISTEN, a, 4);
 *
 *		if (n < 0)
 *			fprintf(stderr, "%s\n", weir_address_error(n));
 *		for (int i = 0; i < n; i++)
 *			puts(weir_address_format(&a[i], text, sizeof text));
 *		return n < 0;
 *	}
 */
#ifndef WEIR_ADDRESS_H
#define WEIR_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

enum {
	/* enough for any address as text, with its terminating NUL */
	WEIR_ADDRESS_TEXT_SIZE = 160
};

/* Zeroed: no address. */
struct weir_address {
	int type;      /* SOCK_STREAM or SOCK_DGRAM */
	socklen_t len; /* of what is used of the union */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} sa;
};

/* The file that a Unix socket made. By the time the socket is closed, its path
 * may name another file. Zeroed: no file. The fields are the library's. */
struct weir_socket_file {
	uint64_t device;
	uint64_t inode;
};

enum weir_address_use {
	WEIR_ADDRESS_LISTEN, /* ":PORT" is every interface */
	WEIR_ADDRESS_CONNECT /* ":PORT" is localhost */
};

/* Turn text into at most max addresses: several when a name has several, or
 * for ":PORT". Returns how many were stored (at least 1), or
 *
 *	-EINVAL		text is not of a form above
 *	-ENAMETOOLONG	the path does not fit into a sockaddr_un
 *	-ENOENT		no such host
 *	-EAGAIN		the resolver has no answer at the moment
 *	-ENOMEM
 *
 * getaddrinfo(3) looks a name up, and may wait: call this before the loop
 * runs. */
int weir_address_resolve(const char *text, enum weir_address_use use,
			 struct weir_address *addresses, size_t max);

/* Write address as it would be typed ("127.0.0.1:80", "[::1]:80",
 * "unix:/run/x", "unix:@x", "unix:" for an unnamed peer, "udp:..."), cut to
 * size with its NUL. An IPv4 address mapped into IPv6 is written as IPv4;
 * unprintable bytes of a Unix name are written as "?". Returns text. */
const char *weir_address_format(const struct weir_address *address, char *text,
				size_t size);

/* A message for people: weir_address_error(-ENOENT) is "no such host". Never
 * NULL; for other errors it is strerror(3)'s text. */
const char *weir_address_error(int error);

WEIR_DECLARE_END

#endif
