/* How HdrHistogram encodes a histogram ("V2"):
 *
 * base64 of
 *	COMPRESSED, n (32 bits each, as all numbers highest byte first)
 *	n bytes: a zlib stream of
 *		COUNTS, length of the counts, 0, digits (32 bits each)
 *		lowest value told apart, highest value (64 bits each)
 *		1.0 (a double)
 *		counts of the slots, upwards from the first
 *
 * A count is a varint of 7 bits a byte, lowest first, but 8 in the ninth; its
 * sign is the lowest bit (zigzag). A negative one stands for as many empty
 * slots.
 *
 * A line's histogram goes straight into the file, through layers that each
 * hold a few bytes: the encoded counts are cut into the stored blocks of a
 * zlib stream, and that is written as base64. A stream tells its length before
 * its bytes, so the counts are encoded twice: once to see how long they are. */
#include "hlog.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum {
	BLOCK_SIZE = 65535,
	DIGITS = 3,
	COMPRESSED = 0x1c849314,
	COUNTS = 0x1c849313,
	HEAD_SIZE = 40 /* what stands before the counts */
};

#define SECOND UINT64_C(1000000000)
/* All that the last doubling of a histogram can hold. */
#define HIGHEST ((UINT64_C(1) << 42) - 1)

struct sink {
	FILE *file; /* NULL: only count */
	size_t n_counts;
	/* base64 */
	uint32_t bits;
	unsigned n_bits;
	/* the zlib stream */
	size_t n_left;	     /* until its end */
	size_t n_block_left; /* until the end of this block */
	uint32_t sum_low;    /* Adler-32 (RFC 1950) of what is in it */
	uint32_t sum_high;
};

/* -- base64 -- */

static void put_digit(struct sink *sink, unsigned value)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	(void)putc_unlocked(digits[value & 63], sink->file);
}

static void put_byte(struct sink *sink, unsigned byte)
{
	sink->bits = sink->bits << 8 | byte;
	sink->n_bits += 8;
	for (; sink->n_bits >= 6; sink->n_bits -= 6)
		put_digit(sink, sink->bits >> (sink->n_bits - 6));
}

/* Highest byte first. */
static void put_number(struct sink *sink, uint64_t number, unsigned n_bytes)
{
	while (n_bytes-- > 0)
		put_byte(sink, (unsigned)(number >> 8 * n_bytes & 255));
}

static void end_digits(struct sink *sink)
{
	if (sink->n_bits > 0)
		put_digit(sink, sink->bits << (6 - sink->n_bits));
	for (; sink->n_bits > 0 && sink->n_bits < 6; sink->n_bits += 2)
		(void)putc('=', sink->file);
}

/* -- the zlib stream -- */

static size_t zlib_size(size_t n)
{
	size_t n_blocks = (n + BLOCK_SIZE - 1) / BLOCK_SIZE;

	return 2 + 5 * n_blocks + n + 4;
}

static void begin_block(struct sink *sink)
{
	bool is_last = sink->n_left <= BLOCK_SIZE;
	unsigned n = is_last ? (unsigned)sink->n_left : BLOCK_SIZE;

	put_byte(sink, is_last);
	put_byte(sink, n & 255); /* lowest byte first, here alone */
	put_byte(sink, n >> 8);
	put_byte(sink, ~n & 255);
	put_byte(sink, ~n >> 8 & 255);
	sink->n_block_left = n;
}

static void begin_stream(struct sink *sink, size_t n)
{
	put_number(sink, 0x7801, 2);
	sink->n_left = n;
	sink->sum_low = 1;
}

static void put(struct sink *sink, unsigned byte)
{
	if (sink->n_block_left == 0)
		begin_block(sink);
	put_byte(sink, byte);
	sink->sum_low = (sink->sum_low + byte) % 65521;
	sink->sum_high = (sink->sum_high + sink->sum_low) % 65521;
	sink->n_block_left--;
	sink->n_left--;
}

static void put_stream_number(struct sink *sink, uint64_t number,
			      unsigned n_bytes)
{
	while (n_bytes-- > 0)
		put(sink, (unsigned)(number >> 8 * n_bytes & 255));
}

