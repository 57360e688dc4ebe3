/* Writing a PROXY header. */
#include "proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "network.h"

enum {
	N_SIGNATURE = 12,
	N_FIXED = 16, /* of version 2, before the addresses */
	LOCAL = 0x20, /* version 2 and the command */
	PROXY = 0x21,
	TCP4 = 0x11, /* family and transport */
	TCP6 = 0x21,
	N_TCP4 = 12, /* two addresses and two ports */
	N_TCP6 = 36
};

/* What a header tells: two addresses of one family, or none. */
struct pair {
	int family; /* AF_UNSPEC: no addresses */
	struct in6_addr source;
	struct in6_addr destination; /* in both the IPv4 address is mapped */
	in_port_t source_port;
	in_port_t destination_port;
};

/* A dual-stack socket has IPv4 addresses that are mapped: they are IPv4. */
static struct pair pair_of(const struct weir_address *source,
			   const struct weir_address *destination)
{
	struct pair pair = {.family = AF_UNSPEC};

	if (!network_address(source, pair.source.s6_addr) ||
	    !network_address(destination, pair.destination.s6_addr))
		return pair;
	pair.family = IN6_IS_ADDR_V4MAPPED(&pair.source) &&
				      IN6_IS_ADDR_V4MAPPED(&pair.destination)
			      ? AF_INET
			      : AF_INET6;
	/* both families of IP have the port in the same place */
	pair.source_port = source->sa.in.sin_port;
	pair.destination_port = destination->sa.in.sin_port;
	return pair;
}

/* -- version 1 -- */

static const char *format_ip(int family, const struct in6_addr *ip, char *text)
{
	return inet_ntop(family,
			 family == AF_INET ? &ip->s6_addr[12] : ip->s6_addr,
			 text, INET6_ADDRSTRLEN);
}

static size_t write_v1(char *line, const struct pair *pair)
{
	char source[INET6_ADDRSTRLEN];
	char destination[INET6_ADDRSTRLEN];

	if (pair->family == AF_UNSPEC)
		return (size_t)(stpcpy(line, "PROXY UNKNOWN\r\n") - line);
	return (size_t)snprintf(
		line, PROXY_HEADER_WRITTEN_SIZE, "PROXY %s %s %s %u %u\r\n",
		pair->family == AF_INET ? "TCP4" : "TCP6",
		format_ip(pair->family, &pair->source, source),
		format_ip(pair->family, &pair->destination, destination),
		ntohs(pair->source_port), ntohs(pair->destination_port));
}

/* -- version 2 -- */

static unsigned char *put(unsigned char *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static unsigned char *put_addresses(unsigned char *at, const struct pair *pair)
{
	size_t skip = pair->family == AF_INET ? 12 : 0;

	at = put(at, pair->source.s6_addr + skip, 16 - skip);
	at = put(at, pair->destination.s6_addr + skip, 16 - skip);
	at = put(at, &pair->source_port, 2);
	return put(at, &pair->destination_port, 2);
}

static size_t write_v2(unsigned char *bytes, const struct pair *pair)
{
	static const unsigned char signature[N_SIGNATURE] =
		"\r\n\r\n\0\r\nQUIT\n";
	unsigned char *at = put(bytes, signature, N_SIGNATURE);

	*at++ = pair->family == AF_UNSPEC ? LOCAL : PROXY;
	*at++ = pair->family == AF_UNSPEC ? 0
		: pair->family == AF_INET ? TCP4
					  : TCP6;
	*at++ = 0;
	*at++ = pair->family == AF_UNSPEC ? 0
		: pair->family == AF_INET ? N_TCP4
					  : N_TCP6;
	if (pair->family != AF_UNSPEC)
		at = put_addresses(at, pair);
	return (size_t)(at - bytes);
}

size_t proxy_header_write(void *data, int version,
			  const struct weir_address *source,
			  const struct weir_address *destination)
{
	struct pair pair = pair_of(source, destination);

	return version == 1 ? write_v1(data, &pair) : write_v2(data, &pair);
}
