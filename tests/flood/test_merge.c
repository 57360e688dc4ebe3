#include "merge.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "test_hlog.h"

TestSuite(merge, .init = harness_begin, .fini = harness_end);

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1767225600) * SECOND)
#define HOUR   (3600 * SECOND)

static struct histogram h;
static struct histogram truth;

/* A generator's log, begun so many seconds after the first: an interval each
 * second for each tag. What "latency" gets goes into truth too. */
static void write_log(struct test_log *log, uint64_t delay_s,
		      unsigned n_seconds)
{
	uint64_t base_ns = START + delay_s * SECOND;

	test_log_open(log);
	histogram_init(&h);
	hlog_write_head(log->file, base_ns);
	for (unsigned i = 0; i < n_seconds; i++) {
		struct hlog_interval interval = {"lateness",
						 base_ns + i * SECOND, SECOND};

		histogram_clear(&h);
		histogram_record(&h, 1000 + i);
		hlog_write(log->file, base_ns, &interval, &h);
		strcpy(interval.tag, "latency");
		histogram_clear(&h);
		for (unsigned n = 0; n < 1000; n++)
			histogram_record(&h, harness_random() >> (30 + n % 30));
		histogram_add(&truth, &h);
		hlog_write(log->file, base_ns, &interval, &h);
	}
}

static void read_back(FILE *file, char *text, size_t size)
{
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
}

Test(merge, the_sum_of_logs_is_one_measurement)
{
	/* of each: when it begins, and for how long it lasts */
	static const unsigned spans_s[3][2] = {{5, 12}, {0, 4}, {10, 6}};
	struct merge merge = {0};
	struct test_log logs[3];

	histogram_init(&truth);
	for (unsigned i = 0; i < 3; i++) {
		write_log(&logs[i], spans_s[i][0], spans_s[i][1]);
		cr_assert_eq(merge_add(&merge, logs[i].path), 0, "%s",
			     merge.error);
	}
	cr_assert_eq(merge.n_logs, 3);
	cr_assert_eq(merge.n_tags, 2);
	cr_assert_eq(merge.n_intervals, 44);
	cr_assert_eq(merge.start_ns, START);
	cr_assert_eq(merge.end_ns, START + 17 * SECOND);
	cr_assert_null(merge_find(&merge, "service"));
	cr_assert_eq(histogram_count(merge_find(&merge, "lateness")), 22);
	/* but for min, which logs tell to 3 digits */
	truth.min = merge_find(&merge, "latency")->min;
	cr_assert_eq(
		memcmp(merge_find(&merge, "latency"), &truth, sizeof truth), 0);
	merge_close(&merge);
	for (unsigned i = 0; i < 3; i++)
		test_log_close(&logs[i]);
}

Test(merge, the_table_of_percentiles_is_that_of_the_latency)
{
	struct merge merge = {0};
	struct test_log log;
	struct test_log out;
	char text[8192];

	histogram_init(&truth);
	write_log(&log, 0, 3);
	cr_assert_eq(merge_add(&merge, log.path), 0);
	cr_assert_str_eq(merge.tags[0].name, "lateness");
	test_log_open(&out);
	cr_assert_eq(merge_hgrm(out.file, &merge), 0);
	read_back(out.file, text, sizeof text);
	cr_assert_not_null(strstr(text, "Total count    =           3000]"));
	merge_close(&merge);
	test_log_close(&log);
	test_log_close(&out);
}

Test(merge, a_merged_log_is_a_log)
{
	struct merge merge = {0};
	struct merge again = {0};
	struct test_log logs[2];

	histogram_init(&truth);
	write_log(&logs[0], 0, 5);
	cr_assert_eq(merge_add(&merge, logs[0].path), 0);
	test_log_open(&logs[1]);
	cr_assert_eq(merge_hlog(logs[1].file, &merge), 0);
	cr_assert_eq(merge_add(&again, logs[1].path), 0);
	cr_assert_eq(again.n_tags, 2);
	cr_assert_eq(again.n_intervals, 2);
	cr_assert_eq(again.start_ns, START);
	cr_assert_eq(again.end_ns, START + 5 * SECOND);
	cr_assert_eq(memcmp(merge_find(&merge, "latency"),
			    merge_find(&again, "latency"), sizeof truth),
		     0);
	merge_close(&merge);
	merge_close(&again);
	test_log_close(&logs[0]);
	test_log_close(&logs[1]);
}

