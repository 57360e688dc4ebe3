/* What writing and reading a log share: how HdrHistogram encodes a histogram
 * ("V2").
 *
 * base64 of
 *	HLOG_COMPRESSED, n (32 bits each, as all numbers highest byte first)
 *	n bytes: a zlib stream of
 *		HLOG_COUNTS, length of the counts, 0, digits (32 bits each)
 *		lowest value told apart, highest value (64 bits each)
 *		1.0 (a double)
 *		counts of the slots, upwards from the first
 *
 * A count is a varint of 7 bits a byte, lowest first, but 8 in the ninth; its
 * sign is the lowest bit (zigzag). A negative one stands for as many empty
 * slots. */
#ifndef FLOOD_HLOG_FORMAT_H
#define FLOOD_HLOG_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define HLOG_BASE64 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* Of ours: all that the last doubling can hold. */
#define HLOG_HIGHEST ((UINT64_C(1) << 42) - 1)

enum {
	HLOG_DIGITS = 3,
	HLOG_COMPRESSED = 0x1c849314,
	HLOG_COUNTS = 0x1c849313,
	HLOG_HEAD_SIZE = 40 /* what stands before the counts */
};

/* Decode the text, of n characters, into h, which is empty. NULL, or what was
 * expected; then h is of no use. */
const char *hlog_decode(struct histogram *h, const char *text, size_t n);

#endif
