/* Figures about figures: how evenly something is shared, and whether one thing
 * is faster than another. */
#ifndef STATISTIC_H
#define STATISTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Jain's index of fairness: 1 when all n have the same, 1/n when one has all;
 * NaN when there is nothing to share. (R. Jain, D. Chiu, W. Hawe: A
 * Quantitative Measure of Fairness and Discrimination, DEC-TR-301, 1984.) */
double statistic_jain(const uint64_t *counts, size_t n);

/* -- A against B -- */

/* Both are measured in n rounds: a[i] and b[i] in round i, right after each
 * other, in an order that is drawn anew for each round. So whatever drifts,
 * drifts for both alike; and if there is no difference, then in each round
 * chance alone has decided which of the two came out first. That is all that
 * Wilcoxon's signed-rank test asks for: noise of any size and shape leaves its
 * error rate as stated. (Mann and Whitney's test is its sibling for samples
 * without pairs, and would count the drift as noise.)
 *
 * What is ranked is d = (b - a) / (b + a), of which the ratio is
 * (1 + d) / (1 - d): A and B change places when d changes its sign, and a round
 * in which one of them stood still is but the largest d, not an infinite one.
 * The ratio reported is of Hodges and Lehmann's estimate, the median of all
 * means of two d (each with itself, too); the interval lies between those of
 * these means that the test would just not reject. (M. Hollander, D. Wolfe:
 * Nonparametric Statistical Methods, chapter 3.) */

#define STATISTIC_RATIO_METHOD \
	"Wilcoxon signed-rank test and Hodges-Lehmann estimate, paired rounds"
/* Of twenty comparisons of a thing with itself, three or more call it different
 * once in 1000 series; at 0.95 it would be once in 13. */
#define STATISTIC_CONFIDENCE 0.99

enum {
	/* Recommended: it finds a difference as large as the scatter of single
	 * rounds (their standard deviation, 10 % say) in 92 of 100 cases; 30
	 * rounds do in 80. Fewer than 8 never find one. */
	STATISTIC_ROUNDS = 40,
	STATISTIC_MAX_ROUNDS = 128
};

struct statistic_ratio {
	double ratio; /* b to a; 1: equal. NaN: b or a never moved */
	double low;   /* its interval, at STATISTIC_CONFIDENCE; NaN: too few */
	double high;  /* rounds for one, or one end has no bound */
	double p_value;	     /* two-sided and exact; ties make it larger */
	bool is_significant; /* 1 lies outside of the interval */
};

/* Rates, or times, of n rounds, none negative; n is at most
 * STATISTIC_MAX_ROUNDS. */
struct statistic_ratio statistic_ratio(const double *a, const double *b,
				       size_t n);

#endif