/* -- the histogram -- */

static void put_count_byte(struct sink *sink, uint64_t byte)
{
	sink->n_counts++;
	if (sink->file)
		put(sink, (unsigned)byte);
}

static void put_count(struct sink *sink, uint64_t zigzag)
{
	unsigned n = 0;

	for (; n < 8 && zigzag > 127; n++) {
		put_count_byte(sink, (zigzag & 127) | 128);
		zigzag >>= 7;
	}
	put_count_byte(sink, zigzag);
}

static void put_counts(struct sink *sink, const struct histogram *h)
{
	struct histogram_step step = {0};
	size_t at = 0;

	while (histogram_next(h, &step)) {
		size_t n_empty = step.next - 1 - at;

		if (n_empty > 0)
			put_count(sink, 2 * n_empty - 1);
		put_count(sink, 2 * step.n);
		at = step.next;
	}
}

static void put_histogram(FILE *file, const struct histogram *h)
{
	const double ratio = 1;
	uint64_t ratio_bits;
	struct sink dry = {0};
	struct sink sink = {.file = file};

	memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
	put_counts(&dry, h);
	put_number(&sink, COMPRESSED, 4);
	put_number(&sink, zlib_size(HEAD_SIZE + dry.n_counts), 4);
	begin_stream(&sink, HEAD_SIZE + dry.n_counts);
	put_stream_number(&sink, COUNTS, 4);
	put_stream_number(&sink, dry.n_counts, 4);
	put_stream_number(&sink, 0, 4);
	put_stream_number(&sink, DIGITS, 4);
	put_stream_number(&sink, 1, 8);
	put_stream_number(&sink, HIGHEST, 8);
	put_stream_number(&sink, ratio_bits, 8);
	put_counts(&sink, h);
	put_number(&sink, sink.sum_high << 16 | sink.sum_low, 4);
	end_digits(&sink);
}

/* -- lines -- */

static int finish(FILE *file)
{
	errno = 0;
	if (fflush(file) == 0 && !ferror(file))
		return 0;
	return errno ? -errno : -EIO;
}

int hlog_write_head(FILE *file, uint64_t base_ns)
{
	time_t seconds = (time_t)(base_ns / SECOND);
	unsigned ms = (unsigned)(base_ns % SECOND / 1000000);
	struct tm utc;
	char date[32];

	gmtime_r(&seconds, &utc);
	(void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
	(void)fprintf(file,
		      "#[Histogram log format version 1.3]\n"
		      "#[Values in ns, Interval_Max in ms]\n"
		      "#[BaseTime: %jd.%03u (seconds since epoch)]\n"
		      "#[StartTime: %jd.%03u (seconds since epoch), %s]\n"
		      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		      "\"Interval_Compressed_Histogram\"\n",
		      (intmax_t)seconds, ms, (intmax_t)seconds, ms, date);
	return finish(file);
}

int hlog_write(FILE *file, uint64_t base_ns,
	       const struct hlog_interval *interval, const struct histogram *h)
{
	/* the base as the head tells it, in whole milliseconds */
	uint64_t start_ns = interval->start_ns - base_ns / 1000000 * 1000000;
	uint64_t max_ns = histogram_max(h);

	assert(interval->start_ns >= base_ns);
	assert(!strpbrk(interval->tag, ", \n"));
	if (interval->tag[0])
		(void)fprintf(file, "Tag=%s,", interval->tag);
	(void)fprintf(file, "%" PRIu64 ".%09" PRIu64 ",", start_ns / SECOND,
		      start_ns % SECOND);
	(void)fprintf(file, "%" PRIu64 ".%09" PRIu64 ",",
		      interval->length_ns / SECOND,
		      interval->length_ns % SECOND);
	(void)fprintf(file, "%" PRIu64 ".%06" PRIu64 ",", max_ns / 1000000,
		      max_ns % 1000000);
	put_histogram(file, h);
	(void)putc('\n', file);
	return finish(file);
}
