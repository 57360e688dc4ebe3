/* What a turn does to one connection is bounded: a peer at full speed delays
 * no other by more than one such pass. Counted in turns and bytes. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	N_OTHERS = 20,
	FLUSH_BUDGET = 2097152
};

TestSuite(conn_fair, .init = conn_begin, .fini = conn_end);

static struct conn_probe greedy;
static struct conn_probe others[N_OTHERS];

/* Write as much as its kernel takes; the bytes do not matter. */
static void write_at_full_speed(void)
{
	static const char zeros[65536];

	while (send(greedy.peer.fd, zeros, sizeof zeros, MSG_DONTWAIT) > 0)
		;
}

static size_t eat(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	cr_assert_leq(n, WEIR_READ_SIZE);
	return n;
}

static void note_nothing(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	(void)result;
	greedy.n_of[CONN_CLOSED]++;
}

static const struct weir_conn_events eating = {.on_data = eat,
					       .on_close = note_nothing};

static void open_others(void)
{
	unsigned i;

	for (i = 0; i < N_OTHERS; i++) {
		others[i].is_echo = true;
		cr_assert_eq(conn_probe_open(&others[i], 0, NULL), 0);
	}
}

/* All the others are answered in the very next turn. */
static void expect_echoes(void)
{
	unsigned i;

	for (i = 0; i < N_OTHERS; i++)
		conn_probe_write(&others[i], 64);
	conn_turns(1);
	for (i = 0; i < N_OTHERS; i++)
		cr_assert_eq(harness_peer_read(&others[i].peer, SIZE_MAX), 64);
}

Test(conn_fair, a_writer_at_full_speed_delays_no_other)
{
	uint64_t n_before;
	unsigned turn;

	greedy.events = &eating;
	conn_probe_open(&greedy, 0, NULL);
	open_others();
	for (turn = 0; turn < 50; turn++) {
		write_at_full_speed();
		n_before = greedy.conn.received;
		expect_echoes();
		cr_assert_gt(greedy.conn.received, n_before);
		cr_assert_leq(greedy.conn.received - n_before, WEIR_READ_SIZE);
	}
}

/* A kernel that takes whatever it is offered, up to the budget. (No real one
 * has such a buffer: its answers are scripted.) */
static void take_everything(void)
{
	fault_result(FAULT_SENDV, weir_conn_fd(&greedy.conn), FAULT_ALWAYS,
		     FLUSH_BUDGET);
}

Test(conn_fair, a_reader_at_full_speed_delays_no_other)
{
	const struct weir_conn_limits limits = {.max = 64 * FLUSH_BUDGET};
	uint64_t n_before;
	unsigned turn;

	greedy.events = &eating;
	conn_probe_open(&greedy, 0, &limits);
	open_others();
	cr_assert_eq(conn_probe_sendbuf(&greedy, 60 * FLUSH_BUDGET), 0);
	take_everything();
	for (turn = 0; turn < 20; turn++) {
		n_before = greedy.conn.out.sent;
		expect_echoes();
		cr_assert_gt(greedy.conn.out.sent, n_before);
		/* the turn in which on_pressure is told may flush behind it */
		cr_assert_leq(greedy.conn.out.sent - n_before,
			      (turn == 0 ? 2 : 1) * FLUSH_BUDGET);
	}
	/* it was offered no more than the budget each time */
	cr_assert_eq(conn_probe_progress(&greedy).n_short_sends, 0);
	fault_clear();
}

/* Many queued pieces, each small: the vector is bounded as well. */
Test(conn_fair, a_reader_of_many_small_pieces_is_served_in_bounded_passes)
{
	const struct weir_conn_limits limits = {.max = 1000000};
	unsigned i;

	conn_probe_open(&greedy, 0, &limits);
	for (i = 0; i < 5000; i++)
		cr_assert_eq(conn_probe_sendbuf(&greedy, 10), 0);
	conn_turns(1);
	cr_assert_lt(greedy.conn.out.sent, 5000 * 10);
	cr_assert_leq(fault_count(FAULT_ANY_SEND), 2);
	conn_flow(&greedy);
	cr_assert_eq(greedy.peer.n_received, 50000);
}

/* Two connections that keep each other busy leave turns to the rest. */
static void answer_by_other(struct conn_probe *probe, char call)
{
	if (call == CONN_WRITABLE) {
		conn_probe_sendall(probe->other, 1);
		conn_probe_send(probe, 0);
	}
}

Test(conn_fair, two_that_wake_each_other_leave_turns_to_the_rest)
{
	static struct conn_probe a;
	static struct conn_probe b;
	unsigned turn;

	a.then = answer_by_other;
	a.other = &b;
	b.then = answer_by_other;
	b.other = &a;
	conn_probe_open(&a, 0, NULL);
	conn_probe_open(&b, 0, NULL);
	open_others();
	conn_probe_send(&a, 0);
	conn_probe_send(&b, 0);
	for (turn = 1; turn <= 20; turn++) {
		expect_echoes();
		cr_assert_leq(a.n_of[CONN_WRITABLE], turn);
		cr_assert_leq(b.n_of[CONN_WRITABLE], turn);
	}
	cr_assert_geq(a.n_of[CONN_WRITABLE], 10);
}

Test(conn_fair, input_kept_and_offered_again_is_bounded_too)
{
	const struct weir_conn_limits limits = {.input = 1000000};
	uint64_t n_before;
	unsigned turn;

	conn_probe_open(&greedy, 0, &limits);
	open_others();
	greedy.take = 100;
	for (turn = 0; turn < 10; turn++) {
		conn_probe_write(&greedy, 70000);
		n_before = greedy.conn.received;
		expect_echoes();
		cr_assert_leq(greedy.conn.received - n_before, WEIR_READ_SIZE);
		cr_assert_leq(greedy.n_of[CONN_DATA], turn + 1);
	}
}
