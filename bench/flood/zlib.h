/* As much of zlib streams (RFC 1950, with RFC 1951 inside) as logs need. */
#ifndef FLOOD_ZLIB_H
#define FLOOD_ZLIB_H

#include <stddef.h>
#include <stdint.h>

enum {
	ZLIB_SUM_START = 1,
	ZLIB_MAX = 1 << 24 /* a longer output is refused */
};

/* What came out, on the heap: the caller's to free, after an error too. */
struct zlib_output {
	uint8_t *bytes;
	size_t n;
	size_t size;
};

/* The checksum (Adler-32) of what sum was that of, and one more byte. */
uint32_t zlib_sum(uint32_t sum, uint8_t byte);

/* Decompress the stream at the head of these n bytes into output, which is
 * zeroed, and see that its checksum is right. NULL, or what was expected. */
const char *zlib_inflate(struct zlib_output *output, const uint8_t *bytes,
			 size_t n);

#endif
