/* Of n differences there are n (n + 1) / 2 means of two. Wilcoxon's statistic,
 * the sum of the ranks of those above zero, is the number of such means above
 * zero; so test, estimate and interval can all be read off the sorted means. */
#include "statistic.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
	MAX_MEANS = STATISTIC_MAX_ROUNDS * (STATISTIC_MAX_ROUNDS + 1) / 2
};

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

double statistic_jain(const uint64_t *counts, size_t n)
{
	double sum = 0;
	double squares = 0;

	for (size_t i = 0; i < n; i++) {
		sum += (double)counts[i];
		squares += (double)counts[i] * (double)counts[i];
	}
	return squares > 0 ? sum * sum / ((double)n * squares) : (double)NAN;
}

/* -- A against B -- */

static double difference(double a, double b)
{
	return a + b > 0 ? (b - a) / (b + a) : 0;
}

/* NaN where it would be 0 or infinite. */
static double ratio_of(double d)
{
	return d > -1 && d < 1 ? (1 + d) / (1 - d) : (double)NAN;
}

/* All means of two, sorted; how many. */
static size_t take_means(double *means, const double *a, const double *b,
			 size_t n)
{
	size_t n_means = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++)
			means[n_means++] = (difference(a[i], b[i]) +
					    difference(a[j], b[j])) /
					   2;
	qsort(means, n_means, sizeof *means, compare);
	return n_means;
}

/* The chance that of the ranks 1 to n, each taken or not by the throw of a
 * coin, the sum is i: for each i up to n_means, that of all. */
static void throw_coins(double *chances, size_t n, size_t n_means)
{
	chances[0] = 1;
	for (size_t i = 1; i <= n_means; i++)
		chances[i] = 0;
	for (size_t rank = 1; rank <= n; rank++)
		for (size_t i = n_means + 1; i-- > 0;) {
			double before = i >= rank ? chances[i - rank] : 0;

			chances[i] = (chances[i] + before) / 2;
		}
}

/* The two-sided chance of a sum so far from the middle, n_few or less; and in
 * *n_cut how many means may be cut off at each end. */
static double judge(size_t n, size_t n_means, size_t n_few, size_t *n_cut)
{
	double chances[MAX_MEANS + 1];
	double sum = 0;
	double p_value = 1;

	throw_coins(chances, n, n_means);
	*n_cut = 0;
	for (size_t i = 0; i <= n_means; i++) {
		sum += 2 * chances[i];
		if (sum <= 1 - STATISTIC_CONFIDENCE)
			*n_cut = i + 1;
		if (i == n_few && sum < 1)
			p_value = sum;
	}
	return p_value;
}

struct statistic_ratio statistic_ratio(const double *a, const double *b,
				       size_t n)
{
	struct statistic_ratio result = {NAN, NAN, NAN, 1, false};
	double means[MAX_MEANS] = {0};
	size_t n_means;
	size_t n_above = 0; /* not below zero; one at zero is on both sides */
	size_t n_below = 0;
	size_t n_cut;

	assert(n <= STATISTIC_MAX_ROUNDS);
	if (n == 0)
		return result;
	n_means = take_means(means, a, b, n);
	for (size_t i = 0; i < n_means; i++) {
		n_above += means[i] >= 0;
		n_below += means[i] <= 0;
	}
	result.ratio =
		ratio_of((means[(n_means - 1) / 2] + means[n_means / 2]) / 2);
	result.p_value = judge(n, n_means,
			       n_above < n_below ? n_above : n_below, &n_cut);
	result.is_significant = result.p_value <= 1 - STATISTIC_CONFIDENCE;
	if (n_cut > 0) {
		result.low = ratio_of(means[n_cut - 1]);
		result.high = ratio_of(means[n_means - n_cut]);
	}
	return result;
}
