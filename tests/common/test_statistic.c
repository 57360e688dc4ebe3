#include "statistic.h"

#include <criterion/criterion.h>
#include <math.h>

#include "harness.h"

TestSuite(statistic, .init = harness_begin, .fini = harness_end);

enum {
	N_RUNS = 4000
};

Test(statistic, jains_index_tells_equal_from_greedy)
{
	static const uint64_t equal[] = {7, 7, 7, 7};
	static const uint64_t greedy[] = {0, 9, 0, 0};
	static const uint64_t mixed[] = {1, 2, 3};
	static const uint64_t huge[] = {UINT64_MAX, UINT64_MAX};
	static const uint64_t none[] = {0, 0};

	cr_assert_eq(statistic_jain(equal, 4), 1);
	cr_assert_eq(statistic_jain(greedy, 4), 0.25);
	cr_assert_float_eq(statistic_jain(mixed, 3), 36.0 / 42, 1e-12);
	cr_assert_float_eq(statistic_jain(huge, 2), 1, 1e-12);
	cr_assert(isnan(statistic_jain(none, 2)));
	cr_assert(isnan(statistic_jain(NULL, 0)));
}

/* -- A against B: known answers -- */

/* With all of n differences on one side, chance is 2 of 2^n. */
Test(statistic, eight_rounds_that_agree_are_the_fewest_that_tell)
{
	static const double a[] = {100, 101, 99, 102, 98, 100, 103, 97};
	static const double b[] = {110, 112, 108, 113, 109, 111, 110, 108};
	struct statistic_ratio seven = statistic_ratio(a, b, 7);
	struct statistic_ratio eight = statistic_ratio(a, b, 8);

	cr_assert_float_eq(seven.p_value, 2.0 / 128, 1e-12);
	cr_assert_not(seven.is_significant);
	cr_assert(isnan(seven.low) && isnan(seven.high));
	cr_assert_float_eq(eight.p_value, 2.0 / 256, 1e-12);
	cr_assert(eight.is_significant);
	cr_assert_gt(eight.low, 1);
	cr_assert_lt(eight.low, eight.ratio);
	cr_assert_lt(eight.ratio, eight.high);
}

/* Ranks of |b - a|, in ascending order: 1 to 10; those of rounds 2 and 5 are
 * below zero, which are ranks 1 and 4. Of 2^10 sets, 5 or less is the sum of
 * {}, 1, 2, 3, 4, 5, 12, 13, 14, 23: 10, so p = 20 / 1024. */
Test(statistic, chance_is_counted_as_in_the_tables)
{
	static const double b[] = {105, 99,  110, 102, 96,
				   103, 107, 109, 106, 108};
	double a[10];
	struct statistic_ratio result;

	for (size_t i = 0; i < 10; i++)
		a[i] = 100;
	result = statistic_ratio(a, b, 10);
	cr_assert_float_eq(result.p_value, 20.0 / 1024, 1e-12);
	cr_assert_not(result.is_significant);
}

Test(statistic, equal_rounds_are_a_ratio_of_one_and_never_significant)
{
	double a[STATISTIC_ROUNDS];
	struct statistic_ratio result;

	for (size_t i = 0; i < STATISTIC_ROUNDS; i++)
		a[i] = (double)(100 + i);
	result = statistic_ratio(a, a, STATISTIC_ROUNDS);
	cr_assert_eq(result.ratio, 1);
	cr_assert_eq(result.low, 1);
	cr_assert_eq(result.high, 1);
	cr_assert_eq(result.p_value, 1);
	cr_assert_not(result.is_significant);
}

Test(statistic, a_constant_ratio_is_found_exactly_whatever_drifts)
{
	double a[STATISTIC_MAX_ROUNDS];
	double b[STATISTIC_MAX_ROUNDS];
	struct statistic_ratio result;

	for (size_t i = 0; i < STATISTIC_MAX_ROUNDS; i++) {
		a[i] = (double)(1000 + harness_random_below(1000000));
		b[i] = 1.03 * a[i];
	}
	result = statistic_ratio(a, b, STATISTIC_MAX_ROUNDS);
	cr_assert_float_eq(result.ratio, 1.03, 1e-9);
	cr_assert_float_eq(result.low, 1.03, 1e-9);
	cr_assert_float_eq(result.high, 1.03, 1e-9);
	cr_assert(result.is_significant);
}

