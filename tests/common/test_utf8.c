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

Test(utf8, what_no_character_begins_with_has_no_length)
{
	cr_expect_eq(utf8_length("\x80"), 0);
	cr_expect_eq(utf8_length("\xbf"), 0);
	cr_expect_eq(utf8_length("\xf5\x80\x80\x80"), 0);
	cr_expect_eq(utf8_length("\xff"), 0);
}

Test(utf8, overlong_forms_surrogates_and_what_is_too_high_have_no_length)
{
	cr_expect_eq(utf8_length("\xc0\x80"), 0);
	cr_expect_eq(utf8_length("\xc1\xbf"), 0);
	cr_expect_eq(utf8_length("\xe0\x9f\xbf"), 0);
	cr_expect_eq(utf8_length("\xed\xa0\x80"), 0);
	cr_expect_eq(utf8_length("\xf0\x8f\xbf\xbf"), 0);
	cr_expect_eq(utf8_length("\xf4\x90\x80\x80"), 0);
}

Test(utf8, a_character_that_is_cut_off_has_no_length)
{
	cr_expect_eq(utf8_length("\xc3"), 0);
	cr_expect_eq(utf8_length("\xe2\x82"), 0);
	cr_expect_eq(utf8_length("\xf0\x9f\x98"), 0);
	cr_expect_eq(utf8_length("\xe2\x28\xa1"), 0);
}
