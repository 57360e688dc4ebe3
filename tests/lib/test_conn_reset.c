/* Where the library's own error or limit loses bytes, the peer is reset: it
 * never takes a part for the whole. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SNDBUF = 4608,
	MUCH = 900000
};

static struct conn_probe p;

TestSuite(conn_reset, .init = conn_begin, .fini = conn_end);

static void expect_end(enum weir_reason reason, int error, int peer_error)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		conn_turns(1);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1, "%s", p.calls);
	cr_assert_eq(p.result.reason, reason);
	cr_assert_eq(p.result.error, error);
	harness_peer_read(&p.peer, SIZE_MAX);
	cr_assert_eq(p.peer.error, peer_error);
	cr_assert_eq(p.peer.has_ended, peer_error == 0);
}

static void owe(void)
{
	cr_assert_eq(conn_probe_open_tcp(&p, SNDBUF, NULL), 0);
	cr_assert_eq(conn_probe_sendall(&p, MUCH), 0);
	conn_turns(2);
	cr_assert_gt(conn_probe_progress(&p).queued, 0);
}

Test(conn_reset, follows_an_error_of_our_own_while_something_is_owed)
{
	owe();
	fault_next(FAULT_ANY_SEND, -ENOMEM);
	harness_peer_read(&p.peer, SIZE_MAX);
	expect_end(WEIR_REASON_ERROR, -ENOMEM, -ECONNRESET);
}

/* Nothing was lost: an end like any other. */
Test(conn_reset, does_not_follow_an_error_that_loses_nothing)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	conn_turns(1);
	conn_probe_write(&p, 10);
	fault_next(FAULT_RECV, -ENOMEM);
	expect_end(WEIR_REASON_ERROR, -ENOMEM, 0);
	cr_assert_eq(p.peer.n_received, 100);
}

Test(conn_reset, follows_an_error_however_the_user_ends_it_then)
{
	owe();
	fault_next(FAULT_ANY_SEND, -ENOMEM);
	harness_peer_read(&p.peer, SIZE_MAX);
	weir_conn_shutdown(&p.conn);
	conn_turns(1);
	weir_conn_finish(&p.conn);
	weir_conn_abort(&p.conn, false);
	expect_end(WEIR_REASON_ERROR, -ENOMEM, -ECONNRESET);
}

Test(conn_reset, follows_the_input_limit)
{
	const struct weir_conn_limits limits = {.input = 100};

	cr_assert_eq(conn_probe_open_tcp(&p, SNDBUF, &limits), 0);
	p.take = 0;
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	conn_probe_write(&p, 100);
	conn_turns(1);
	expect_end(WEIR_REASON_INPUT_LIMIT, 0, -ECONNRESET);
}

Test(conn_reset, follows_input_that_cannot_be_kept)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	p.take = 3;
	conn_probe_write(&p, 10);
	fault_next(FAULT_ALLOC, -ENOMEM);
	expect_end(WEIR_REASON_ERROR, -ENOMEM, -ECONNRESET);
}

Test(conn_reset, follows_input_that_cannot_be_kept_after_an_error)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	conn_probe_write(&p, 10);
	p.take = 3;
	fault_next(FAULT_RECV, -ENOMEM);
	fault_next(FAULT_ALLOC, -ENOMEM);
	expect_end(WEIR_REASON_ERROR, -ENOMEM, -ECONNRESET);
}

Test(conn_reset, follows_silence_in_the_middle_of_a_message)
{
	const struct weir_conn_limits limits = {.idle_ns = 1000000000};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	p.take = 3;
	conn_probe_write(&p, 10);
	conn_pass(UINT64_C(3000000000));
	expect_end(WEIR_REASON_IDLE, 0, -ECONNRESET);
}

Test(conn_reset, does_not_follow_silence_between_messages)
{
	const struct weir_conn_limits limits = {.idle_ns = 1000000000};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	conn_probe_write(&p, 10);
	conn_pass(UINT64_C(3000000000));
	expect_end(WEIR_REASON_IDLE, 0, 0);
}

/* What the user gives up is the user's word. */
Test(conn_reset, does_not_follow_an_abort_without)
{
	owe();
	weir_conn_abort(&p.conn, false);
	expect_end(WEIR_REASON_ABORTED, 0, 0);
	cr_assert_lt(p.peer.n_received, MUCH);
}
