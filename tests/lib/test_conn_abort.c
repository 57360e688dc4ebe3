/* Last words: what is sent just before an abort. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

static struct conn_probe p;

TestSuite(conn_abort, .init = conn_begin, .fini = conn_end);

static void say_and_abort(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	cr_assert_eq(conn_probe_sendall(probe, 100), 0);
	weir_conn_abort(&probe->conn, probe->limits.flags != 0);
}

Test(conn_abort, without_reset_offers_what_waits)
{
	p.then = say_and_abort;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 10);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 100);
	cr_assert_eq(p.result.reason, WEIR_REASON_ABORTED);
	cr_assert_eq(p.result.progress.dropped, 0);
	conn_close_all();
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	weir_conn_abort(&p.conn, false);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 100);
}

Test(conn_abort, asks_no_kernel_that_is_full)
{
	conn_probe_open(&p, 4608, NULL);
	cr_assert_eq(conn_probe_sendall(&p, 90000), 0);
	conn_turns(2);
	fault_reset();
	weir_conn_abort(&p.conn, false);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	conn_turns(1);
	cr_assert_gt(p.result.progress.dropped, 0);
}

Test(conn_abort, by_reset_offers_nothing)
{
	const struct weir_conn_limits limits = {.flags = WEIR_CONN_NO_THROTTLE};

	p.then = say_and_abort;
	conn_probe_open(&p, 0, &limits);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	cr_assert_eq(p.result.progress.dropped, 100);
}

/* What its last words find is the end, then. */
Test(conn_abort, whose_last_words_fail_says_why)
{
	p.then = say_and_abort;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 10);
	fault_next(FAULT_ANY_SEND, -ECONNRESET);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(p.result.progress.dropped, 100);
}
