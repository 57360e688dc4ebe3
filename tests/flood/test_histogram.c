#include "histogram.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

TestSuite(histogram, .init = harness_begin, .fini = harness_end);

enum {
	MAX_VALUES = 20000
};

#define HOUR UINT64_C(3600000000000)

static struct histogram h;
static struct histogram other;
static uint64_t values[MAX_VALUES];

Test(histogram, slots_follow_each_other_without_gaps_and_stay_narrow)
{
	struct histogram_step step = {0};
	uint64_t value = 0;
	size_t n = 0;

	histogram_init(&h);
	while (value < HISTOGRAM_TOP_NS) {
		histogram_record(&h, value);
		n++;
		cr_assert(histogram_next(&h, &step));
		cr_assert_eq(step.first, value);
		cr_assert_eq(step.n, 1);
		cr_assert_eq(step.n_upto, n);
		cr_assert_leq(step.last - step.first, step.first / 1024);
		/* its last value is still in it */
		cr_assert_eq(histogram_slot(step.last), step.next - 1);
		value = step.last + 1;
	}
	cr_assert_eq(value, HISTOGRAM_TOP_NS);
	cr_assert_eq(n, HISTOGRAM_SLOTS - 1);
	cr_assert_eq(histogram_overflow(&h), 0);
	cr_assert_not(histogram_next(&h, &step));
}

Test(histogram, an_empty_one_has_zeros_and_no_steps)
{
	struct histogram_step step = {0};

	histogram_init(&h);
	cr_assert_eq(histogram_count(&h), 0);
	cr_assert_eq(histogram_min(&h), 0);
	cr_assert_eq(histogram_max(&h), 0);
	cr_assert_eq(histogram_mean(&h), 0);
	cr_assert_eq(histogram_stddev(&h), 0);
	cr_assert_eq(histogram_percentile(&h, 0), 0);
	cr_assert_eq(histogram_percentile(&h, 100), 0);
	cr_assert_eq(histogram_overflow(&h), 0);
	cr_assert_not(histogram_next(&h, &step));
	/* adding nothing, and clearing nothing, change nothing */
	histogram_init(&other);
	histogram_add(&h, &other);
	histogram_clear(&h);
	cr_assert_eq(memcmp(&h, &other, sizeof h), 0);
}

Test(histogram, zero_is_a_value)
{
	histogram_init(&h);
	histogram_record(&h, 0);
	histogram_record(&h, 0);
	histogram_record(&h, 7);
	cr_assert_eq(histogram_count(&h), 3);
	cr_assert_eq(histogram_min(&h), 0);
	cr_assert_eq(histogram_percentile(&h, 66), 0);
	cr_assert_eq(histogram_percentile(&h, 67), 7);
}

Test(histogram, an_hour_is_recorded_and_more_is_counted_never_lost)
{
	struct histogram_step step = {0};

	histogram_init(&h);
	histogram_record(&h, HOUR);
	cr_assert_eq(histogram_overflow(&h), 0);
	cr_assert_eq(histogram_percentile(&h, 100), HOUR);

	histogram_record_n(&h, 5 * HOUR, 2);
	histogram_record(&h, UINT64_MAX);
	cr_assert_eq(histogram_count(&h), 4);
	cr_assert_eq(histogram_overflow(&h), 3);
	cr_assert_eq(histogram_max(&h), UINT64_MAX);
	cr_assert_eq(histogram_percentile(&h, 25), HISTOGRAM_TOP_NS - 1);
	cr_assert_eq(histogram_percentile(&h, 26), HISTOGRAM_TOP_NS);
	cr_assert_eq(histogram_percentile(&h, 100), HISTOGRAM_TOP_NS);
	cr_assert_geq(histogram_mean(&h), 3.6e12);
	cr_assert(histogram_next(&h, &step));
	cr_assert(histogram_next(&h, &step));
	cr_assert_eq(step.first, HISTOGRAM_TOP_NS);
	cr_assert_eq(step.last, UINT64_MAX);
	cr_assert_eq(step.n, 3);
	cr_assert_not(histogram_next(&h, &step));
}

Test(histogram, a_percentile_is_the_nearest_rank_and_never_one_too_far)
{
	histogram_init(&h);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_record(&h, i);
	/* all thousandths, though most are no exact doubles */
	for (unsigned i = 1; i <= 1000; i++)
		cr_assert_eq(histogram_percentile(&h, i / 10.0), i);
	cr_assert_eq(histogram_percentile(&h, 0), 1);
	cr_assert_eq(histogram_percentile(&h, 99.91), 1000);
	cr_assert_eq(histogram_percentile(&h, 0.001), 1);
	cr_assert_eq(histogram_rank(&h, 50), 500);
}

/* -- against sorted samples -- */

static double uniform(void)
{
	return (double)(harness_random() >> 11) / 9007199254740992.0;
}

static uint64_t constant(void)
{
	return 123456789;
}

