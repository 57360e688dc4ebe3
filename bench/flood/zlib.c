/* Decompression as the format's definition reads, one bit after the other:
 * a log's line is a few kilobytes, so nothing here needs to be fast. The first
 * error is kept, and every step after it does nothing. */
#include "zlib.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	ADLER_MODULUS = 65521,
	CODE_BITS = 15,
	END_OF_BLOCK = 256,
	N_LITERALS = 288,
	N_DISTANCES = 32,
	N_LENGTHS = 19
};

struct stream {
	const uint8_t *bytes;
	size_t n;
	size_t at;
	unsigned held; /* bits of the byte before at that are still to come */
	unsigned n_held;
	struct zlib_output *out;
	uint32_t sum;
	const char *error;
};

/* A Huffman code: how many codes there are of each length, and the symbols in
 * the order of their codes. */
struct code {
	unsigned count[CODE_BITS + 1];
	unsigned symbols[N_LITERALS];
};

uint32_t zlib_sum(uint32_t sum, uint8_t byte)
{
	uint32_t low = (sum & 65535) + byte;
	uint32_t high = sum >> 16;

	low -= low >= ADLER_MODULUS ? ADLER_MODULUS : 0;
	high += low;
	high -= high >= ADLER_MODULUS ? ADLER_MODULUS : 0;
	return high << 16 | low;
}

static void fail(struct stream *s, const char *expected)
{
	if (!s->error)
		s->error = expected;
}

/* -- bits in, bytes out -- */

static unsigned take_byte(struct stream *s)
{
	if (s->at == s->n) {
		fail(s, "a compressed histogram that is complete");
		return 0;
	}
	return s->bytes[s->at++];
}

/* The lowest bit comes first. */
static unsigned take(struct stream *s, unsigned n)
{
	unsigned value = 0;

	for (unsigned i = 0; i < n; i++) {
		if (s->n_held == 0) {
			s->held = take_byte(s);
			s->n_held = 8;
		}
		value |= (s->held & 1) << i;
		s->held >>= 1;
		s->n_held--;
	}
	return value;
}

static bool grow(struct zlib_output *out)
{
	size_t size = out->size ? 2 * out->size : 4096;
	uint8_t *bytes = size <= ZLIB_MAX ? realloc(out->bytes, size) : NULL;

	if (!bytes)
		return false;
	out->bytes = bytes;
	out->size = size;
	return true;
}

static void put(struct stream *s, unsigned byte)
{
	struct zlib_output *out = s->out;

	if (s->error)
		return;
	if (out->n == out->size && !grow(out)) {
		fail(s, "a histogram of at most 16 MiB, and memory for it");
		return;
	}
	out->bytes[out->n++] = (uint8_t)byte;
	s->sum = zlib_sum(s->sum, (uint8_t)byte);
}

/* Repeat what stands distance bytes back, what is being put included. */
static void repeat(struct stream *s, unsigned length, unsigned distance)
{
	if (distance > s->out->n) {
		fail(s, "no reference to before the compressed data");
		return;
	}
	while (length-- > 0 && !s->error)
		put(s, s->out->bytes[s->out->n - distance]);
}

/* -- codes -- */

static void make_code(struct stream *s, struct code *code,
		      const uint8_t *lengths, unsigned n)
{
	unsigned place[CODE_BITS + 2] = {0};
	unsigned room = 1;

	memset(code, 0, sizeof *code);
	for (unsigned i = 0; i < n; i++)
		code->count[lengths[i]]++;
	code->count[0] = 0;
	for (unsigned length = 1; length <= CODE_BITS; length++) {
		room *= 2;
		if (code->count[length] > room) {
			fail(s, "compressed data whose codes do not collide");
			return;
		}
		room -= code->count[length];
		place[length + 1] = place[length] + code->count[length];
	}
	for (unsigned i = 0; i < n; i++)
		if (lengths[i] > 0)
			code->symbols[place[lengths[i]]++] = i;
}

/* Codes of one length follow each other, after twice the last of the length
 * below: so offset, which tells how far the bits read so far are above the
 * first code of their length, is all one needs to know. */
static unsigned take_symbol(struct stream *s, const struct code *code)
{
	unsigned offset = 0;
	unsigned n_below = 0;

	for (unsigned length = 1; length <= CODE_BITS; length++) {
		offset = 2 * offset + take(s, 1);
		if (offset < code->count[length])
			return code->symbols[n_below + offset];
		offset -= code->count[length];
		n_below += code->count[length];
	}
	fail(s, "compressed data without unknown codes");
	return END_OF_BLOCK;
}

/* -- blocks -- */

static void take_stored(struct stream *s)
{
	unsigned n;
	unsigned inverse;

	s->n_held = 0;
	n = take(s, 16);
	inverse = take(s, 16);
	if ((n ^ inverse) != 65535)
		fail(s, "a stored block with its length");
	while (n-- > 0 && !s->error)
		put(s, take_byte(s));
}

