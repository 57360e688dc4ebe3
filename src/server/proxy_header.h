/* The PROXY protocol, versions 1 and 2, of HAProxy's doc/proxy-protocol.txt: a
 * header by which a load balancer tells its client's address. This reads and
 * writes it in memory; proxy.c and relay.c have the sockets. */
#ifndef PROXY_HEADER_H
#define PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/address.h>

enum {
	/* The longest that is read. Version 2 allows 64 KiB, of which a
	 * certificate may take two or three. */
	PROXY_HEADER_SIZE = 4096,
	/* the longest that is written, with a NUL */
	PROXY_HEADER_WRITTEN_SIZE = 108
};

enum proxy_state {
	PROXY_MORE,  /* valid so far, and incomplete */
	PROXY_WHOLE, /* complete */
	PROXY_WRONG  /* not a header */
};

struct proxy_header {
	/* how many of the bytes belong to it */
	size_t size;
	/* False: the client is the peer itself. The header says so (LOCAL), or
	 * does not tell an address (UNKNOWN, UNSPEC), or tells one that no TCP
	 * client has (Unix, datagrams). */
	bool has_source;
	struct weir_address source;	 /* the client, */
	struct weir_address destination; /* and the address it connected to */
	const char *expected;		 /* PROXY_WRONG: what was expected */
};

/* Parse the first n bytes of a connection. PROXY_WRONG is returned as soon as
 * they cannot become a header. Optional fields (TLVs) are skipped, except a
 * checksum (PP2_TYPE_CRC32C), which must be right. */
enum proxy_state proxy_header_parse(struct proxy_header *header,
				    const void *data, size_t n);

/* Write a header of version 1 or 2 into PROXY_HEADER_WRITTEN_SIZE bytes and
 * return its size. IPv4 addresses that are mapped into IPv6 are told as IPv4;
 * of two addresses of different families the IPv4 one is mapped. Unless both
 * are IP the header says UNKNOWN or LOCAL, which every receiver accepts. */
size_t proxy_header_write(void *data, int version,
			  const struct weir_address *source,
			  const struct weir_address *destination);

#endif