/* -- what cannot be added -- */

static void expect_error(const char *text, const char *error)
{
	struct merge merge = {0};
	struct test_log log;
	char line[HLOG_ERROR_SIZE];

	test_log_fill(&log, text, strlen(text));
	cr_assert_eq(merge_add(&merge, log.path), -1);
	snprintf(line, sizeof line, "%s:%s", log.path, error);
	cr_assert_str_eq(merge.error, line);
	merge_close(&merge);
	test_log_close(&log);
}

Test(merge, an_error_says_file_line_and_what_was_expected)
{
	struct merge merge = {0};

	cr_assert_eq(merge_add(&merge, "/nowhere"), -1);
	cr_assert_str_eq(merge.error, "/nowhere: No such file or directory");
	merge_close(&merge);
	expect_error("", "1: expected an interval before the end");
	expect_error("#\n#\n", "3: expected an interval before the end");
	expect_error("x\n",
		     "1: expected [Tag=NAME,]START,LENGTH,MAX,HISTOGRAM");
}

Test(merge, tags_are_counted_and_more_than_eight_refused)
{
	struct merge merge = {0};
	struct test_log log;
	char line[HLOG_ERROR_SIZE];

	test_log_open(&log);
	histogram_init(&h);
	for (unsigned i = 0; i < 9; i++) {
		struct hlog_interval interval = {"", START, SECOND};

		snprintf(interval.tag, sizeof interval.tag, "tag-%u", i);
		hlog_write(log.file, START, &interval, &h);
	}
	cr_assert_eq(merge_add(&merge, log.path), -1);
	snprintf(line, sizeof line,
		 "%s:9: expected no more than 8 different tags", log.path);
	cr_assert_str_eq(merge.error, line);
	merge_close(&merge);
	test_log_close(&log);
}

/* -- what is printed -- */

/* Latencies of 1 ms, 99 times, and of 2 hours; and nothing under a tag with a
 * long name. */
static void add_known(struct merge *merge)
{
	struct hlog_interval interval = {"latency", START, 10 * SECOND};
	struct test_log log;

	test_log_open(&log);
	histogram_init(&h);
	histogram_record_n(&h, 1000000, 99);
	histogram_record(&h, 2 * HOUR);
	hlog_write_head(log.file, START);
	hlog_write(log.file, START, &interval, &h);
	strcpy(interval.tag, "something-else-altogether");
	histogram_clear(&h);
	hlog_write(log.file, START, &interval, &h);
	cr_assert_eq(merge_add(merge, log.path), 0);
	test_log_close(&log);
}

Test(merge, the_table_has_a_column_for_each_tag_and_units_in_each_row)
{
	struct merge merge = {0};
	struct test_log out;
	char text[2048];

	add_known(&merge);
	test_log_open(&out);
	cr_assert_eq(merge_print(out.file, &merge), 0);
	read_back(out.file, text, sizeof text);
	cr_assert_str_eq(
		text, "1 log, 2 intervals, 10.0 s from 2026-01-01T00:00:00Z\n"
		      "\n"
		      "                latency something-else-altogether\n"
		      "samples             100                         0\n"
		      "rate             10.0/s                    0.00/s\n"
		      "min             1.00 ms                      0 ns\n"
		      "mean             36.0 s                      0 ns\n"
		      "p50             1.00 ms                      0 ns\n"
		      "p90             1.00 ms                      0 ns\n"
		      "p99             1.00 ms                      0 ns\n"
		      "p99.9            >= 1 h                      0 ns\n"
		      "p99.99           >= 1 h                      0 ns\n"
		      "max              7200 s                      0 ns\n"
		      ">= 1 h                1                         0\n");
	merge_close(&merge);
	test_log_close(&out);
}

