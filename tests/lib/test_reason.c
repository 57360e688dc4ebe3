#include <criterion/criterion.h>

#include <weir/reason.h>

Test(reason, every_reason_has_the_name_that_is_written_here)
{
	static const char *const names[WEIR_N_REASONS] = {
		[WEIR_REASON_FINISHED] = "finished",
		[WEIR_REASON_PEER_CLOSED] = "peer_closed",
		[WEIR_REASON_RESET] = "reset",
		[WEIR_REASON_ABORTED] = "aborted",
		[WEIR_REASON_STALLED] = "stalled",
		[WEIR_REASON_TOO_SLOW] = "too_slow",
		[WEIR_REASON_IDLE] = "idle",
		[WEIR_REASON_LINGER] = "linger",
		[WEIR_REASON_BUDGET] = "budget",
		[WEIR_REASON_INPUT_LIMIT] = "input_limit",
		[WEIR_REASON_ERROR] = "error",
	};
	int i;

	for (i = 0; i < WEIR_N_REASONS; i++) {
		cr_assert_not_null(names[i], "this test lacks reason %d", i);
		cr_expect_str_eq(weir_reason_name((enum weir_reason)i),
				 names[i]);
	}
}

Test(reason, a_number_that_is_no_reason_has_no_name)
{
	cr_expect_null(weir_reason_name(WEIR_N_REASONS));
	cr_expect_null(weir_reason_name((enum weir_reason)99));
}
