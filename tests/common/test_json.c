#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "harness.h"
#include "document.h"

TestSuite(json, .init = harness_begin, .fini = harness_end);

/* The one value that write makes is to be written like this. */
static void expect_written(void (*write)(struct json *json), const char *text)
{
	struct document document;
	struct json json;

	document_open(&document);
	json_open(&json, document.out);
	write(&json);
	cr_expect_eq(json_close(&json), 0);
	document_close(&document);
	cr_expect_str_eq(document.text, text);
	document_free(&document);
}

/* -- layout -- */

static void write_empty_ones(struct json *json)
{
	json_object(json, NULL);
	json_object(json, "o");
	json_end(json);
	json_array(json, "a");
	json_end(json);
	json_end(json);
}

Test(json, what_is_empty_stays_on_its_line)
{
	expect_written(write_empty_ones, "{\n  \"o\": {},\n  \"a\": []\n}\n");
}

static void write_lists(struct json *json)
{
	json_object(json, NULL);
	json_array(json, "plain");
	json_count(json, NULL, 1);
	json_null(json, NULL);
	json_end(json);
	json_array(json, "objects");
	for (uint64_t i = 0; i < 2; i++) {
		json_object(json, NULL);
		json_count(json, "i", i);
		json_array(json, "of");
		json_bool(json, NULL, i > 0);
		json_end(json);
		json_end(json);
	}
	json_end(json);
	json_object(json, "nested");
	json_object(json, "last");
	json_integer(json, "i", -1);
	json_end(json);
	json_end(json);
	json_end(json);
}

Test(json, an_array_has_its_values_on_one_line_and_each_object_on_its_own)
{
	expect_written(write_lists, "{\n"
				    "  \"plain\": [1, null],\n"
				    "  \"objects\": [\n"
				    "    {\"i\": 0, \"of\": [false]},\n"
				    "    {\"i\": 1, \"of\": [true]}\n"
				    "  ],\n"
				    "  \"nested\": {\n"
				    "    \"last\": {\n"
				    "      \"i\": -1\n"
				    "    }\n"
				    "  }\n"
				    "}\n");
}

static void write_lone_value(struct json *json)
{
	json_string(json, NULL, "alone");
}

Test(json, a_value_can_be_all_there_is)
{
	expect_written(write_lone_value, "\"alone\"\n");
}

/* -- values -- */

static void write_extremes(struct json *json)
{
	json_array(json, NULL);
	json_count(json, NULL, UINT64_MAX);
	json_integer(json, NULL, INT64_MIN);
	json_string(json, NULL, NULL);
	json_end(json);
}

Test(json, whole_numbers_keep_every_digit_and_no_text_is_null)
{
	expect_written(write_extremes,
		       "[18446744073709551615, -9223372036854775808, null]\n");
}

static void write_numbers(struct json *json)
{
	const double numbers[] = {0, 0.1, 1000000, 1.0 / 3, -2.5e-300, 1e22};

	json_array(json, NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		json_number(json, NULL, numbers[i]);
	json_end(json);
}

Test(json, numbers_have_no_more_digits_than_they_need)
{
	expect_written(write_numbers, "[0, 0.1, 1000000, 0.3333333333333333, "
				      "-2.5e-300, 1e+22]\n");
}

static void write_no_numbers(struct json *json)
{
	json_array(json, NULL);
	json_number(json, NULL, (double)NAN);
	json_number(json, NULL, (double)INFINITY);
	json_number(json, NULL, -(double)INFINITY);
	json_end(json);
}

Test(json, what_is_no_number_is_null)
{
	expect_written(write_no_numbers, "[null, null, null]\n");
}

Test(json, every_number_reads_back_as_itself)
{
	for (int i = 0; i < 2000; i++) {
		struct document document;
		uint64_t bits = harness_random();
		struct json json;
		double number;
		double back;

		memcpy(&number, &bits, sizeof number);
		if (!isfinite(number))
			continue;
		document_open(&document);
		json_open(&json, document.out);
		json_number(&json, NULL, number);
		cr_assert_eq(json_close(&json), 0);
		document_close(&document);
		back = strtod(document.text, NULL);
		cr_assert_eq(memcmp(&back, &number, sizeof back), 0, "%s",
			     document.text);
		document_free(&document);
	}
}

static void write_texts(struct json *json)
{
	json_array(json, NULL);
	json_string(json, NULL, "say \"\\n\" \n\t\r\x01\x7f");
	json_string(json, NULL, "\xc3\xa9 \xff\xed\xa0\x80");
	json_end(json);
}

Test(json, what_a_string_may_not_hold_is_escaped_or_replaced)
{
	expect_written(write_texts,
		       "[\"say \\\"\\\\n\\\" \\n\\t\\u000d\\u0001\\u007f\", "
		       "\"\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		       "\xef\xbf\xbd\"]\n");
}

/* -- the whole -- */

static void write_all_bytes(struct json *json)
{
	char key[] = "key ?";

	json_object(json, NULL);
	for (int c = 1; c < 256; c++) {
		key[4] = (char)c;
		json_string(json, c < 128 ? key : "other", key);
	}
	json_array(json, "deep");
	for (int i = 0; i < JSON_MAX_DEPTH - 2; i++)
		json_array(json, NULL);
	for (int i = 0; i < JSON_MAX_DEPTH - 2; i++)
		json_end(json);
	json_end(json);
	json_end(json);
}

Test(json, another_parser_reads_all_bytes_and_the_greatest_depth)
{
	struct document document;
	struct json json;

	document_open(&document);
	json_open(&json, document.out);
	write_all_bytes(&json);
	cr_expect_eq(json_close(&json), 0);
	document_close(&document);
	document_check_json(document.text, "it['key \\x01'] == 'key \\x01'\n"
					   "it['key \"'] == 'key \"'\n"
					   "it['other'] == 'key \\ufffd'\n"
					   "len(it) == 129\n");
	document_free(&document);
}

Test(json, a_full_disk_is_told_at_the_end)
{
	FILE *full = fopen("/dev/full", "we");
	struct json json;

	cr_assert_not_null(full);
	json_open(&json, full);
	json_array(&json, NULL);
	for (uint64_t i = 0; i < 10000; i++)
		json_count(&json, NULL, i);
	json_end(&json);
	cr_expect_eq(json_close(&json), -ENOSPC);
	(void)fclose(full);
}

/* -- the wrong place -- */

static struct json *open_nowhere(void)
{
	static struct json json;

	json_open(&json, fopen("/dev/null", "we"));
	return &json;
}

Test(json, a_value_in_an_object_must_have_a_key, .signal = SIGABRT)
{
	struct json *json = open_nowhere();

	json_object(json, NULL);
	json_null(json, NULL);
}

Test(json, a_value_in_an_array_must_not_have_a_key, .signal = SIGABRT)
{
	struct json *json = open_nowhere();

	json_array(json, NULL);
	json_null(json, "key");
}

Test(json, there_is_but_one_outermost_value, .signal = SIGABRT)
{
	struct json *json = open_nowhere();

	json_null(json, NULL);
	json_null(json, NULL);
}

Test(json, what_is_open_must_be_ended, .signal = SIGABRT)
{
	struct json *json = open_nowhere();

	json_array(json, NULL);
	json_close(json);
}
