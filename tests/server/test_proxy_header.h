/* What the tests of the PROXY header in memory share: headers to be understood
 * in all the pieces in which they may come. */
#ifndef TEST_PROXY_HEADER_H
#define TEST_PROXY_HEADER_H

#include "proxy_header.h"

enum {
	HEADER_MAX_SIZE = 600,
	HEADER_FIXED_SIZE = 16, /* of version 2 */
	/* version and command; family and transport */
	HEADER_LOCAL = 0x20,
	HEADER_PROXY = 0x21,
	HEADER_TCP4 = 0x11,
	HEADER_UDP4 = 0x12,
	HEADER_TCP6 = 0x21,
	HEADER_UNIX_STREAM = 0x31
};

struct header_bytes {
	unsigned char bytes[HEADER_MAX_SIZE];
	size_t n;
};

/* proxy_header_parse of a copy in memory of just that size, so that a
 * sanitizer sees a byte too far. */
enum proxy_state header_parse(struct proxy_header *header, const void *data,
			      size_t n);
/* However many of the n bytes are there, what is understood of them fits to
 * what is understood of all. */
void header_check_pieces(const void *data, size_t n);
/* They are no header, and what is expected instead has this in it. */
void header_check_wrong(const void *data, size_t n, const char *expected);
void header_check_address(const struct weir_address *address,
			  const char *expected);

/* A header of version 2 without anything; with n bytes more. */
struct header_bytes header_new(unsigned char command, unsigned char family);
void header_add(struct header_bytes *b, const void *data, size_t n);
/* 192.0.2.1:56324 connects to 192.0.2.2:443; or both are 2001:db8::. */
struct header_bytes header_tcp4(void);
struct header_bytes header_tcp6(void);
/* The former, with fields around a checksum of another program's making. */
struct header_bytes header_with_checksum(void);

#endif
