/* What is no log: one clear error, and never a crash. */
#include "hlog.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "test_hlog.h"

TestSuite(hlog_damaged, .init = harness_begin, .fini = harness_end);

enum {
	N_MUTANTS = 3000,
	MAX_LOG = 1 << 18
};

static struct histogram h;
static char histogram_text[LOG_TEXT_SIZE];
static char log_text[LOG_TEXT_SIZE + 256];

/* Read to the end or to an error, which must name path and line, on one line
 * itself. Returns the error without its path, "" if there is none. */
static const char *read_all(const char *text, size_t n)
{
	static char error[HLOG_ERROR_SIZE];
	struct hlog_interval interval;
	struct hlog_reader reader;
	struct test_log log;
	int outcome;

	test_log_fill(&log, text, n);
	histogram_init(&h);
	cr_assert_eq(hlog_open(&reader, log.path), 0);
	while ((outcome = hlog_read(&reader, &interval, &h)) == 1)
		cr_assert_eq(interval.tag[HLOG_TAG_SIZE - 1], '\0');
	error[0] = '\0';
	if (outcome < 0) {
		size_t n_path = strlen(log.path);

		cr_assert_eq(strncmp(reader.error, log.path, n_path), 0);
		cr_assert_eq(strtoul(reader.error + n_path + 1, NULL, 10),
			     reader.line_number);
		cr_assert_null(strchr(reader.error, '\n'));
		strcpy(error, reader.error + n_path + 1);
	}
	hlog_close(&reader);
	test_log_close(&log);
	return error;
}

Test(hlog_damaged, a_file_that_cannot_be_read_is_named_with_its_cause)
{
	struct hlog_interval interval;
	struct hlog_reader reader;

	cr_assert_eq(hlog_open(&reader, "/nowhere/x.hlog"), -1);
	cr_assert_str_eq(reader.error,
			 "/nowhere/x.hlog: No such file or directory");
	hlog_close(&reader);
	cr_assert_eq(hlog_open(&reader, "/"), 0);
	cr_assert_eq(hlog_read(&reader, &interval, &h), -1);
	cr_assert_str_eq(reader.error, "/: Is a directory");
	hlog_close(&reader);
}

Test(hlog_damaged, a_line_that_is_none_is_told_with_what_was_expected)
{
#define LINE "expected [Tag=NAME,]START,LENGTH,MAX,HISTOGRAM"
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"hello\n", "1: " LINE},
		{"#\n\n1,2\n", "3: " LINE},
		{"-1,2,3,x\n", "1: " LINE},
		{"1,2,3;x\n", "1: " LINE},
		{"nan,2,3,x\n", "1: " LINE},
		{"1,2,,x\n", "1: " LINE},
		{"1,99999999999,3,x\n", "1: " LINE},
		{"1,2,18446744073709551616,x\n", "1: " LINE},
		{"Tag=abc\n", "1: expected a tag of at most 31 bytes and a "
			      "comma"},
		{"Tag=12345678901234567890123456789012,1,2,3,x\n",
		 "1: expected a tag of at most 31 bytes and a comma"},
		{"#[StartTime: soon]\n",
		 "1: expected a time in seconds since 1970"},
		{"#[BaseTime: -1]\n",
		 "1: expected a time in seconds since 1970"},
		{"1,2,3,HIST!\n", "1: expected a histogram in base64"},
		{"1,2,3,\n", "1: expected a histogram with its head"},
		{"1,2,3,HIST\n", "1: expected a histogram with its head"},
		{"1,2,3,AAAAAAAAAAAA\n", "1: expected a compressed histogram "
					 "in HdrHistogram's encoding V2"},
		{"1,2,3,HISTFAAAAAgAAA==\n",
		 "1: expected a compressed histogram that is complete"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_assert_str_eq(read_all(cases[i].text, strlen(cases[i].text)),
				 cases[i].error);
}

Test(hlog_damaged, a_line_without_end_is_refused_and_not_collected)
{
	size_t n = (4 << 20) + 10;
	char *text = malloc(n);

	cr_assert_not_null(text);
	memset(text, '#', n);
	cr_assert_str_eq(read_all(text, n),
			 "1: expected lines of text, of at most 4 MiB");
	free(text);
}

static const char *read_counts(unsigned digits, uint64_t lowest,
			       const uint8_t *counts, size_t n)
{
	test_log_encode_counts(histogram_text, digits, lowest, counts, n);
	(void)snprintf(log_text, sizeof log_text, "1,1,1,%s\n", histogram_text);
	return read_all(log_text, strlen(log_text));
}

Test(hlog_damaged, counts_that_make_no_sense_are_refused)
{
	static const uint8_t one[] = {2};
	static const uint8_t cut[] = {2, 0x80};
	static const uint8_t many[] = {0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xfe};
	/* behind 2048 empty slots, and each 16 of them are a doubling */
	static const uint8_t high[] = {0xff, 0x1f, 2};

	cr_assert_str_empty(read_counts(3, 1, one, sizeof one));
	cr_assert_eq(histogram_count(&h), 1);
	cr_assert_str_eq(read_counts(6, 1, one, sizeof one),
			 "1: expected a histogram of whole numbers with 0 to 5 "
			 "digits");
	cr_assert_str_eq(read_counts(3, 0, one, sizeof one),
			 "1: expected a histogram of whole numbers with 0 to 5 "
			 "digits");
	cr_assert_str_eq(read_counts(3, 1, cut, sizeof cut),
			 "1: expected counts that are complete");
	cr_assert_str_eq(read_counts(3, 1, many, sizeof many),
			 "1: expected fewer than 2^53 values");
	cr_assert_str_eq(read_counts(1, 1, high, sizeof high),
			 "1: expected values below 2^63");
	cr_assert_str_eq(read_counts(3, UINT64_C(1) << 60, one, sizeof one),
			 "1: expected values below 2^63");
}

