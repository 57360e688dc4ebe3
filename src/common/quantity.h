/* Sizes, times, counts and rates as people type and read them.
 *
 *	static const struct quantity_kind backlog = {
 *		.expected = "a number from 1 to 2147483647",
 *		.units = quantity_counts, .min = 1, .max = INT_MAX};
 *	uint64_t n;
 *
 *	if (!quantity_parse(&backlog, text, &n))
 *		complain("--backlog %s: expected %s", text, backlog.expected);
 */
#ifndef QUANTITY_H
#define QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* enough for any quantity as text, with its NUL */
	QUANTITY_TEXT_SIZE = 48
};

/* A table of units ends with one that has no name. A "" in it makes the unit
 * optional. */
struct quantity_unit {
	const char *name;
	uint64_t factor;
};

extern const struct quantity_unit quantity_counts[]; /* k (1000); or none */
extern const struct quantity_unit quantity_sizes[];  /* K, M, G; or none */
extern const struct quantity_unit quantity_times[];  /* ns, us, ms, s, m, h */
extern const struct quantity_unit quantity_rates[];  /* /s, k/s; or none */
/* /s, K/s, M/s, G/s; or none */
extern const struct quantity_unit quantity_byte_rates[];

/* What one option or operand takes. */
struct quantity_kind {
	const char *expected; /* "a time from 1ns to 60m, such as 10s" */
	const struct quantity_unit *units;
	uint64_t min; /* in the smallest unit */
	uint64_t max;
};

/* The kinds of most options: 1 to 2147483647, 1 to 1G, 1ns to 1000000m. */
extern const struct quantity_kind quantity_count;
extern const struct quantity_kind quantity_size;
extern const struct quantity_kind quantity_time;

/* Parse digits, perhaps a point and up to six more, and a unit, with nothing
 * else around them. The value is a whole number of the smallest unit (bytes,
 * ns, one, one a second). 0 needs no unit. False, and *value is unchanged, if
 * text is not of this kind or out of its range. */
bool quantity_parse(const struct quantity_kind *kind, const char *text,
		    uint64_t *value);

/* The same for the first n bytes of text, as in "10:64K/s". */
bool quantity_parse_part(const struct quantity_kind *kind, const char *text,
			 size_t n, uint64_t *value);

/* A value as it would be typed, in the largest unit that divides it: "64K". */
const char *quantity_format_exact(char *text, const struct quantity_kind *kind,
				  uint64_t value);

/* -- for people: three digits or more, and the unit -- */

/* Each writes into text, which has QUANTITY_TEXT_SIZE bytes, and returns it.
 * NaN and infinities are written as "-". */

/* "1,234,567" */
const char *quantity_format_count(char *text, uint64_t count);
/* "12,346/s", "0.25/s" */
const char *quantity_format_rate(char *text, double a_second);
/* "512 B", "64.0 KiB", "1.50 GiB" */
const char *quantity_format_size(char *text, double n_bytes);
/* "64.0 KiB/s" */
const char *quantity_format_byte_rate(char *text, double n_bytes_a_second);
/* "850 ns", "1.25 ms", "10.0 s", "615 s" */
const char *quantity_format_time(char *text, double ns);
/* "12.3 %", of 0 to 1 */
const char *quantity_format_share(char *text, double share);

#endif
