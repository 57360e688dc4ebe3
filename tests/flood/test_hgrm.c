#include "hgrm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

TestSuite(hgrm, .init = harness_begin, .fini = harness_end);

static struct histogram h;

/* What is written, to be freed. */
static char *write_table(void)
{
	char *text = NULL;
	size_t n;
	FILE *file = open_memstream(&text, &n);

	cr_assert_not_null(file);
	cr_assert_eq(hgrm_write(file, &h), 0);
	fclose(file);
	return text;
}

Test(hgrm, is_the_table_that_plotters_read)
{
	char *text;

	histogram_init(&h);
	histogram_record(&h, 1000000);
	histogram_record(&h, 1500);
	text = write_table();
	cr_assert_str_eq(
		text,
		"         Value     Percentile TotalCount 1/(1-Percentile)\n"
		"\n"
		"      0.001500 0.000000000000          1           1.00\n"
		"      0.001500 0.100000000000          1           1.11\n"
		"      0.001500 0.200000000000          1           1.25\n"
		"      0.001500 0.300000000000          1           1.43\n"
		"      0.001500 0.400000000000          1           1.67\n"
		"      0.001500 0.500000000000          1           2.00\n"
		"      1.000000 0.550000000000          2           2.22\n"
		"      1.000000 1.000000000000          2\n"
		"#[Mean    =       0.500846, StdDeviation   =       0.499346]\n"
		"#[Max     =       1.000000, Total count    =              2]\n"
		"#[Buckets =             32, SubBuckets     =           2048]\n"
		"#[Unit    =             ms, Above 1 hour   =              0]"
		"\n");
	free(text);
}

Test(hgrm, an_empty_one_has_no_rows)
{
	char *text;

	histogram_init(&h);
	text = write_table();
	cr_assert_not_null(strstr(text, "1/(1-Percentile)\n\n#[Mean "));
	cr_assert_null(strstr(text, "nan"));
	free(text);
}

Test(hgrm, the_overflow_is_in_the_rows_and_counted)
{
	char *text;

	histogram_init(&h);
	histogram_record_n(&h, 5, 9);
	histogram_record(&h, UINT64_C(7200000000000));
	text = write_table();
	cr_assert_not_null(
		strstr(text, "3601330.077696 0.912500000000         10"));
	cr_assert_not_null(strstr(text, "#[Max     = 7200000.000000,"));
	cr_assert_not_null(strstr(text, "Above 1 hour   =              1]"));
	free(text);
}

/* Each row's value is the percentile of its share, and rows go up to one that
 * tells of all values, however many those are. */
Test(hgrm, rows_are_the_percentiles_of_their_shares)
{
	unsigned n_rows = 0;
	char *text;
	char *line;

	histogram_init(&h);
	for (unsigned i = 0; i < 5000; i++)
		histogram_record_n(&h, harness_random() >> 30,
				   1 + (harness_random() >> 40));
	text = write_table();
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		double value;
		double share;
		unsigned long long count;

		if (sscanf(line, "%lf %lf %llu", &value, &share, &count) != 3)
			continue;
		n_rows++;
		cr_assert_float_eq(
			value * 1e6,
			(double)histogram_percentile(&h, 100 * share), 1);
		cr_assert_geq(count, histogram_rank(&h, 100 * share));
		cr_assert_leq((double)count, (double)histogram_count(&h));
	}
	cr_assert_gt(n_rows, 50);
	free(text);
}

Test(hgrm, a_full_disk_is_reported)
{
	FILE *full = fopen("/dev/full", "we");

	cr_assert_not_null(full);
	cr_assert_eq(hgrm_write(full, &h), -ENOSPC);
	fclose(full);
}
