/* The loop's budget: however many readers stall, the heap stays below it. */
#include "loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "conn_inside.h"

#include "fault.h"
#include "harness_budget.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SNDBUF = 4608,
	LARGE = 20000,
	HIGH = 600000,
	LOW = 400000,
	/* what one call may reserve beyond its bytes */
	RESERVE = 2 * WEIR_CHUNK_SIZE + 1024
};

static struct conn_probe *const probes = budget_probes;

TestSuite(conn_budget, .init = conn_begin, .fini = conn_end);

/* -- setting it -- */

Test(conn_budget, has_defaults)
{
	cr_assert_eq(conn_loop->budget.high, (size_t)1 << 30);
	cr_assert_eq(conn_loop->budget.low, (size_t)7 << 27);
	budget_set(800, 0);
	cr_assert_eq(conn_loop->budget.high, 800);
	cr_assert_eq(conn_loop->budget.low, 700);
	budget_set(0, 1000);
	cr_assert_eq(conn_loop->budget.high, (size_t)1 << 30);
	cr_assert_eq(conn_loop->budget.low, 1000);
	budget_set(5, 5);
}

Test(conn_budget, out_of_order_is_refused)
{
	budget_set(100, 50);
	cr_assert_eq(weir_loop_budget(conn_loop, 100, 101), -EINVAL);
	cr_assert_eq(weir_loop_budget(conn_loop, 0, ((size_t)1 << 30) + 1),
		     -EINVAL);
	cr_assert_eq(conn_loop->budget.high, 100);
	cr_assert_eq(conn_loop->budget.low, 50);
}

/* -- keeping it -- */

static void send_some(struct conn_probe *probe, char call)
{
	size_t n = harness_random_below(6);

	while (call == CONN_DATA && n-- > 0) {
		switch (harness_random_below(3)) {
		case 0:
			conn_probe_sendall(probe, harness_random_below(LARGE));
			break;
		case 1:
			conn_probe_sendbuf(probe, harness_random_below(LARGE));
			break;
		default:
			conn_probe_sendall(probe, harness_random_below(4096));
		}
	}
}

static void reopen_if_closed(struct conn_probe *probe)
{
	if (weir_conn_is_open(&probe->conn))
		return;
	cr_assert_eq(probe->result.reason, WEIR_REASON_BUDGET);
	cr_assert_eq(probe->result.error, 0);
	conn_probe_hang_up(probe);
	conn_probe_open(probe, SNDBUF, &budget_unthrottled);
}

Test(conn_budget, holds_against_any_number_of_stalled_readers)
{
	unsigned n_closed = 0;
	unsigned step;
	size_t i;

	budget_set(HIGH, LOW);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		probes[i].then = send_some;
	budget_open_all(BUDGET_N_PROBES);
	for (step = 0; step < 8000; step++) {
		struct conn_probe *probe =
			&probes[harness_random_below(BUDGET_N_PROBES)];

		if (budget_is_victim(probe))
			n_closed++;
		else if (harness_random_below(2) == 0)
			conn_probe_write(probe, 1);
		else
			send_some(probe, CONN_DATA);
		if (harness_random_below(3) == 0)
			conn_turns(1);
		reopen_if_closed(probe);
		cr_assert_leq(budget_n_used(), HIGH + RESERVE);
	}
	cr_assert_leq(conn_loop->pool.n_peak_bytes,
		      HIGH + LARGE + WEIR_GATHER_SIZE + RESERVE);
	cr_assert_gt(conn_loop->pool.n_peak_bytes, HIGH);
	cr_assert_gt(n_closed, 10);
}

/* Everybody stalls at once, in the same turn, in callbacks. */
static void send_large(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		conn_probe_sendall(probe, LARGE);
}

Test(conn_budget, holds_when_all_stall_in_one_turn)
{
	size_t i;

	budget_set(HIGH, LOW);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		probes[i].then = send_large;
	budget_open_all(BUDGET_N_PROBES);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		conn_probe_write(&probes[i], 1);
	conn_turns(3);
	cr_assert_leq(conn_loop->pool.n_peak_bytes, HIGH + LARGE + RESERVE);
	cr_assert_gt(budget_n_used(), LOW / 2);
}

/* Gathered, and moved to the queue by a file behind it. */
static void send_header_and_file(struct conn_probe *probe, char call)
{
	int file;
	unsigned i;

	if (call != CONN_DATA)
		return;
	for (i = 0; i < 10; i++)
		if (conn_probe_sendall(probe, 4000) < 0)
			return;
	file = memfd_create("weir", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(file, 10), 0);
	if (sendfile_and_let_go(&probe->conn, file, 0, 10) == 0)
		probe->n_accepted += 10;
}

Test(conn_budget, holds_when_files_queue_what_was_gathered)
{
	size_t i;

	budget_set(HIGH, LOW);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		probes[i].then = send_header_and_file;
	budget_open_all(BUDGET_N_PROBES);
	fault_result(FAULT_SENDV, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		conn_probe_write(&probes[i], 1);
	conn_turns(2);
	cr_assert_leq(conn_loop->pool.n_peak_bytes,
		      HIGH + WEIR_GATHER_SIZE + RESERVE);
}

/* -- no memory -- */

/* Refused for lack of memory, he owes nothing, so nobody may take him for a
 * debtor. */
Test(conn_budget, does_not_remember_what_was_refused)
{
	struct weir_buf *buf = weir_buf_new(LARGE);

	budget_stall_all(2);
	conn_probe_sendall(&probes[1], 2 * LARGE);
	budget_set(budget_n_used(), budget_n_used() - LARGE);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(weir_conn_sendbuf(&probes[0].conn, buf), -ENOMEM);
	weir_buf_unref(buf);
	cr_assert(budget_is_victim(&probes[1]));
	cr_assert_null(weir_budget_largest(&conn_loop->budget));
}

Test(conn_budget, survives_any_failing_call)
{
	uint64_t k;
	size_t i;

	budget_set(HIGH / 10, LOW / 10);
	for (k = 1;; k++) {
		for (i = 0; i < 10; i++)
			probes[i].then = send_some;
		budget_open_all(10);
		fault_reset();
		fault_fail_call(k);
		for (i = 0; i < 60; i++) {
			struct conn_probe *probe = &probes[i % 10];

			if (!weir_conn_is_open(&probe->conn))
				continue;
			send_some(probe, CONN_DATA);
			if (!weir_conn_is_dead(&probe->conn))
				conn_probe_write(probe, 1);
			if (i % 3 == 0)
				conn_turns(1);
			cr_assert_leq(budget_n_used(), HIGH / 10 + RESERVE);
		}
		if (fault_hit() == FAULT_NONE)
			break;
		conn_close_all();
		cr_assert_eq(budget_n_used(), 0);
		cr_assert_eq(conn_loop->budget.occupied, 0);
	}
	cr_assert_gt(k, 100);
}