/* A symbol above END_OF_BLOCK, and the distance that follows it. */
static void take_reference(struct stream *s, unsigned symbol,
			   const struct code *distances)
{
	unsigned i = symbol - END_OF_BLOCK - 1;
	unsigned extra = i < 8 || i == 28 ? 0 : i / 4 - 1;
	unsigned length = i < 8 ? i + 3 : ((4 + i % 4) << extra) + 3;
	unsigned distance;

	if (i == 28)
		length = 258;
	length += take(s, extra);
	i = take_symbol(s, distances);
	if (symbol > 285 || i > 29) {
		fail(s, "compressed data without reserved codes");
		return;
	}
	extra = i < 4 ? 0 : i / 2 - 1;
	distance = i < 4 ? i + 1 : ((2 + i % 2) << extra) + 1;
	repeat(s, length, distance + take(s, extra));
}

static void take_coded(struct stream *s, const struct code *literals,
		       const struct code *distances)
{
	while (!s->error) {
		unsigned symbol = take_symbol(s, literals);

		if (symbol == END_OF_BLOCK)
			return;
		if (symbol < END_OF_BLOCK)
			put(s, symbol);
		else
			take_reference(s, symbol, distances);
	}
}

static void take_fixed(struct stream *s)
{
	uint8_t lengths[N_LITERALS];
	struct code literals;
	struct code distances;

	memset(lengths, 5, N_DISTANCES);
	make_code(s, &distances, lengths, N_DISTANCES);
	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 112);
	memset(lengths + 256, 7, 24);
	memset(lengths + 280, 8, 8);
	make_code(s, &literals, lengths, N_LITERALS);
	take_coded(s, &literals, &distances);
}

/* Both codes' lengths in one run, themselves compressed. */
static void take_lengths(struct stream *s, const struct code *code,
			 uint8_t *lengths, unsigned n)
{
	for (unsigned i = 0; i < n && !s->error;) {
		unsigned symbol = take_symbol(s, code);
		unsigned value = 0;
		unsigned times = 1;

		if (symbol < 16)
			value = symbol;
		else if (symbol == 16)
			times = 3 + take(s, 2);
		else if (symbol == 17)
			times = 3 + take(s, 3);
		else
			times = 11 + take(s, 7);
		if ((symbol == 16 && i == 0) || times > n - i) {
			fail(s, "compressed data with complete codes");
			return;
		}
		if (symbol == 16)
			value = lengths[i - 1];
		memset(lengths + i, (int)value, times);
		i += times;
	}
}

static void take_dynamic(struct stream *s)
{
	static const uint8_t order[N_LENGTHS] = {16, 17, 18, 0,	 8, 7,	9,
						 6,  10, 5,  11, 4, 12, 3,
						 13, 2,	 14, 1,	 15};
	uint8_t lengths[N_LITERALS + N_DISTANCES] = {0};
	unsigned n_literals = 257 + take(s, 5);
	unsigned n_distances = 1 + take(s, 5);
	unsigned n_lengths = 4 + take(s, 4);
	struct code literals;
	struct code distances;

	for (unsigned i = 0; i < n_lengths; i++)
		lengths[order[i]] = (uint8_t)take(s, 3);
	make_code(s, &literals, lengths, N_LENGTHS);
	memset(lengths, 0, sizeof lengths);
	take_lengths(s, &literals, lengths, n_literals + n_distances);
	make_code(s, &distances, lengths + n_literals, n_distances);
	make_code(s, &literals, lengths, n_literals);
	take_coded(s, &literals, &distances);
}

static void take_blocks(struct stream *s)
{
	bool is_last = false;

	while (!is_last && !s->error) {
		is_last = take(s, 1) != 0;
		switch (take(s, 2)) {
		case 0:
			take_stored(s);
			break;
		case 1:
			take_fixed(s);
			break;
		case 2:
			take_dynamic(s);
			break;
		default:
			fail(s, "compressed data of a known kind");
		}
	}
}

const char *zlib_inflate(struct zlib_output *output, const uint8_t *bytes,
			 size_t n)
{
	struct stream s = {
		.bytes = bytes, .n = n, .out = output, .sum = ZLIB_SUM_START};
	unsigned head = take_byte(&s) << 8;
	uint32_t sum = 0;

	head |= take_byte(&s);
	/* deflate, a window of at most 32 KiB, no preset dictionary */
	if ((head >> 8 & 15) != 8 || head >> 12 > 7 || (head & 32) != 0 ||
	    head % 31 != 0)
		fail(&s, "a zlib stream");
	take_blocks(&s);
	for (unsigned i = 0; i < 4; i++)
		sum = sum << 8 | take_byte(&s);
	if (sum != s.sum)
		fail(&s, "compressed data that its checksum fits");
	return s.error;
}
