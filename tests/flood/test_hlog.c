#include "hlog.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "test_hlog.h"

TestSuite(hlog, .init = harness_begin, .fini = harness_end);

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1767225600) * SECOND + 123456789)
#define HOUR   (3600 * SECOND)

static struct histogram h;
static struct histogram back;

/* -- what is written is read -- */

/* Write h and read it back; the caller says what it expects of back. */
static void round_trip(const struct hlog_interval *interval)
{
	struct hlog_interval read = {.length_ns = 1};
	struct hlog_reader reader;
	struct test_log log;

	test_log_open(&log);
	cr_assert_eq(hlog_write_head(log.file, START), 0);
	cr_assert_eq(hlog_write(log.file, START, interval, &h), 0);
	histogram_init(&back);
	histogram_record(&back, 5); /* to be forgotten */
	cr_assert_eq(hlog_open(&reader, log.path), 0);
	cr_assert_eq(hlog_read(&reader, &read, &back), 1, "%s", reader.error);
	cr_assert_str_eq(read.tag, interval->tag);
	cr_assert_eq(read.start_ns, interval->start_ns);
	cr_assert_eq(read.length_ns, interval->length_ns);
	cr_assert_eq(hlog_read(&reader, &read, &back), 0);
	hlog_close(&reader);
	test_log_close(&log);
}

/* All the same, but for min, which is the least value of the same slot. */
static void expect_same(void)
{
	cr_assert_eq(histogram_slot(back.min), histogram_slot(h.min));
	cr_assert_leq(back.min, h.min);
	h.min = back.min;
	cr_assert_eq(memcmp(&h, &back, sizeof h), 0);
}

Test(hlog, a_histogram_comes_back_as_it_was)
{
	const struct hlog_interval interval = {"latency", START + 7 * SECOND,
					       SECOND + 1};

	for (unsigned i = 0; i < 50; i++) {
		histogram_init(&h);
		for (size_t n = harness_random_below(5000); n > 0; n--)
			histogram_record(&h, harness_random() >>
						     harness_random_below(64));
		round_trip(&interval);
		if (histogram_count(&h) > 0)
			expect_same();
		else
			cr_assert_eq(histogram_count(&back), 0);
	}
}

Test(hlog, an_interval_without_values_or_tag_is_one_too)
{
	histogram_init(&h);
	round_trip(&(struct hlog_interval){"", START, 0});
	cr_assert_eq(memcmp(&h, &back, sizeof h), 0);
}

Test(hlog, the_overflow_and_its_exact_maximum_go_with_it)
{
	histogram_init(&h);
	histogram_record(&h, 1000);
	histogram_record_n(&h, 5 * HOUR + 1, 3);
	round_trip(&(struct hlog_interval){"latency", START, SECOND});
	cr_assert_eq(histogram_overflow(&back), 3);
	cr_assert_eq(histogram_max(&back), 5 * HOUR + 1);
	expect_same();
}

/* More than one stored block, and counts of up to eight bytes. */
Test(hlog, a_full_histogram_of_large_counts_comes_back)
{
	histogram_init(&h);
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
		h.slots[i] = 1 + (harness_random() >> (22 + i % 42));
	h.slots[7] = UINT64_C(1) << 51;
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
		h.count += h.slots[i];
	h.min = 0;
	h.max = UINT64_MAX;
	cr_assert_lt(h.count, UINT64_C(1) << 53);
	round_trip(&(struct hlog_interval){"latency", START, SECOND});
	expect_same();
}

Test(hlog, the_head_says_version_times_and_units)
{
	struct test_log log;
	char text[512] = {0};
	size_t n;

	test_log_open(&log);
	cr_assert_eq(hlog_write_head(log.file, START), 0);
	rewind(log.file);
	n = fread(text, 1, sizeof text - 1, log.file);
	text[n] = '\0';
	cr_assert_str_eq(
		text, "#[Histogram log format version 1.3]\n"
		      "#[Values in ns, Interval_Max in ms]\n"
		      "#[BaseTime: 1767225600.123 (seconds since epoch)]\n"
		      "#[StartTime: 1767225600.123 (seconds since epoch), "
		      "2026-01-01T00:00:00Z]\n"
		      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		      "\"Interval_Compressed_Histogram\"\n");
	test_log_close(&log);
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

/* -- what others write -- */

/* One value of 1000, in our own layout. */
#define ONE                                                          \
	"HISTFAAAADZ4AQErANT/HISTEwAAAAMAAAAAAAAAAwAAAAAAAAABAAAD//" \
	"////8/8AAAAAAAAM8PAoptCFs="

static void read_one(const char *text, struct hlog_interval *interval)
{
	struct hlog_reader reader;
	struct test_log log;

	test_log_fill(&log, text, strlen(text));
	histogram_init(&back);
	cr_assert_eq(hlog_open(&reader, log.path), 0);
	cr_assert_eq(hlog_read(&reader, interval, &back), 1, "%s: %s", text,
		     reader.error);
	hlog_close(&reader);
	test_log_close(&log);
}

Test(hlog, times_count_from_base_or_start_or_are_absolute)
{
	static const struct {
		const char *head;
		const char *start;
		uint64_t start_ns;
	} cases[] = {
		{"", "1767225600.5", 1767225600 * SECOND + SECOND / 2},
		{"#[StartTime: 1767225600 (seconds since epoch)]\n", "2",
		 1767225602 * SECOND},
		{"#[StartTime: 1767225600.0 (seconds since epoch)]\n",
		 "1767225601", 1767225601 * SECOND},
		{"#[BaseTime: 1767225600.25 (seconds since epoch)]\n", "0.750",
		 1767225601 * SECOND},
		/* the base is what counts */
		{"#[BaseTime: 1767225600 (...)]\n#[StartTime: 1 (...)]\n", "3",
		 1767225603 * SECOND},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hlog_interval interval;
		char text[512];

		snprintf(text, sizeof text, "%s%s,1.0,0.0," ONE "\n",
			 cases[i].head, cases[i].start);
		read_one(text, &interval);
		cr_assert_eq(interval.start_ns, cases[i].start_ns, "%zu", i);
		cr_assert_eq(interval.length_ns, SECOND);
	}
}

Test(hlog, comments_legends_empty_lines_and_other_line_ends_are_fine)
{
	struct hlog_interval interval;

	read_one("#[Any comment]\r\n\r\n\n#\n\"StartTimestamp\",\"x\"\r\n"
		 "Tag=a b,1,2,3," ONE "\r\n",
		 &interval);
	cr_assert_str_eq(interval.tag, "a b");
	cr_assert_eq(histogram_count(&back), 1);
	cr_assert_eq(histogram_percentile(&back, 100), 1000);
	/* without an end of line at the end */
	read_one("1,2,3," ONE, &interval);
	cr_assert_str_eq(interval.tag, "");
	cr_assert_eq(histogram_count(&back), 1);
}

Test(hlog, the_maximum_of_the_line_is_believed_only_if_the_counts_agree)
{
	struct hlog_interval interval;

	histogram_init(&h);
	histogram_record(&h, 123456789);
	round_trip(&(struct hlog_interval){"", START, SECOND});
	cr_assert_eq(histogram_max(&back), 123456789);
	read_one("1,2,1000," ONE, &interval);
	cr_assert_eq(histogram_max(&back), 1000);
}