/* A histogram: its head, and 12 bytes of counts. */
static const uint8_t whole[] = {
	0x1c, 0x84, 0x93, 0x13, 0, 0,	 0,    12,   0,	   0,	 0, 0, 0,
	0,    0,    3,	  0,	0, 0,	 0,    0,    0,	   0,	 1, 0, 0,
	4,    0,    0,	  0,	0, 0,	 0x3f, 0xf0, 0,	   0,	 0, 0, 0,
	0,    9,    2,	  7,	4, 0x81, 2,    6,    0xff, 0x10, 8, 2, 2};

static const char *read_bytes(const uint8_t *bytes, size_t n)
{
	test_log_encode(histogram_text, bytes, n);
	(void)snprintf(log_text, sizeof log_text, "1,1,1,%s\n", histogram_text);
	return read_all(log_text, strlen(log_text));
}

Test(hlog_damaged, a_head_that_makes_no_sense_is_refused)
{
	uint8_t bytes[sizeof whole];

	cr_assert_str_empty(read_bytes(whole, sizeof whole));
	cr_assert_str_eq(read_bytes(whole, 39),
			 "1: expected a histogram with its head");
	memcpy(bytes, whole, sizeof whole);
	bytes[7]++;
	cr_assert_str_eq(read_bytes(bytes, sizeof bytes),
			 "1: expected counts as long as they say");
	bytes[3] = 8; /* the encoding before this one */
	cr_assert_str_eq(read_bytes(bytes, sizeof bytes),
			 "1: expected a histogram in HdrHistogram's encoding "
			 "V2");
}

/* Two slots of 2 each, in a layout of one digit that begins at 1024: from
 * 32 * 1024 on they are 2048 wide. */
Test(hlog_damaged, coarser_values_are_taken_for_the_middle_of_their_slot)
{
	static const uint8_t counts[] = {2 * 33 - 1, 4, 4};
	struct histogram_step step = {0};

	cr_assert_str_empty(read_counts(1, 1024, counts, sizeof counts));
	cr_assert_eq(histogram_count(&h), 4);
	cr_assert_eq(histogram_min(&h), 34 * 1024);
	cr_assert_eq(histogram_max(&h), 38 * 1024 - 1);
	cr_assert(histogram_next(&h, &step));
	cr_assert_eq(step.first, 35 * 1024);
	cr_assert_eq(step.n, 2);
	cr_assert(histogram_next(&h, &step));
	cr_assert_eq(step.first, 37 * 1024);
}

/* -- mutants -- */

static char *mutant;

static size_t draw(size_t n)
{
	return harness_random_below(n);
}

/* Change, cut out or double a few bytes of n; how many there are then. */
static size_t mutate(char *bytes, size_t n)
{
	static const char good[] = "0123456789.,=\n#AHSITagx/+\r\"-";

	for (size_t left = 1 + draw(4); left > 0 && n > 0; left--) {
		size_t at = draw(n);
		size_t length = 1 + draw(n - at < 40 ? n - at : 40);

		switch (draw(5)) {
		case 0:
			bytes[at] ^= (char)(1 << draw(8));
			break;
		case 1:
			bytes[at] = good[draw(sizeof good)];
			break;
		case 2:
			memmove(bytes + at, bytes + at + length,
				n - at - length);
			n -= length;
			break;
		case 3:
			memmove(bytes + at + length, bytes + at, n - at);
			n += length;
			break;
		default:
			if (draw(10) == 0)
				n = at;
		}
	}
	return n;
}

/* A log of two intervals; its length. */
static size_t make_log(char *text)
{
	struct test_log log;
	size_t n;

	test_log_open(&log);
	hlog_write_head(log.file, 1);
	histogram_init(&h);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < 20; j++)
			histogram_record(&h, harness_random() >> draw(64));
		hlog_write(log.file, 1,
			   &(struct hlog_interval){"latency", 1 + i, 1}, &h);
	}
	rewind(log.file);
	n = fread(text, 1, MAX_LOG / 2, log.file);
	test_log_close(&log);
	return n;
}

Test(hlog_damaged, mutants_of_a_log_are_read_or_refused)
{
	static char original[MAX_LOG];
	size_t n = make_log(original);
	unsigned n_refused = 0;

	mutant = malloc(MAX_LOG);
	cr_assert_not_null(mutant);
	for (unsigned i = 0; i < N_MUTANTS; i++) {
		memcpy(mutant, original, n);
		n_refused += read_all(mutant, mutate(mutant, n))[0] != '\0';
	}
	cr_log_info("%u of %d refused", n_refused, N_MUTANTS);
	cr_assert_gt(n_refused, N_MUTANTS / 2);
	cr_assert_lt(n_refused, N_MUTANTS);
	free(mutant);
}

/* Behind a checksum that is right: what only the last step can refuse. */
Test(hlog_damaged, mutants_of_counts_are_read_or_refused)
{
	unsigned n_refused = 0;

	mutant = malloc(MAX_LOG);
	cr_assert_not_null(mutant);
	for (unsigned i = 0; i < N_MUTANTS; i++) {
		size_t n = sizeof whole;

		memcpy(mutant, whole, n);
		n = mutate(mutant, n);
		n_refused += read_bytes((const uint8_t *)mutant, n)[0] != '\0';
	}
	cr_log_info("%u of %d refused", n_refused, N_MUTANTS);
	cr_assert_gt(n_refused, N_MUTANTS / 5);
	cr_assert_lt(n_refused, N_MUTANTS);
	free(mutant);
}