Test(merge, json_and_the_table_of_percentiles_tell_the_same)
{
	static const char *const parts[] = {
		"\"logs\": 1,",
		"\"intervals\": 2,",
		"\"seconds\": 10,",
		"\"latency_ns\": {",
		"\"p50\": 1000447,",
		"\"p90\": 1000447,",
		"\"p99\": 1000447,",
		"\"p999\": 3601330077696,",
		"\"max\": 7200000000000,",
		"\"mean\": 36014290967.04,",
		"\"count\": 100,",
		"\"overflow\": 1\n",
		"\"something-else-altogether_ns\": {",
		"\"overflow\": 0\n"};
	struct merge merge = {0};
	struct test_log out;
	char text[8192];

	add_known(&merge);
	test_log_open(&out);
	cr_assert_eq(merge_json(out.file, &merge), 0);
	read_back(out.file, text, sizeof text);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		cr_assert_not_null(strstr(text, parts[i]), "%s: %s", parts[i],
				   text);
	test_log_close(&out);
	test_log_open(&out);
	cr_assert_eq(merge_hgrm(out.file, &merge), 0);
	read_back(out.file, text, sizeof text);
	cr_assert_not_null(strstr(text, "#[Max     = 7200000.000000, "
					"Total count    =            100]"));
	test_log_close(&out);
	merge_close(&merge);
}

/* -- weir-flood --merge -- */

/* Standard output and error go to logs while merge_run runs. */
static enum flood_status run(const struct flood_settings *settings, char *out,
			     char *err, size_t size)
{
	enum flood_status status;
	struct test_log logs[2];
	int kept[2];

	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		test_log_open(&logs[i]);
		kept[i] = dup(i + 1);
		cr_assert_eq(dup2(fileno(logs[i].file), i + 1), i + 1);
	}
	status = merge_run(settings);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(dup2(kept[i], i + 1), i + 1);
		close(kept[i]);
	}
	read_back(logs[0].file, out, size);
	read_back(logs[1].file, err, size);
	test_log_close(&logs[0]);
	test_log_close(&logs[1]);
	return status;
}

Test(merge, a_run_prints_the_table_and_writes_what_is_asked_for)
{
	struct test_log logs[3];
	char *paths[] = {logs[0].path, logs[1].path};
	struct flood_settings settings = {.merge_paths = paths,
					  .n_merge_paths = 2};
	char out[8192];
	char err[8192];

	write_log(&logs[0], 0, 2);
	write_log(&logs[1], 2, 2);
	cr_assert_eq(run(&settings, out, err, sizeof out), FLOOD_DONE);
	cr_assert_eq(strncmp(out, "2 logs, 8 intervals, 4.00 s from", 32), 0,
		     "%s", out);
	cr_assert_str_empty(err);

	/* JSON in its place, and the table where it can still be seen */
	test_log_open(&logs[2]);
	settings.json_path = "-";
	settings.hlog_path = logs[2].path;
	cr_assert_eq(run(&settings, out, err, sizeof out), FLOOD_DONE);
	cr_assert_eq(out[0], '{');
	cr_assert_eq(strncmp(err, "2 logs", 6), 0, "%s", err);
	read_back(logs[2].file, out, sizeof out);
	cr_assert_eq(strncmp(out, "#[Histogram log", 15), 0);
	for (unsigned i = 0; i < 3; i++)
		test_log_close(&logs[i]);
}

Test(merge, a_run_that_cannot_read_or_write_says_so_in_one_line)
{
	struct test_log log;
	char *paths[] = {log.path, (char[]){"/nowhere"}};
	struct flood_settings settings = {.merge_paths = paths,
					  .n_merge_paths = 2};
	char out[8192];
	char err[8192];

	write_log(&log, 0, 1);
	cr_assert_eq(run(&settings, out, err, sizeof out), FLOOD_REFUSED);
	cr_assert_str_empty(out);
	cr_assert_str_eq(err,
			 "weir-flood: /nowhere: No such file or directory\n");
	settings.n_merge_paths = 1;
	settings.hgrm_path = "/dev/full";
	cr_assert_eq(run(&settings, out, err, sizeof out), FLOOD_FAILED);
	cr_assert_str_eq(err,
			 "weir-flood: /dev/full: No space left on device\n");
	settings.hgrm_path = "/nowhere/x";
	cr_assert_eq(run(&settings, out, err, sizeof out), FLOOD_FAILED);
	cr_assert_str_eq(err,
			 "weir-flood: /nowhere/x: No such file or directory\n");
	test_log_close(&log);
}
