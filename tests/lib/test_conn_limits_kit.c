/* The kit of test_conn_limits.h. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>

struct conn_probe p;

void open_owing(const struct weir_conn_limits *limits)
{
	cr_assert_eq(conn_probe_open(&p, SNDBUF, limits), 0);
	cr_assert_eq(conn_probe_sendall(&p, MUCH), 0);
	conn_turns(2);
}

void expect_open(void)
{
	cr_assert(weir_conn_is_open(&p.conn));
}

void expect_end_by(enum weir_reason reason)
{
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.result.reason, reason);
	cr_assert_eq(p.result.error, 0);
	cr_assert_null(conn_loop->timers);
}
