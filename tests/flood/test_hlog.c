#include "hlog.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

TestSuite(hlog, .init = harness_begin, .fini = harness_end);

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1767225600) * SECOND + 123456789)
#define HOUR   (3600 * SECOND)

static struct histogram h;

/* -- what an independent reader finds in a log -- */

struct log {
	char path[32];
	FILE *file;
};

static void open_log(struct log *log)
{
	if (system("python3 -c 'import zlib' 2>/dev/null") != 0)
		cr_skip_test("there is no Python here");
	strcpy(log->path, "/tmp/weir-test-XXXXXX");
	log->file = fdopen(mkstemp(log->path), "w");
	cr_assert_not_null(log->file);
	cr_assert_eq(hlog_write_head(log->file, START), 0);
}

static void add(struct log *log, const char *tag, uint64_t length_ns)
{
	struct hlog_interval interval = {.start_ns = START,
					 .length_ns = length_ns};

	strcpy(interval.tag, tag);
	cr_assert_eq(hlog_write(log->file, START, &interval, &h), 0);
}

static FILE *read_log(const struct log *log)
{
	char command[128];
	FILE *answer;

	fclose(log->file);
	snprintf(command, sizeof command,
		 "exec python3 tests/flood/read_hlog.py %s", log->path);
	answer = popen(command, "re");
	cr_assert_not_null(answer);
	return answer;
}

static void end_log(const struct log *log, FILE *answer)
{
	cr_assert_eq(fgetc(answer), EOF);
	cr_assert_eq(pclose(answer), 0);
	unlink(log->path);
}

/* The next tag is this one, with h in it. */
static void expect_tag(FILE *answer, const char *tag, uint64_t length_us)
{
	struct histogram_step step = {0};
	char name[HLOG_TAG_SIZE];
	uint64_t length;
	uint64_t max_ns;

	cr_assert_eq(fscanf(answer, "%31s %" SCNu64 " %" SCNu64, name, &length,
			    &max_ns),
		     3);
	cr_assert_str_eq(name, tag);
	cr_assert_eq(length, length_us);
	cr_assert_eq(max_ns, histogram_max(&h));
	while (histogram_next(&h, &step)) {
		uint64_t first;
		uint64_t n;

		cr_assert_eq(
			fscanf(answer, " %" SCNu64 ":%" SCNu64, &first, &n), 2);
		cr_assert_eq(first, step.first);
		cr_assert_eq(n, step.n);
	}
	cr_assert_eq(fgetc(answer), '\n');
}

static void expect_one(const char *tag)
{
	struct log log;
	FILE *answer;

	open_log(&log);
	add(&log, tag, SECOND + 1000);
	answer = read_log(&log);
	expect_tag(answer, tag[0] ? tag : "-", 1000001);
	end_log(&log, answer);
}

static void draw(size_t n)
{
	histogram_init(&h);
	while (n-- > 0)
		histogram_record(&h, harness_random() >>
					     (22 + harness_random_below(42)));
}

Test(hlog, a_histogram_is_read_as_it_was)
{
	for (unsigned i = 0; i < 10; i++) {
		draw(harness_random_below(5000));
		expect_one("latency");
	}
}

Test(hlog, an_interval_without_values_or_tag_is_one_too)
{
	histogram_init(&h);
	expect_one("");
}

Test(hlog, intervals_of_a_tag_add_up)
{
	static struct histogram sum;
	struct log log;
	FILE *answer;

	histogram_init(&sum);
	open_log(&log);
	for (unsigned i = 0; i < 5; i++) {
		draw(100);
		add(&log, "latency", SECOND);
		histogram_add(&sum, &h);
		add(&log, "service", SECOND / 2);
		histogram_add(&sum, &h);
		add(&log, "latency", SECOND);
	}
	answer = read_log(&log);
	h = sum;
	expect_tag(answer, "latency", 10000000);
	cr_assert_eq(fscanf(answer, "service %*[^\n]%*c"), 0);
	end_log(&log, answer);
}

Test(hlog, the_overflow_goes_with_it)
{
	histogram_init(&h);
	histogram_record(&h, 1000);
	histogram_record_n(&h, 5 * HOUR, 3);
	expect_one("latency");
}

/* More than one stored block, and counts of up to eight bytes. */
Test(hlog, a_full_histogram_of_large_counts_is_read_too)
{
	histogram_init(&h);
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
		h.slots[i] = 1 + (harness_random() >> (22 + i % 42));
	h.slots[7] = UINT64_C(1) << 51;
	for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
		h.count += h.slots[i];
	h.min = 0;
	h.max = 2 * HOUR;
	expect_one("latency");
}

/* -- the file -- */

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
