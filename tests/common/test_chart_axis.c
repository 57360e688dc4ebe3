#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "chart_axis.h"
#include "harness.h"

TestSuite(chart_axis, .init = harness_begin, .fini = harness_end);

/* A ruler for values from low to high. */
static struct chart_ruler make(enum chart_scale scale, enum chart_unit unit,
			       double low, double high, bool is_snug)
{
	struct chart_axis axis = {.scale = scale, .unit = unit};
	struct chart_extent extent = CHART_NO_EXTENT;
	struct chart_ruler ruler;

	chart_extent_add(&extent, low);
	chart_extent_add(&extent, high);
	chart_ruler_init(&ruler, &axis, extent, 6, is_snug);
	return ruler;
}

/* All labels, with "; " between them. */
static void expect_labels(const struct chart_ruler *ruler, const char *expected)
{
	char all[CHART_MAX_TICKS * CHART_LABEL_SIZE] = "";
	char label[CHART_LABEL_SIZE];

	for (size_t i = 0; i < ruler->n_ticks; i++) {
		if (i > 0)
			strcat(all, "; ");
		strcat(all, chart_ruler_label(ruler, ruler->ticks[i], label));
	}
	cr_expect_str_eq(all, expected);
}

Test(chart_axis, a_linear_axis_begins_at_0_and_ends_with_a_round_tick)
{
	struct chart_ruler ruler =
		make(CHART_LINEAR, CHART_NUMBER, 37, 43, false);

	cr_expect_eq(ruler.min, 0);
	cr_expect_eq(ruler.max, 50);
	expect_labels(&ruler, "0; 10; 20; 30; 40; 50");
}

Test(chart_axis, a_snug_axis_ends_with_the_data)
{
	struct chart_ruler ruler =
		make(CHART_LINEAR, CHART_NS, 0, 10.5e9, true);

	cr_expect_eq(ruler.max, 10.5e9);
	expect_labels(&ruler, "0; 2 s; 4 s; 6 s; 8 s; 10 s");
}

Test(chart_axis, linear_labels_share_the_unit_of_the_largest)
{
	struct chart_ruler time = make(CHART_LINEAR, CHART_NS, 0, 2.4e6, false);
	struct chart_ruler size =
		make(CHART_LINEAR, CHART_BYTES, 0, 3 << 20, false);
	struct chart_ruler number =
		make(CHART_LINEAR, CHART_NUMBER, 0, 54321, false);
	struct chart_ruler share = make(CHART_LINEAR, CHART_SHARE, 0, 1, false);

	expect_labels(&time, "0; 0.5 ms; 1 ms; 1.5 ms; 2 ms; 2.5 ms");
	expect_labels(&size, "0; 0.5 MiB; 1 MiB; 1.5 MiB; 2 MiB; 2.5 MiB; "
			     "3 MiB");
	expect_labels(&number, "0; 10,000; 20,000; 30,000; 40,000; 50,000; "
			       "60,000");
	expect_labels(&share, "0 %; 20 %; 40 %; 60 %; 80 %; 100 %");
}

Test(chart_axis, a_logarithmic_axis_of_many_decades_has_one_tick_for_several)
{
	struct chart_ruler ruler = make(CHART_LOG, CHART_NS, 1, 3.6e12, false);

	cr_expect_eq(ruler.min, 1);
	expect_labels(&ruler, "1 ns; 1 us; 1 ms; 1 s; 1,000 s");
}

Test(chart_axis, a_logarithmic_axis_of_few_decades_has_ticks_between)
{
	struct chart_ruler ruler =
		make(CHART_LOG, CHART_NS, 42000, 310000, false);

	expect_labels(&ruler, "20 us; 50 us; 100 us; 200 us; 500 us");
}

Test(chart_axis, bytes_are_told_in_powers_of_two)
{
	struct chart_ruler ruler =
		make(CHART_LOG, CHART_BYTES, 1000, 70000, false);

	expect_labels(&ruler, "512 B; 2 KiB; 8 KiB; 32 KiB; 128 KiB");
}

