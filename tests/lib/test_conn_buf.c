/* weir_conn_sendbuf: one payload for many, stored once, and let go of when it
 * was sent, dropped or refused. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	N = 20,
	SIZE = 100000,
	PER_NODE = 48 /* what one more subscriber may owe */
};

TestSuite(conn_buf, .init = conn_begin, .fini = conn_end);

static struct conn_probe probes[N];
static struct weir_buf *buf;

/* All streams are to carry the same, so they get the same seed. */
static void open_all(int sndbuf)
{
	unsigned i;

	for (i = 0; i < N; i++) {
		cr_assert_eq(conn_probe_open(&probes[i], sndbuf, NULL), 0);
		probes[i].peer.seed = 7;
	}
	buf = weir_buf_new(SIZE);
	harness_fill(weir_buf_data(buf), SIZE, 7, 0);
}

static void send_to_all(void)
{
	unsigned i;

	for (i = 0; i < N; i++) {
		cr_assert_eq(weir_conn_sendbuf(&probes[i].conn, buf), 0);
		probes[i].n_accepted += SIZE;
	}
}

/* Is ours the only reference? Then memory falls by the buffer's size. */
static void expect_last_reference(void)
{
	size_t n_live = fault_n_live();
	size_t n_bytes = fault_n_live_bytes();

	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), n_live - 1);
	cr_assert_leq(fault_n_live_bytes(), n_bytes - SIZE);
}

Test(conn_buf, is_let_go_of_when_it_was_sent)
{
	unsigned i;

	open_all(4608);
	send_to_all();
	for (i = 0; i < N; i++) {
		conn_flow(&probes[i]);
		cr_assert_eq(probes[i].peer.n_received, SIZE);
	}
	expect_last_reference();
}

Test(conn_buf, may_be_let_go_of_by_its_maker_at_once)
{
	unsigned i;
	size_t n_before;

	open_all(4608);
	send_to_all();
	n_before = fault_n_live_bytes();
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live_bytes(), n_before);
	for (i = 0; i < N; i++)
		conn_flow(&probes[i]);
	cr_assert_eq(probes[N - 1].peer.n_received, SIZE);
	cr_assert_leq(fault_n_live_bytes(), n_before - SIZE);
}

Test(conn_buf, is_let_go_of_when_it_was_dropped)
{
	unsigned i;

	open_all(4608);
	send_to_all();
	conn_turns(2);
	for (i = 0; i < N; i++)
		weir_conn_abort(&probes[i].conn, i % 2);
	expect_last_reference();
	conn_turns(1);
	cr_assert_str_eq(probes[0].calls, "c");
}

Test(conn_buf, is_let_go_of_when_the_connection_fails)
{
	unsigned i;

	open_all(4608);
	send_to_all();
	for (i = 0; i < N; i++)
		conn_probe_hang_up(&probes[i]);
	conn_turns(3);
	expect_last_reference();
	cr_assert_eq(probes[0].n_of[CONN_CLOSED], 1);
	cr_assert_eq(probes[0].result.progress.dropped,
		     SIZE - probes[0].result.progress.sent);
}

Test(conn_buf, is_not_held_when_it_is_refused)
{
	const struct weir_conn_limits small = {
		.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};
	struct conn_probe *p = &probes[0];

	conn_probe_open(p, 0, &small);
	buf = weir_buf_new(SIZE);
	cr_assert_eq(weir_conn_sendbuf(&p->conn, buf), -EMSGSIZE);
	conn_close_all();
	conn_probe_open(p, 0, NULL);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	cr_assert_eq(weir_conn_sendbuf(&p->conn, buf), -ENOMEM);
	fault_clear();
	weir_conn_finish(&p->conn);
	cr_assert_eq(weir_conn_sendbuf(&p->conn, buf), -EPIPE);
	expect_last_reference();
}

Test(conn_buf, costs_each_that_owes_it_no_more_than_a_node)
{
	size_t n_before;
	size_t n_owed;

	open_all(4608);
	send_to_all();
	conn_turns(2);
	n_before = fault_n_live_bytes();
	n_owed = conn_loop->pool.n_used_bytes;
	send_to_all();
	conn_turns(2);
	cr_assert_leq(fault_n_live_bytes() - n_before, N * PER_NODE);
	cr_assert_leq(conn_loop->pool.n_used_bytes - n_owed, N * PER_NODE);
	weir_buf_unref(buf);
}

Test(conn_buf, may_be_owed_many_times_by_one)
{
	unsigned i;
	struct conn_probe *p = &probes[0];

	conn_probe_open(p, 4608, NULL);
	buf = weir_buf_new(1000);
	/* the pattern goes on and on, so all repetitions carry other bytes */
	for (i = 0; i < 50; i++) {
		cr_assert_eq(conn_probe_sendbuf(p, 1000), 0);
		cr_assert_eq(conn_probe_sendall(p, 1), 0);
	}
	conn_flow(p);
	cr_assert_eq(p->peer.n_received, 50 * 1001);
	for (i = 0; i < 50; i++)
		weir_conn_sendbuf(&p->conn, buf);
	p->n_accepted += 50 * 1000;
	weir_conn_abort(&p->conn, false);
	conn_turns(1);
	i = (unsigned)fault_n_live();
	weir_buf_unref(buf);
	cr_assert_eq(fault_n_live(), i - 1);
}

Test(conn_buf, that_was_partly_sent_goes_on_where_it_was)
{
	struct conn_probe *p = &probes[0];
	size_t cut;

	for (cut = 0; cut <= 200; cut++) {
		cr_assert_eq(conn_probe_open(p, 0, NULL), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p->conn), 1, cut);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p->conn), 2, 1);
		cr_assert_eq(conn_probe_sendbuf(p, 100), 0);
		cr_assert_eq(conn_probe_sendbuf(p, 100), 0);
		conn_flow(p);
		cr_assert_eq(p->peer.n_received, 200);
		fault_reset();
		conn_close_all();
	}
}
