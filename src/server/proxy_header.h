/* The header by which a load balancer in front tells who its client is: the
 * PROXY protocol, versions 1 and 2, of HAProxy's doc/proxy-protocol.txt.
 * Reading and writing it in memory; sockets are proxy.c's and relay.c's. */
#ifndef PROXY_HEADER_H
#define PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/address.h>

enum {
	/* The longest that is read. Version 2 allows 64 KiB, of which a
	 * certificate may take two or three. */
	PROXY_HEADER_SIZE = 4096,
	/* the longest that is written */
	PROXY_HEADER_WRITTEN_SIZE = 52
};

enum proxy_state {
	PROXY_MORE,  /* right so far, but there is more to come */
	PROXY_WHOLE, /* the whole header is there */
	PROXY_WRONG  /* it is none */
};

struct proxy_header {
	/* Of the bytes that were looked at, those that belong to it. */
	size_t size;
	/* Otherwise the client is who is connected: the header says so
	 * (LOCAL), or does not say who it is (UNKNOWN, UNSPEC), or it is of a
	 * kind that is no address of a TCP client (Unix, datagrams). */
	bool has_source;
	struct weir_address source;	 /* the client, */
	struct weir_address destination; /* and what it connected to */
	const char *expected;		 /* PROXY_WRONG: what ought to come */
};

/* Understand the first n bytes of a connection. As soon as they can be no
 * header, they are PROXY_WRONG. Optional fields (TLVs) are skipped, but for a
 * checksum (PP2_TYPE_CRC32C), which must be right if there is one. */
enum proxy_state proxy_header_parse(struct proxy_header *header,
				    const void *data, size_t n);

/* Write a header of version 2 into PROXY_HEADER_WRITTEN_SIZE bytes; its size.
 * An IPv4 address beside an IPv6 one is mapped. Unless both are IP the header
 * says LOCAL, which every receiver accepts. */
size_t proxy_header_write(void *data, const struct weir_address *source,
			  const struct weir_address *destination);

#endif