Test(chart_axis, percentiles_have_a_tick_for_each_nine_that_the_data_has)
{
	struct chart_ruler ruler =
		make(CHART_PERCENTILE, CHART_SHARE, 0, 0.999, true);

	expect_labels(&ruler, "0 %; 50 %; 90 %; 99 %; 99.9 %");
	ruler.from = 100;
	ruler.to = 400;
	cr_expect_float_eq(chart_ruler_place(&ruler, 0), 100, 1e-9);
	cr_expect_float_eq(chart_ruler_place(&ruler, 0.9), 200, 1e-6);
	cr_expect_float_eq(chart_ruler_place(&ruler, 0.99), 300, 1e-6);
	cr_expect_float_eq(chart_ruler_place(&ruler, 1), 400, 1e-6);
}

Test(chart_axis, places_are_proportional_and_never_outside)
{
	struct chart_ruler linear =
		make(CHART_LINEAR, CHART_NUMBER, 0, 10, false);
	struct chart_ruler log = make(CHART_LOG, CHART_NUMBER, 1, 100, false);

	linear.from = 300;
	linear.to = 100;
	cr_expect_eq(chart_ruler_place(&linear, 0), 300);
	cr_expect_eq(chart_ruler_place(&linear, 5), 200);
	cr_expect_eq(chart_ruler_place(&linear, 11), 100);
	cr_expect_eq(chart_ruler_place(&linear, -1), 300);
	log.from = 0;
	log.to = 200;
	cr_expect_float_eq(chart_ruler_place(&log, 10), 100, 1e-9);
	cr_expect_eq(chart_ruler_place(&log, 0), 0);
}

Test(chart_axis, an_axis_without_data_still_has_a_range)
{
	static const enum chart_scale scales[] = {CHART_LINEAR, CHART_LOG,
						  CHART_PERCENTILE};

	for (size_t i = 0; i < 3; i++) {
		struct chart_axis axis = {.scale = scales[i]};
		struct chart_extent extent = CHART_NO_EXTENT;
		struct chart_ruler ruler;

		chart_ruler_init(&ruler, &axis, extent, 6, false);
		cr_expect_lt(ruler.min, ruler.max);
		cr_expect_geq(ruler.n_ticks, 2);
		cr_expect(isfinite(chart_ruler_place(&ruler, 0.5)));
	}
}

Test(chart_axis, what_is_no_number_stretches_nothing)
{
	struct chart_extent extent = CHART_NO_EXTENT;

	chart_extent_add(&extent, (double)NAN);
	chart_extent_add(&extent, (double)INFINITY);
	cr_expect(extent.min > extent.max);
}

Test(chart_axis, the_range_asked_for_is_shown_whatever_the_data_is)
{
	struct chart_axis axis = {.scale = CHART_LINEAR, .min = 20, .max = 90};
	struct chart_extent extent = CHART_NO_EXTENT;
	struct chart_ruler ruler;

	chart_extent_add(&extent, 50);
	chart_ruler_init(&ruler, &axis, extent, 7, false);
	cr_expect_eq(ruler.min, 20);
	cr_expect_eq(ruler.max, 90);
}

/* Few enough to be read, enough to read by, round and in order, for ranges of
 * any size. */
Test(chart_axis, any_range_has_ticks_that_can_be_read)
{
	for (int i = 0; i < 3000; i++) {
		double low = pow(10, (double)harness_random_below(240) / 10);
		double high =
			low *
			(1 +
			 pow(10, (double)harness_random_below(160) / 10 - 8));
		enum chart_scale scale = i % 2 ? CHART_LINEAR : CHART_LOG;
		enum chart_unit unit = (enum chart_unit)(i % 3);
		struct chart_ruler ruler = make(scale, unit, low, high, false);

		cr_assert_leq(ruler.min, low * (1 + 1e-9));
		cr_assert_geq(ruler.max, high * (1 - 1e-9));
		cr_assert_geq(ruler.n_ticks, 2, "%g to %g", low, high);
		cr_assert_leq(ruler.n_ticks, 9, "%g to %g", low, high);
		for (size_t k = 1; k < ruler.n_ticks; k++)
			cr_assert_lt(ruler.ticks[k - 1], ruler.ticks[k]);
	}
}
