#include "hlog.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "harness.h"

TestSuite(hlog, .init = harness_begin, .fini = harness_end);

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1767225600) * SECOND + 123456789)

static struct histogram h;

Test(hlog, the_head_says_version_times_and_units)
{
	FILE *file = tmpfile();
	char text[512] = {0};
	size_t n;

	cr_assert_not_null(file);
	cr_assert_eq(hlog_write_head(file, START), 0);
	rewind(file);
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	cr_assert_str_eq(
		text, "#[Histogram log format version 1.3]\n"
		      "#[Values in ns, Interval_Max in ms]\n"
		      "#[BaseTime: 1767225600.123 (seconds since epoch)]\n"
		      "#[StartTime: 1767225600.123 (seconds since epoch), "
		      "2026-01-01T00:00:00Z]\n"
		      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		      "\"Interval_Compressed_Histogram\"\n");
	fclose(file);
}

Test(hlog, a_full_disk_is_reported)
{
	FILE *full = fopen("/dev/full", "we");

	cr_assert_not_null(full);
	histogram_init(&h);
	cr_assert_eq(hlog_write_head(full, START), -ENOSPC);
	cr_assert_eq(hlog_write(full, START,
				&(struct hlog_interval){"", START, 1}, &h),
		     -ENOSPC);
	fclose(full);
}
