/* Other tools' histograms may tell more or fewer digits apart, and begin at
 * another unit; the layout is the same. With 2^k slots of one unit at first,
 * and half as many for each doubling, slot i holds the values from
 * (i mod 2^(k-1) + 2^(k-1)) * 2^(doubling - 1) units; below 2^k, i units.
 *
 * What is read here comes from anywhere: nothing is believed before it was
 * looked at. */
#include "hlog_format.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "zlib.h"

/* More in one histogram could not be added up exactly by means of doubles. */
#define COUNT_MAX (UINT64_C(1) << 53)

/* The rest of a cookie is the size of a count in V0 and V1; here nothing. */
#define COOKIE_MASK 0xffffff0fu

struct input {
	const uint8_t *bytes;
	size_t n;
};

/* -- base64 -- */

/* The bytes, on the heap; *n becomes their number. NULL: it is no base64, or
 * there is no memory. */
static uint8_t *decode_base64(const char *text, size_t *n)
{
	static const char digits[] = HLOG_BASE64;
	size_t n_text = *n;
	uint8_t *bytes = malloc(n_text + 1);
	uint32_t bits = 0;
	size_t n_digits = 0;

	while (n_text > 0 && *n - n_text < 2 && text[n_text - 1] == '=')
		n_text--;
	*n = 0;
	for (; bytes && n_digits < n_text; n_digits++) {
		const char *digit =
			memchr(digits, text[n_digits], sizeof digits - 1);

		if (!digit) {
			free(bytes);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (n_digits % 4 > 0)
			bytes[(*n)++] =
				(uint8_t)(bits >> (6 - n_digits % 4 * 2));
	}
	return bytes;
}

/* -- numbers -- */

/* Highest byte first; the input has them. */
static uint64_t take_number(struct input *input, unsigned n_bytes)
{
	uint64_t number = 0;

	input->n -= n_bytes;
	while (n_bytes-- > 0)
		number = number << 8 | *input->bytes++;
	return number;
}

/* False: the input ends within it. */
static bool take_count(struct input *input, uint64_t *zigzag)
{
	unsigned shift = 0;
	uint64_t byte;

	*zigzag = 0;
	do {
		if (input->n == 0)
			return false;
		byte = take_number(input, 1);
		*zigzag |= (shift < 56 ? byte & 127 : byte) << shift;
		shift += 7;
	} while (byte > 127 && shift <= 56);
	return true;
}

/* -- the histogram -- */

struct layout {
	unsigned unit_shift; /* lowest value told apart: 1 << unit_shift */
	unsigned slot_bits;  /* 2^slot_bits slots before the first doubling */
};

/* What slot i of this layout holds: from *first, width values. False: they do
 * not fit into 63 bits. */
static bool locate(const struct layout *layout, uint64_t i, uint64_t *first,
		   uint64_t *width)
{
	uint64_t n_half = UINT64_C(1) << (layout->slot_bits - 1);
	uint64_t doubling = i / n_half > 1 ? i / n_half - 1 : 0;
	uint64_t shift = layout->unit_shift + doubling;

	if (shift + layout->slot_bits > 63)
		return false;
	*first = (i - doubling * n_half) << shift;
	*width = UINT64_C(1) << shift;
	return true;
}

static const char *take_counts(struct histogram *h, struct input *input,
			       const struct layout *layout)
{
	uint64_t min = UINT64_MAX;
	uint64_t max = 0;
	uint64_t i = 0;

	while (input->n > 0) {
		uint64_t first;
		uint64_t width;
		uint64_t zigzag;
		uint64_t n;

		if (!take_count(input, &zigzag))
			return "counts that are complete";
		n = zigzag / 2 + (zigzag & 1);
		if (n > COUNT_MAX - h->count)
			return "fewer than 2^53 values";
		if (!locate(layout, i, &first, &width))
			return "values below 2^63";
		i += zigzag & 1 ? n : 1;
		if (n == 0 || (zigzag & 1))
			continue;
		histogram_record_n(h, first + width / 2, n);
		min = first < min ? first : min;
		max = first + width - 1;
	}
	h->min = min;
	h->max = max;
	return NULL;
}

static const char *decode_counts(struct histogram *h, struct input input)
{
	/* for 0 to 5 digits: 2, 20, 200, ... slots, and up to a power of 2 */
	static const unsigned slot_bits[] = {1, 5, 8, 11, 15, 18};
	struct layout layout;
	uint64_t cookie;
	uint64_t n_counts;
	uint64_t digits;
	uint64_t unit;

	if (input.n < HLOG_HEAD_SIZE)
		return "a histogram with its head";
	cookie = take_number(&input, 4);
	n_counts = take_number(&input, 4);
	take_number(&input, 4); /* a shift: 0, but HdrHistogramJS says 1 */
	digits = take_number(&input, 4);
	unit = take_number(&input, 8);
	take_number(&input, 16); /* highest value, ratio to doubles */
	if ((cookie & COOKIE_MASK) != (HLOG_COUNTS & COOKIE_MASK))
		return "a histogram in HdrHistogram's encoding V2";
	if (n_counts > input.n)
		return "counts as long as they say";
	if (digits > 5 || unit == 0)
		return "a histogram of whole numbers with 0 to 5 digits";
	input.n = (size_t)n_counts;
	layout.unit_shift = 63 - (unsigned)__builtin_clzll(unit);
	layout.slot_bits = slot_bits[digits];
	return take_counts(h, &input, &layout);
}

static const char *decode_compressed(struct histogram *h, struct input input)
{
	struct zlib_output output = {0};
	uint64_t cookie;
	uint64_t n;
	const char *expected;

	if (input.n < 8)
		return "a histogram with its head";
	cookie = take_number(&input, 4);
	n = take_number(&input, 4);
	if ((cookie & COOKIE_MASK) != (HLOG_COMPRESSED & COOKIE_MASK))
		return "a compressed histogram in HdrHistogram's encoding V2";
	if (n > input.n)
		return "a compressed histogram that is complete";
	expected = zlib_inflate(&output, input.bytes, (size_t)n);
	if (!expected)
		expected = decode_counts(
			h, (struct input){output.bytes, output.n});
	free(output.bytes);
	return expected;
}

const char *hlog_decode(struct histogram *h, const char *text, size_t n)
{
	uint8_t *bytes = decode_base64(text, &n);
	const char *expected;

	if (!bytes)
		return "a histogram in base64";
	expected = decode_compressed(h, (struct input){bytes, n});
	free(bytes);
	return expected;
}
