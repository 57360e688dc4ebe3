#include "buf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fault.h"
#include "harness.h"

TestSuite(buf, .init = harness_begin, .fini = harness_end);

Test(buf, holds_as_many_bytes_as_asked_for)
{
	struct weir_buf *buf = weir_buf_new(1000);

	cr_assert_not_null(buf);
	cr_assert_eq(weir_buf_size(buf), 1000);
	harness_fill(weir_buf_data(buf), 1000, 1, 0);
	harness_check(weir_buf_data(buf), 1000, 1, 0);
	cr_assert_eq(weir_buf_size(buf), 1000);
	cr_assert_geq(fault_n_live_bytes(), 1000);
	weir_buf_unref(buf);
}

Test(buf, is_one_allocation_with_little_more_than_the_payload)
{
	struct weir_buf *buf = weir_buf_new(100);

	cr_assert_eq(fault_n_live(), 1);
	cr_assert_leq(fault_n_live_bytes(), 100 + 32);
	weir_buf_unref(buf);
}

Test(buf, the_last_unref_frees_it)
{
	struct weir_buf *buf = weir_buf_new(1);

	cr_assert_eq(weir_buf_ref(buf), buf);
	cr_assert_eq(weir_buf_ref(buf), buf);
	weir_buf_unref(buf);
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), 1);
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), 0);
}

Test(buf, references_share_the_bytes)
{
	struct weir_buf *buf = weir_buf_new(4);
	struct weir_buf *same = weir_buf_ref(buf);

	memcpy(weir_buf_data(buf), "weir", 4);
	weir_buf_unref(buf);
	cr_assert_arr_eq(weir_buf_data(same), "weir", 4);
	weir_buf_unref(same);
}

Test(buf, unref_of_null_is_allowed)
{
	weir_buf_unref(NULL);
}

Test(buf, may_be_empty)
{
	struct weir_buf *buf = weir_buf_new(0);

	cr_assert_not_null(buf);
	cr_assert_eq(weir_buf_size(buf), 0);
	weir_buf_unref(buf);
}

Test(buf, is_null_without_memory)
{
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_null(weir_buf_new(10));
	cr_assert_eq(fault_n_pending(), 0);
}

Test(buf, is_null_for_a_size_that_would_wrap)
{
	cr_assert_null(weir_buf_new(SIZE_MAX));
	cr_assert_null(weir_buf_new(SIZE_MAX - 8));
}
