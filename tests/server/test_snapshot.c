/* What ranks the longest queues, against sorting them all. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "harness.h"
#include "snapshot.h"

enum {
	N_ROUNDS = 300,
	N_MOST = 100,
	MAX_KEPT = 20
};

TestSuite(snapshot, .init = harness_begin, .fini = harness_end);

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

Test(snapshot, keeps_the_greatest_in_order)
{
	uint64_t all[N_MOST];
	struct ranked ranked[MAX_KEPT + 1];

	for (int round = 0; round < N_ROUNDS; round++) {
		size_t n_all = harness_random_below(N_MOST + 1);
		size_t max = 1 + harness_random_below(MAX_KEPT);
		size_t n = 0;

		for (size_t i = 0; i < n_all; i++) {
			all[i] = harness_random_below(30);
			ranked_insert(ranked, &n, max,
				      (struct ranked){all[i], NULL});
		}
		qsort(all, n_all, sizeof *all, compare);
		cr_assert_eq(n, n_all < max ? n_all : max);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(ranked[i].by, all[i]);
	}
}
