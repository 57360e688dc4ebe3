/* Input that is kept counts in the budget of its loop. The suite is declared in
 * test_conn_budget.c. */
#include "loop.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_budget.h"
#include "harness_conn.h"

enum {
	N = 100,
	UNFINISHED = 30000,
	LARGE = 20000,
	HIGH = 400000,
	LOW = 300000
};

static struct conn_probe *const probes = budget_probes;

static size_t n_input(void)
{
	struct weir_loop_stats stats;

	weir_loop_stats(conn_loop, &stats);
	return stats.n_input_bytes;
}

/* Have n more bytes kept, and none consumed. */
static void leave(struct conn_probe *probe, size_t n)
{
	probe->take = 0;
	conn_probe_write(probe, n);
	conn_turns(2);
}

Test(conn_budget, kept_input_is_shown_and_gone_when_it_is_consumed)
{
	budget_open_all(1);
	leave(&probes[0], UNFINISHED);
	cr_expect_geq(n_input(), UNFINISHED);
	cr_expect_leq(n_input(), UNFINISHED + 64);
	cr_expect_geq(budget_n_used(), n_input());
	probes[0].take = SIZE_MAX;
	conn_probe_write(&probes[0], 1);
	conn_turns(2);
	cr_expect_eq(n_input(), 0);
	conn_close_all();
	cr_expect_eq(budget_n_used(), 0);
}

Test(conn_budget, bounds_kept_input)
{
	size_t n_closed = 0;

	budget_set(HIGH, LOW);
	budget_open_all(N);
	for (size_t i = 0; i < N; i++) {
		leave(&probes[i], UNFINISHED);
		cr_assert_leq(budget_n_used(), HIGH);
	}
	for (size_t i = 0; i < N; i++) {
		n_closed += probes[i].n_of[CONN_CLOSED];
		if (probes[i].n_of[CONN_CLOSED] == 0)
			continue;
		cr_expect_eq(probes[i].result.reason, WEIR_REASON_BUDGET);
		cr_expect_eq(probes[i].result.progress.unread, UNFINISHED);
	}
	cr_expect_geq(n_closed, N - HIGH / UNFINISHED);
	cr_expect_lt(n_closed, N);
}

/* One that owes and keeps is larger than one that does either. */
Test(conn_budget, counts_input_and_output_together)
{
	budget_stall_all(4);
	conn_probe_sendall(&probes[0], LARGE);
	leave(&probes[1], LARGE);
	conn_probe_sendall(&probes[2], LARGE);
	leave(&probes[2], LARGE);
	budget_set(budget_n_used() + 1000, budget_n_used());
	conn_probe_sendall(&probes[3], 5000);
	cr_expect(budget_is_victim(&probes[2]));
	cr_expect_not(budget_is_victim(&probes[0]));
	cr_expect_not(budget_is_victim(&probes[1]));
	cr_expect_not(budget_is_victim(&probes[3]));
}

static size_t send_and_look(struct weir_conn *c, const void *data, size_t n)
{
	static char large[8 * LARGE];
	static unsigned char before[UNFINISHED + 1];

	if (n <= UNFINISHED)
		return 0;
	memcpy(before, data, n);
	cr_expect_eq(weir_conn_sendall(c, large, sizeof large), -EPIPE);
	cr_expect_arr_eq(data, before, n, "it is overwritten, or freed");
	return 1;
}

/* The one that is closed is the one whose input is looked at. */
Test(conn_budget, leaves_a_callback_its_input)
{
	static struct weir_conn_events events;
	struct conn_probe *p = &probes[0];

	budget_stall_all(1);
	leave(p, UNFINISHED);
	budget_set(2 * UNFINISHED, 2 * UNFINISHED);
	events = *p->conn.events;
	events.on_data = send_and_look;
	weir_conn_set_events(&p->conn, &events);
	conn_probe_write(p, 1);
	weir_loop_turn(conn_loop, 0);
	cr_expect_eq(n_input(), 0);
}

/* More than what a burst may leave behind is given back to the system. */
Test(conn_budget, memory_of_kept_input_goes_back_after_a_burst)
{
	budget_open_all(BUDGET_N_PROBES);
	for (size_t i = 0; i < BUDGET_N_PROBES; i++)
		leave(&probes[i], UNFINISHED);
	cr_assert_gt(conn_loop->pool.n_peak_bytes, WEIR_POOL_BURST);
	conn_close_all();
	cr_expect_lt(conn_loop->pool.n_peak_bytes, WEIR_POOL_BURST,
		     "the heap was not asked");
	cr_expect_eq(budget_n_used(), 0);
}
