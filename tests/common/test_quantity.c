/* Quantities as people type and read them. */
#include <criterion/criterion.h>

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "quantity.h"
#include "harness.h"

TestSuite(quantity, .init = harness_begin, .fini = harness_end);

static const struct quantity_kind unlimited = {.units = quantity_counts,
					       .max = UINT64_MAX};
static const struct quantity_kind rate = {
	.units = quantity_byte_rates, .min = 1, .max = 1048576};
static const struct quantity_kind wait = {.units = quantity_times,
					  .max = 60000000000};

/* The value, or UINT64_MAX: refused. */
static uint64_t parse(const struct quantity_kind *kind, const char *text)
{
	uint64_t value = 4711;

	if (quantity_parse(kind, text, &value))
		return value;
	cr_assert_eq(value, 4711, "\"%s\" was refused, and stored", text);
	return UINT64_MAX;
}

Test(quantity, takes_digits_and_a_unit)
{
	cr_expect_eq(parse(&quantity_count, "1"), 1);
	cr_expect_eq(parse(&quantity_count, "2147483647"), INT_MAX);
	cr_expect_eq(parse(&quantity_size, "64"), 64);
	cr_expect_eq(parse(&quantity_size, "64K"), 65536);
	cr_expect_eq(parse(&quantity_size, "1M"), 1048576);
	cr_expect_eq(parse(&quantity_size, "1G"), 1073741824);
	cr_expect_eq(parse(&quantity_time, "7ns"), 7);
	cr_expect_eq(parse(&quantity_time, "3us"), 3000);
	cr_expect_eq(parse(&quantity_time, "500ms"), 500000000);
	cr_expect_eq(parse(&quantity_time, "2m"), 120000000000);
	cr_expect_eq(parse(&rate, "100/s"), 100);
	cr_expect_eq(parse(&rate, "2K/s"), 2048);
	cr_expect_eq(parse(&rate, "12"), 12);
}

Test(quantity, takes_parts_of_a_unit)
{
	cr_expect_eq(parse(&quantity_time, "0.5s"), 500000000);
	cr_expect_eq(parse(&quantity_time, "1.000001s"), 1000001000);
	cr_expect_eq(parse(&quantity_time, "1h"), 3600000000000);
	cr_expect_eq(parse(&quantity_time, "1.25h"), 4500000000000);
	cr_expect_eq(parse(&quantity_size, "1.5K"), 1536);
	cr_expect_eq(parse(&quantity_size, "0.3K"), 307);
	cr_expect_eq(parse(&quantity_count, "1k"), 1000);
	cr_expect_eq(parse(&quantity_count, "1.5k"), 1500);
	cr_expect_eq(parse(&unlimited, "18446744073709551.615k"), UINT64_MAX);
	cr_expect_eq(parse(&unlimited, "18446744073709551.614k"),
		     UINT64_MAX - 1);
	cr_expect_eq(parse(&unlimited, "18446744073709551.616k"), UINT64_MAX);
	cr_expect_eq(parse(&wait, "60.000001s"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_time, ".5s"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_time, "1.s"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_time, "1.5ns"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_time, "1.0000001s"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_count, "1.5"), UINT64_MAX);
}

Test(quantity, refuses_what_is_not_one)
{
	static const char *const wrong[] = {
		"",   " 1", "1 ",  "+1",  "-1",	      "1.5", "0x10",
		"K",  "1k", "1KB", "1e3", "1 K",      "K1",  "ten",
		"1m", "1s", "/s",  "1/s", "\xc2\xb5", "1\n"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_eq(parse(&quantity_size, wrong[i]), UINT64_MAX,
			     "\"%s\"", wrong[i]);
	cr_expect_eq(parse(&quantity_time, "1"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_count, "1K"), UINT64_MAX);
}

Test(quantity, refuses_what_is_out_of_range)
{
	cr_expect_eq(parse(&quantity_count, "0"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_count, "2147483648"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_size, "1025M"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_size, "2G"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_time, "1000001m"), UINT64_MAX);
	cr_expect_eq(parse(&wait, "61s"), UINT64_MAX);
	cr_expect_eq(parse(&wait, "60s"), 60000000000);
}

/* 2^64 and more must not come around to something small. */
Test(quantity, does_not_overflow)
{
	uint64_t value = 0;

	cr_expect(quantity_parse(&unlimited, "18446744073709551615", &value));
	cr_expect_eq(value, UINT64_MAX);
	cr_expect_not(
		quantity_parse(&unlimited, "18446744073709551616", &value));
	cr_expect_not(
		quantity_parse(&unlimited, "99999999999999999999999", &value));
	cr_expect_eq(parse(&quantity_size, "18446744073709551617"), UINT64_MAX);
	cr_expect_eq(parse(&quantity_size, "17179869184G"), UINT64_MAX);
}

Test(quantity, zero_needs_no_unit_where_it_is_allowed)
{
	cr_expect_eq(parse(&wait, "0"), 0);
	cr_expect_eq(parse(&wait, "0ms"), 0);
	cr_expect_eq(parse(&quantity_time, "0"), UINT64_MAX);
}

Test(quantity, a_part_of_a_text_ends_where_it_is_said_to)
{
	uint64_t value = 0;

	cr_expect(quantity_parse_part(&quantity_count, "12:34", 2, &value));
	cr_expect_eq(value, 12);
	cr_expect_not(quantity_parse_part(&quantity_count, "12:34", 3, &value));
	cr_expect_not(quantity_parse_part(&quantity_count, "12:34", 0, &value));
}

/* -- written -- */

static char text[QUANTITY_TEXT_SIZE];

Test(quantity, an_exact_one_is_as_it_would_be_typed)
{
	static const char *const sizes[] = {"0",   "1",	 "1023",
					    "64K", "1G", "1025K"};
	static const char *const times[] = {"1ns", "1500us", "10s", "1m",
					    "90s"};
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		(void)quantity_parse(
			&(struct quantity_kind){.units = quantity_sizes,
						.max = UINT64_MAX},
			sizes[i], &value);
		cr_expect_str_eq(
			quantity_format_exact(text, &quantity_size, value),
			sizes[i]);
	}
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		cr_assert(quantity_parse(&quantity_time, times[i], &value));
		cr_expect_str_eq(
			quantity_format_exact(text, &quantity_time, value),
			times[i]);
	}
	cr_expect_str_eq(quantity_format_exact(text, &rate, 100), "100/s");
}