Test(statistic, exchanging_a_and_b_inverts_the_ratio)
{
	double a[20];
	double b[20];
	struct statistic_ratio there;
	struct statistic_ratio back;

	for (size_t i = 0; i < 20; i++) {
		a[i] = (double)(900 + harness_random_below(200));
		b[i] = (double)(950 + harness_random_below(200));
	}
	there = statistic_ratio(a, b, 20);
	back = statistic_ratio(b, a, 20);
	cr_assert_float_eq(there.ratio * back.ratio, 1, 1e-12);
	cr_assert_float_eq(there.low * back.high, 1, 1e-12);
	cr_assert_float_eq(there.high * back.low, 1, 1e-12);
	cr_assert_eq(there.p_value, back.p_value);
}

Test(statistic, what_stands_still_has_no_ratio_but_is_told_apart)
{
	double still[10] = {0};
	double moving[10];
	struct statistic_ratio result;

	for (size_t i = 0; i < 10; i++)
		moving[i] = (double)(100 + i);
	result = statistic_ratio(still, moving, 10);
	cr_assert(isnan(result.ratio));
	cr_assert(result.is_significant);
	/* one such round among others is bounded */
	still[0] = 0;
	for (size_t i = 1; i < 10; i++)
		still[i] = moving[i];
	result = statistic_ratio(still, moving, 10);
	cr_assert_eq(result.ratio, 1);
	cr_assert_not(result.is_significant);
	/* neither moves: equal */
	still[0] = moving[0] = 0;
	cr_assert_eq(statistic_ratio(still, moving, 1).ratio, 1);
	cr_assert(isnan(statistic_ratio(NULL, NULL, 0).ratio));
}

/* -- A against B: simulated -- */

static double uniform(void)
{
	return ((double)(harness_random() >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) *
	       cos(2 * 3.14159265358979 * uniform());
}

/* The rate of one short run on a busy machine: noise of 10 %, and every now
 * and then something that takes up to half of it. */
static double measure(double truth)
{
	double rate = truth * exp(0.1 * normal());

	return harness_random_below(20) ? rate : rate * (1 - 0.5 * uniform());
}

/* The machine slows down by 3 % from one measurement to the next, and now and
 * then changes to another speed; the order within each round is random. */
static struct statistic_ratio compare(double ratio, size_t n)
{
	double a[STATISTIC_MAX_ROUNDS];
	double b[STATISTIC_MAX_ROUNDS];
	double speed = 10000;

	for (size_t i = 0; i < n; i++) {
		bool is_a_first = harness_random_below(2);

		if (harness_random_below(10) == 0)
			speed = 5000 + 10000 * uniform();
		a[i] = measure(is_a_first ? speed : 0.97 * speed);
		b[i] = measure(ratio * (is_a_first ? 0.97 * speed : speed));
		speed *= 0.99;
	}
	return statistic_ratio(a, b, n);
}

/* Of N_RUNS comparisons. */
struct tally {
	unsigned n_significant;
	unsigned n_missed;     /* the true ratio is not in the interval */
	unsigned n_bad_series; /* of 20, with more than 2 significant ones */
};

static struct tally simulate(double ratio, size_t n)
{
	struct tally tally = {0};
	unsigned n_in_series = 0;

	for (unsigned i = 0; i < N_RUNS; i++) {
		struct statistic_ratio result = compare(ratio, n);

		cr_assert_eq(result.is_significant,
			     result.low > 1 || result.high < 1);
		tally.n_missed += ratio < result.low || ratio > result.high;
		tally.n_significant += result.is_significant;
		n_in_series += result.is_significant;
		if (i % 20 == 19) {
			tally.n_bad_series += n_in_series > 2;
			n_in_series = 0;
		}
	}
	cr_log_info("x %g, %zu rounds: %u significant, %u missed, %u series",
		    ratio, n, tally.n_significant, tally.n_missed,
		    tally.n_bad_series);
	return tally;
}

/* 1 % is promised, which is 40 runs; chance adds 19 at three standard
 * deviations, and one bad series in 200 at most. */
Test(statistic, a_against_itself_differs_in_one_percent_of_runs)
{
	struct tally tally = simulate(1, STATISTIC_ROUNDS);

	cr_assert_lt(tally.n_significant, 60);
	cr_assert_leq(tally.n_bad_series, 1);
	/* and the test is no more careful than it says */
	cr_assert_gt(tally.n_significant, 20);
	cr_assert_lt(simulate(1, 8).n_significant, 60);
}

Test(statistic, the_recommended_rounds_find_ten_percent)
{
	struct tally tally = simulate(1.1, STATISTIC_ROUNDS);

	cr_assert_gt(tally.n_significant, N_RUNS * 75 / 100);
	cr_assert_lt(tally.n_missed, 60 + 20);
}
