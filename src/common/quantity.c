/* Numbers and their units, read and written.
 *
 * Reading takes digits and a point: strtoull(3) would also take signs and
 * spaces. Writing keeps three digits that matter: more of them hide the first.
 */
#include "quantity.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

/* Of a part; times the greatest unit it is still a number. */
#define MAX_FRACTION UINT64_C(999999)

const struct quantity_unit quantity_counts[] = {
	{"", 1}, {"k", 1000}, {NULL, 0}};

const struct quantity_unit quantity_sizes[] = {
	{"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}, {NULL, 0}};

const struct quantity_unit quantity_times[] = {{"ns", 1},
					       {"us", CLOCK_NS_PER_US},
					       {"ms", CLOCK_NS_PER_MS},
					       {"s", CLOCK_NS_PER_S},
					       {"m", CLOCK_NS_PER_MIN},
					       {"h", CLOCK_NS_PER_HOUR},
					       {NULL, 0}};

const struct quantity_unit quantity_rates[] = {
	{"", 1}, {"/s", 1}, {"k", 1000}, {"k/s", 1000}, {NULL, 0}};

const struct quantity_unit quantity_byte_rates[] = {
	{"", 1},	  {"/s", 1},	       {"K/s", 1024},
	{"M/s", 1048576}, {"G/s", 1073741824}, {NULL, 0}};

const struct quantity_kind quantity_count = {
	.expected = "a number from 1 to 2147483647",
	.units = quantity_counts,
	.min = 1,
	.max = INT_MAX,
};

const struct quantity_kind quantity_size = {
	.expected = "a size from 1 to 1G, such as 65536, 64K or 1M",
	.units = quantity_sizes,
	.min = 1,
	.max = 1073741824,
};

const struct quantity_kind quantity_time = {
	.expected = "a time from 1ns to 1000000m, such as 500ms, 60s or 2m",
	.units = quantity_times,
	.min = 1,
	.max = 1000000 * CLOCK_NS_PER_MIN,
};

/* -- reading -- */

/* 0: there is no such unit. */
static uint64_t factor_of(const struct quantity_unit *units, const char *name,
			  size_t n_name)
{
	for (; units->name; units++)
		if (strlen(units->name) == n_name &&
		    memcmp(units->name, name, n_name) == 0)
			return units->factor;
	return 0;
}

/* Digits from text + *i on, of a number up to max; *i goes behind them. */
static bool read_digits(const char *text, size_t n_text, uint64_t max,
			size_t *i, uint64_t *n)
{
	size_t start = *i;

	*n = 0;
	for (; *i < n_text && text[*i] >= '0' && text[*i] <= '9'; ++*i) {
		uint64_t digit = (uint64_t)(text[*i] - '0');

		if (digit > max || *n > (max - digit) / 10)
			return false;
		*n = 10 * *n + digit;
	}
	return *i > start;
}

/* ".25" makes 25 and 100; without a point 0 and 1. */
static bool read_fraction(const char *text, size_t n_text, size_t *i,
			  uint64_t *n, uint64_t *of)
{
	size_t start;

	*n = 0;
	*of = 1;
	if (*i == n_text || text[*i] != '.')
		return true;
	start = ++*i;
	if (!read_digits(text, n_text, MAX_FRACTION, i, n))
		return false;
	while (start++ < *i && *of <= MAX_FRACTION + 1)
		*of *= 10;
	return *of <= MAX_FRACTION + 1;
}

bool quantity_parse_part(const struct quantity_kind *kind, const char *text,
			 size_t n_text, uint64_t *value)
{
	uint64_t factor;
	uint64_t fraction;
	uint64_t of;
	uint64_t n;
	size_t i = 0;

	if (!read_digits(text, n_text, kind->max, &i, &n) ||
	    !read_fraction(text, n_text, &i, &fraction, &of))
		return false;
	factor = factor_of(kind->units, text + i, n_text - i);
	if (factor == 0 && n == 0 && i == n_text)
		factor = 1;
	/* there is no part of a byte, nor of one */
	if (factor == 0 || (factor == 1 && of > 1))
		return false;
	fraction = fraction * factor / of;
	if (n > (kind->max - (fraction < kind->max ? fraction : kind->max)) /
			    factor ||
	    fraction > kind->max || n * factor + fraction < kind->min)
		return false;
	*value = n * factor + fraction;
	return true;
}

bool quantity_parse(const struct quantity_kind *kind, const char *text,
		    uint64_t *value)
{
	return quantity_parse_part(kind, text, strlen(text), value);
}

/* -- writing -- */

struct scale {
	double factor;
	const char *unit;
};

/* From the largest; the last is for all that is smaller. */
static const struct scale times[] = {
	{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
static const struct scale sizes[] = {
	{1073741824, "GiB"}, {1048576, "MiB"}, {1024, "KiB"}, {1, "B"}};

/* Three digits that matter; whole numbers from 100 on. */
static void format_digits(char *text, size_t size, double number)
{
	double magnitude = fabs(number);
	int n_places = 2;

	if (magnitude >= 99.95)
		n_places = 0;
	else if (magnitude >= 9.995)
		n_places = 1;
	(void)snprintf(text, size, "%.*f", n_places, number);
}

/* "1234567" becomes "1,234,567". */
static const char *group(char *text)
{
	char digits[QUANTITY_TEXT_SIZE];
	size_t n = strlen(text);
	char *to = text;

	memcpy(digits, text, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

static const char *format_nothing(char *text)
{
	memcpy(text, "-", 2);
	return text;
}

/* The number in the largest unit of which it is at least one. */
static const char *format_scaled(char *text, double number,
				 const struct scale *scales, const char *behind)
{
	char digits[QUANTITY_TEXT_SIZE / 2];
	const struct scale *scale = scales;

	if (!isfinite(number) || fabs(number) >= 1e18)
		return format_nothing(text);
	/* what would be rounded up to 1024 KiB is 1 MiB */
	while (scale->factor > 1 && fabs(number) < 0.9995 * scale->factor)
		scale++;
	if (scale->factor > 1)
		format_digits(digits, sizeof digits, number / scale->factor);
	else
		(void)snprintf(digits, sizeof digits, "%.0f", number);
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%s %s%s", digits, scale->unit,
		       behind);
	return text;
}

const char *quantity_format_exact(char *text, const struct quantity_kind *kind,
				  uint64_t value)
{
	const struct quantity_unit *unit = kind->units;

	for (const struct quantity_unit *next = unit; next->name; next++)
		if (value > 0 && value % next->factor == 0)
			unit = next;
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%" PRIu64 "%s",
		       value / unit->factor, unit->name);
	return text;
}

/* -- for people -- */

const char *quantity_format_count(char *text, uint64_t count)
{
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%" PRIu64, count);
	return group(text);
}

const char *quantity_format_rate(char *text, double a_second)
{
	size_t n;

	if (!isfinite(a_second) || fabs(a_second) >= 1e18)
		return format_nothing(text);
	format_digits(text, QUANTITY_TEXT_SIZE, a_second);
	if (a_second >= 999.5)
		group(text);
	n = strlen(text);
	(void)snprintf(text + n, QUANTITY_TEXT_SIZE - n, "/s");
	return text;
}

const char *quantity_format_size(char *text, double n_bytes)
{
	return format_scaled(text, n_bytes, sizes, "");
}

const char *quantity_format_byte_rate(char *text, double n_bytes_a_second)
{
	return format_scaled(text, n_bytes_a_second, sizes, "/s");
}

const char *quantity_format_time(char *text, double ns)
{
	return format_scaled(text, ns, times, "");
}

const char *quantity_format_share(char *text, double share)
{
	if (!isfinite(share) || fabs(share) >= 1e9)
		return format_nothing(text);
	(void)snprintf(text, QUANTITY_TEXT_SIZE, "%.1f %%", 100 * share);
	return text;
}