static uint64_t tiny(void)
{
	return harness_random_below(3000);
}

static uint64_t even(void)
{
	return harness_random_below(10000000);
}

static uint64_t exponential(void)
{
	return (uint64_t)(-50000 * log(1 - uniform()));
}

static uint64_t heavy_tailed(void)
{
	return (uint64_t)(20000 / pow(1 - uniform(), 1.5));
}

static uint64_t in_two_heaps(void)
{
	return harness_random_below(100) ? 30000 + harness_random_below(500)
					 : 1000000000 + even();
}

static uint64_t over_all_magnitudes(void)
{
	return harness_random() >> harness_random_below(64);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void fill(uint64_t (*draw)(void), size_t n)
{
	histogram_init(&h);
	for (size_t i = 0; i < n; i++) {
		values[i] = draw();
		histogram_record(&h, values[i]);
	}
	qsort(values, n, sizeof *values, compare);
}

/* percent is given in thousandths: the rank is then exact. */
static void check_percentile(size_t n, uint64_t thousandths)
{
	uint64_t rank = (thousandths * n + 99999) / 100000;
	uint64_t truth = values[rank > 0 ? rank - 1 : 0];
	uint64_t told = histogram_percentile(&h, (double)thousandths / 1000);

	if (truth >= HISTOGRAM_TOP_NS) {
		cr_assert_eq(told, HISTOGRAM_TOP_NS);
		return;
	}
	cr_assert_geq(told, truth, "p%g of %zu", (double)thousandths / 1000, n);
	cr_assert_leq(told - truth, truth / 1024, "p%g of %zu",
		      (double)thousandths / 1000, n);
}

static void check_moments(size_t n)
{
	double sum = 0;
	double squares = 0;
	double mean;
	double deviation;

	for (size_t i = 0; i < n; i++)
		sum += (double)values[i];
	mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += pow((double)values[i] - mean, 2);
	deviation = sqrt(squares / (double)n);
	cr_assert_float_eq(histogram_mean(&h), mean, mean / 1000);
	cr_assert_float_eq(histogram_stddev(&h), deviation,
			   deviation / 1000 + mean / 1000);
}

Test(histogram, percentiles_are_those_of_sorted_samples)
{
	static uint64_t (*const draws[])(void) = {
		constant,	    tiny,	  even,
		exponential,	    heavy_tailed, in_two_heaps,
		over_all_magnitudes};
	static const size_t sizes[] = {1, 2, 3, 10, 99, 100, 101, 1000, 20000};

	for (size_t i = 0; i < sizeof draws / sizeof *draws; i++) {
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			size_t n = sizes[j];

			fill(draws[i], n);
			for (uint64_t p = 0; p <= 100000; p += 500)
				check_percentile(n, p);
			for (uint64_t p = 99500; p <= 100000; p += 7)
				check_percentile(n, p);
			cr_assert_eq(histogram_count(&h), n);
			cr_assert_eq(histogram_min(&h), values[0]);
			cr_assert_eq(histogram_max(&h), values[n - 1]);
			if (values[n - 1] < HISTOGRAM_TOP_NS)
				check_moments(n);
		}
	}
}

/* -- many values at once -- */

Test(histogram, added_up_it_is_as_if_all_had_been_recorded_in_one)
{
	static struct histogram both;

	histogram_init(&h);
	histogram_init(&other);
	histogram_init(&both);
	for (size_t i = 0; i < MAX_VALUES; i++) {
		uint64_t value = over_all_magnitudes();

		histogram_record(i % 3 ? &h : &other, value);
		histogram_record(&both, value);
	}
	histogram_add(&h, &other);
	cr_assert_eq(memcmp(&h, &both, sizeof h), 0);
	/* into an empty one: a copy */
	histogram_clear(&other);
	histogram_add(&other, &both);
	cr_assert_eq(memcmp(&other, &both, sizeof h), 0);
}

Test(histogram, n_at_once_are_n_one_by_one)
{
	histogram_init(&h);
	histogram_init(&other);
	histogram_record_n(&h, 98765, 1000);
	for (unsigned i = 0; i < 1000; i++)
		histogram_record(&other, 98765);
	cr_assert_eq(memcmp(&h, &other, sizeof h), 0);
}

Test(histogram, a_cleared_one_is_as_new)
{
	histogram_init(&other);
	for (unsigned round = 0; round < 20; round++) {
		histogram_init(&h);
		for (unsigned i = 0; i < 1000; i++)
			histogram_record(&h, over_all_magnitudes());
		histogram_clear(&h);
		cr_assert_eq(memcmp(&h, &other, sizeof h), 0);
	}
}

Test(histogram, a_new_one_is_empty_and_freed_whole)
{
	struct histogram *fresh = histogram_new();

	histogram_init(&h);
	cr_assert_eq(memcmp(fresh, &h, sizeof h), 0);
	histogram_free(fresh);
	histogram_free(NULL);
}
