#include <criterion/criterion.h>

#include "utf8.h"

Test(utf8, the_first_and_the_last_character_of_each_length_is_measured)
{
	cr_expect_eq(utf8_length("\x01"), 1);
	cr_expect_eq(utf8_length("\x7f"), 1);
	cr_expect_eq(utf8_length("\xc2\x80"), 2);
	cr_expect_eq(utf8_length("\xdf\xbf"), 2);
	cr_expect_eq(utf8_length("\xe0\xa0\x80"), 3);
	cr_expect_eq(utf8_length("\xef\xbf\xbf"), 3);
	cr_expect_eq(utf8_length("\xf0\x90\x80\x80"), 4);
	cr_expect_eq(utf8_length("\xf4\x8f\xbf\xbf"), 4);
}

Test(utf8, the_end_of_the_text_is_a_character)
{
	cr_expect_eq(utf8_length(""), 1);
}

static void expect_no_length(const char *const *texts)
{
	for (size_t i = 0; texts[i]; i++)
		cr_expect_eq(utf8_length(texts[i]), 0, "%zu", i);
}

Test(utf8, what_no_character_begins_with_has_no_length)
{
	static const char *const texts[] = {"\x80", "\xbf", "\xf5\x80\x80\x80",
					    "\xff", NULL};

	expect_no_length(texts);
}

Test(utf8, overlong_forms_surrogates_and_what_is_too_high_have_no_length)
{
	static const char *const texts[] = {"\xc0\x80",
					    "\xc1\xbf",
					    "\xe0\x9f\xbf",
					    "\xed\xa0\x80",
					    "\xf0\x8f\xbf\xbf",
					    "\xf4\x90\x80\x80",
					    NULL};

	expect_no_length(texts);
}

Test(utf8, a_character_that_is_cut_off_has_no_length)
{
	static const char *const texts[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x98",
					    "\xe2\x28\xa1", NULL};

	expect_no_length(texts);
}