Test(quantity, counts_are_written_in_groups)
{
	cr_expect_str_eq(quantity_format_count(text, 0), "0");
	cr_expect_str_eq(quantity_format_count(text, 999), "999");
	cr_expect_str_eq(quantity_format_count(text, 1000), "1,000");
	cr_expect_str_eq(quantity_format_count(text, 1234567), "1,234,567");
	cr_expect_str_eq(quantity_format_count(text, UINT64_MAX),
			 "18,446,744,073,709,551,615");
}

Test(quantity, times_keep_three_digits)
{
	cr_expect_str_eq(quantity_format_time(text, 0), "0 ns");
	cr_expect_str_eq(quantity_format_time(text, 850), "850 ns");
	cr_expect_str_eq(quantity_format_time(text, 1250000), "1.25 ms");
	cr_expect_str_eq(quantity_format_time(text, 12500), "12.5 us");
	cr_expect_str_eq(quantity_format_time(text, 999.4e3), "999 us");
	cr_expect_str_eq(quantity_format_time(text, 999.96e3), "1.00 ms");
	cr_expect_str_eq(quantity_format_time(text, 615e9), "615 s");
}

Test(quantity, sizes_and_rates_have_their_units)
{
	cr_expect_str_eq(quantity_format_size(text, 512), "512 B");
	cr_expect_str_eq(quantity_format_size(text, 65536), "64.0 KiB");
	cr_expect_str_eq(quantity_format_size(text, 1024 * 1023.9), "1.00 MiB");
	cr_expect_str_eq(quantity_format_size(text, 1.5 * 1073741824),
			 "1.50 GiB");
	cr_expect_str_eq(quantity_format_byte_rate(text, 2048), "2.00 KiB/s");
	cr_expect_str_eq(quantity_format_rate(text, 0.25), "0.25/s");
	cr_expect_str_eq(quantity_format_rate(text, 12345.6), "12,346/s");
	cr_expect_str_eq(quantity_format_share(text, 0.1234), "12.3 %");
}

Test(quantity, no_number_is_a_dash)
{
	double none = (double)NAN;

	cr_expect_str_eq(quantity_format_time(text, none), "-");
	cr_expect_str_eq(quantity_format_size(text, (double)INFINITY), "-");
	cr_expect_str_eq(quantity_format_rate(text, none), "-");
	cr_expect_str_eq(quantity_format_byte_rate(text, none), "-");
	cr_expect_str_eq(quantity_format_share(text, none), "-");
}

/* The largest that there are must fit. */
Test(quantity, fits_its_text)
{
	quantity_format_size(text, 1e300);
	cr_expect_str_eq(text, "-");
	cr_expect_lt(strlen(quantity_format_size(text, -9.9e17)), 40);
	cr_expect_lt(strlen(quantity_format_rate(text, 9.9e17)), 40);
}

/* Its scale overflowed to 0, by which the value was divided. */
Test(quantity, a_fraction_of_any_length_is_refused)
{
	char long_text[128];
	uint64_t value;

	for (int n = 7; n < 100; n++) {
		(void)snprintf(long_text, sizeof long_text, "1.%0*ds", n, 0);
		cr_expect_not(quantity_parse(&quantity_time, long_text, &value),
			      "%s", long_text);
	}
}
