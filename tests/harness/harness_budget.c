#include "harness_budget.h"

#include <criterion/criterion.h>

#include "conn_inside.h"

enum {
	SNDBUF = 4608,
	/* more than such a kernel takes */
	LARGE = 20000
};

const struct weir_conn_limits budget_unthrottled = {
	.flags = WEIR_CONN_NO_THROTTLE};

struct conn_probe budget_probes[BUDGET_N_PROBES];

void budget_open_all(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		cr_assert_eq(conn_probe_open(&budget_probes[i], SNDBUF,
					     &budget_unthrottled),
			     0);
}

void budget_stall_all(size_t n)
{
	size_t i;

	budget_open_all(n);
	for (i = 0; i < n; i++)
		cr_assert_lt(conn_probe_send(&budget_probes[i], LARGE), LARGE);
}

void budget_set(size_t high, size_t low)
{
	cr_assert_eq(weir_loop_budget(conn_loop, high, low), 0);
}

size_t budget_n_used(void)
{
	struct weir_loop_stats stats;

	weir_loop_stats(conn_loop, &stats);
	cr_assert_eq(stats.n_queue_bytes, conn_loop->pool.n_used_bytes);
	return stats.n_queue_bytes;
}

bool budget_is_victim(const struct conn_probe *probe)
{
	return probe->conn.state.phase >= WEIR_PHASE_CLOSING &&
	       probe->conn.reason == WEIR_REASON_BUDGET;
}
