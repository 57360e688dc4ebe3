#include "hgrm.h"

#include <errno.h>
#include <inttypes.h>

#define NS_PER_MS 1e6

enum {
	STEPS = 5,
	/* After more of them a double no longer tells what is left. */
	HALVINGS = 50
};

/* The row of one share of the values, from 0 to 1. Shares come in ascending
 * order: step is where the last one was. False: all values are told of. */
static bool write_row(FILE *file, const struct histogram *h,
		      struct histogram_step *step, double share)
{
	uint64_t rank = histogram_rank(h, 100 * share);
	uint64_t ns = histogram_percentile(h, 100 * share);

	while (step->n_upto < rank && histogram_next(h, step))
		;
	(void)fprintf(file, "%14.6f %14.12f %10" PRIu64 " %14.2f\n",
		      (double)ns / NS_PER_MS, share, step->n_upto,
		      1 / (1 - share));
	return step->n_upto < histogram_count(h);
}

static void write_rows(FILE *file, const struct histogram *h)
{
	struct histogram_step step = {0};
	double left = 1;

	for (unsigned halving = 0; halving < HALVINGS; halving++) {
		for (unsigned i = 0; i < STEPS; i++) {
			double share = 1 - left + i * left / (2 * STEPS);

			if (!write_row(file, h, &step, share))
				return;
		}
		left /= 2;
	}
}

int hgrm_write(FILE *file, const struct histogram *h)
{
	errno = 0;
	(void)fprintf(file, "%14s %14s %10s %14s\n\n", "Value", "Percentile",
		      "TotalCount", "1/(1-Percentile)");
	if (histogram_count(h) > 0) {
		write_rows(file, h);
		(void)fprintf(file, "%14.6f %14.12f %10" PRIu64 "\n",
			      (double)histogram_percentile(h, 100) / NS_PER_MS,
			      1.0, histogram_count(h));
	}
	(void)fprintf(file, "#[Mean    = %14.6f, StdDeviation   = %14.6f]\n",
		      histogram_mean(h) / NS_PER_MS,
		      histogram_stddev(h) / NS_PER_MS);
	(void)fprintf(file,
		      "#[Max     = %14.6f, Total count    = %14" PRIu64 "]\n",
		      (double)histogram_max(h) / NS_PER_MS, histogram_count(h));
	(void)fprintf(file, "#[Buckets = %14d, SubBuckets     = %14d]\n", 32,
		      2048);
	(void)fprintf(file,
		      "#[Unit    = %14s, Above 1 hour   = %14" PRIu64 "]\n",
		      "ms", histogram_overflow(h));
	if (fflush(file) == 0 && !ferror(file))
		return 0;
	return errno ? -errno : -EIO;
}
