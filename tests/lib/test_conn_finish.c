/* finish, end and abort: what leaves, what is lost, and when it closes. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	MUCH = 900000 /* below max, and more than the kernel takes */
};

static const uint64_t SECOND = 1000000000;

TestSuite(conn_finish, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

static void next_send_takes(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
}

Test(conn_finish, with_nothing_queued_sends_the_fin_in_the_same_turn)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_finish(&p.conn);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 0);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 1);
	harness_peer_read(&p.peer, SIZE_MAX);
	cr_assert(p.peer.has_ended);
	cr_assert_str_eq(p.calls, "");
	conn_probe_write_end(&p);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 1);
}

Test(conn_finish, flushes_before_the_fin)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, MUCH);
	weir_conn_finish(&p.conn);
	conn_turns(3);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
	cr_assert(p.peer.has_ended);
	conn_probe_write_end(&p);
	conn_turns(2);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.result.progress.sent, MUCH);
}

static void answer_and_finish(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	conn_probe_sendall(probe, 10);
	conn_probe_sendall(probe, 10);
	weir_conn_finish(&probe->conn);
}

Test(conn_finish, in_a_callback_sends_what_was_gathered)
{
	size_t n;

	for (n = 0; n <= 20; n++) {
		p.then = answer_and_finish;
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		conn_probe_write(&p, 1);
		fault_reset();
		next_send_takes(n);
		conn_turns(1);
		cr_assert_eq(fault_count(FAULT_ANY_SEND), 1);
		cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), n == 20);
		conn_flow(&p);
		cr_assert_eq(p.peer.n_received, 20);
		cr_assert(p.peer.has_ended);
		cr_assert_str_eq(p.calls, "d");
		conn_close_all();
	}
}

/* Unread input at close(2) would be answered by a reset, which takes what the
 * peer has not yet read with it (TCP). */
Test(conn_finish, loses_nothing_to_unread_input)
{
	conn_probe_open_tcp(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	conn_probe_write(&p, 100000);
	conn_probe_sendall(&p, MUCH);
	weir_conn_finish(&p.conn);
	conn_turns(5);
	conn_probe_write_end(&p);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
	cr_assert(p.peer.has_ended);
	cr_assert_eq(p.peer.error, 0);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.result.progress.received, 100000);
	cr_assert_eq(p.result.progress.unread, 100000);
}

Test(conn_finish, discards_input_and_gives_kept_memory_back)
{
	size_t n_idle;

	conn_probe_open(&p, 0, NULL);
	conn_turns(1);
	n_idle = fault_n_live_bytes();
	p.take = 0;
	conn_probe_write(&p, 1000);
	conn_turns(1);
	cr_assert_gt(fault_n_live_bytes(), n_idle);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	cr_assert_eq(fault_n_live_bytes(), n_idle);
	conn_probe_write(&p, 500);
	conn_turns(2);
	cr_assert_eq(conn_probe_progress(&p).received, 1500);
	cr_assert_eq(conn_probe_progress(&p).unread, 1500);
	conn_probe_write_end(&p);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.progress.unread, 1500);
}

Test(conn_finish, is_not_held_by_a_pause)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	weir_conn_finish(&p.conn);
	weir_conn_pause(&p.conn);
	conn_turns(1);
	conn_probe_write(&p, 10);
	conn_probe_write_end(&p);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
}

Test(conn_finish, after_the_peers_fin_closes_as_soon_as_all_is_out)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_write_end(&p);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "e");
	next_send_takes(1);
	conn_probe_sendall(&p, 5000);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "e");
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "ec");
	cr_assert_eq(p.peer.n_received, 5000);
}

Test(conn_finish, without_on_end_is_what_the_peers_fin_brings)
{
	struct weir_conn_events events = conn_probe_events;

	events.on_end = NULL;
	p.events = &events;
	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 10);
	conn_probe_sendall(&p, 5000);
	conn_probe_write_end(&p);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "dc");
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.result.progress.unread, 10);
	cr_assert_eq(p.peer.n_received, 5000);
}

/* From our FIN, not from finish; to the ns, and counted in no other time. */
Test(conn_finish, lingers_from_the_fin_for_exactly_the_limit)
{
	const struct weir_conn_limits limits = {.linger_ns = 7 * SECOND,
						.stall_ns = 40 * SECOND};

	conn_probe_open(&p, 4608, &limits);
	conn_probe_sendall(&p, 50000);
	weir_conn_finish(&p.conn);
	conn_pass(25 * SECOND);
	cr_assert(weir_conn_is_open(&p.conn));
	conn_flow(&p);
	cr_assert(p.peer.has_ended);
	conn_pass(3 * SECOND);
	conn_probe_write(&p, 10);
	conn_pass(4 * SECOND - 1);
	cr_assert(weir_conn_is_open(&p.conn));
	conn_pass(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_LINGER);
	cr_assert_eq(p.result.error, 0);
	cr_assert_eq(p.result.progress.dropped, 0);
}

Test(conn_finish, lingers_for_half_a_minute_by_default)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(30 * SECOND - 1);
	cr_assert_str_eq(p.calls, "");
	conn_pass(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_LINGER);
}

Test(conn_finish, lingers_without_end_if_told_so)
{
	const struct weir_conn_limits limits = {.linger_ns = WEIR_NEVER};

	conn_probe_open(&p, 0, &limits);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(1000000 * SECOND);
	cr_assert_str_eq(p.calls, "");
	cr_assert_null(conn_loop->timers);
}

/* The turn's clock stands still while a callback takes its time. */
static void be_slow_and_finish(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	weir_loop_now(conn_loop);
	fault_time_advance(6 * SECOND);
	weir_conn_finish(&probe->conn);
}

Test(conn_finish, lingers_for_the_whole_limit_after_a_slow_callback)
{
	const struct weir_conn_limits limits = {.linger_ns = 7 * SECOND};

	p.then = be_slow_and_finish;
	conn_probe_open(&p, 0, &limits);
	conn_probe_write(&p, 1);
	conn_turns(1);
	conn_pass(7 * SECOND - 1);
	cr_assert(weir_conn_is_open(&p.conn));
	conn_pass(1);
	cr_assert_eq(p.result.reason, WEIR_REASON_LINGER);
}

/* In whichever quarter of the limit the loop was away. */
Test(conn_finish, does_not_charge_the_lingering_peer_for_the_loops_absence)
{
	const struct weir_conn_limits limits = {.linger_ns = 8 * SECOND};
	unsigned i;

	for (i = 0; i < 8; i++) {
		conn_probe_open(&p, 0, &limits);
		weir_conn_finish(&p.conn);
		conn_turns(1);
		conn_pass(i * SECOND);
		fault_time_advance(100 * SECOND);
		/* meanwhile the peer has sent more than one turn reads */
		conn_probe_write(&p, 100000);
		conn_probe_write_end(&p);
		conn_turns(4);
		cr_assert_eq(p.n_of[CONN_CLOSED], 1);
		cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED,
			     "away after %u s", i);
		conn_close_all();
	}
}

/* Its reset is found by the last look, and not taken for silence. */
Test(conn_finish, tells_of_a_reset_that_came_while_the_loop_was_away)
{
	const struct weir_conn_limits limits = {.linger_ns = 8 * SECOND};

	conn_probe_open(&p, 0, &limits);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(7 * SECOND);
	fault_time_advance(100 * SECOND);
	fault_result(FAULT_RECV, FAULT_ANY_FD, 1, -ECONNRESET);
	conn_turns(2);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(fault_n_pending(), 0);
}

Test(conn_finish, lingers_no_longer_for_a_peer_that_goes_on_sending)
{
	const struct weir_conn_limits limits = {.linger_ns = 8 * SECOND};
	unsigned i;

	conn_probe_open(&p, 0, &limits);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	for (i = 0; i < 8; i++) {
		cr_assert(weir_conn_is_open(&p.conn));
		conn_probe_write(&p, 1000);
		conn_pass(SECOND);
	}
	conn_turns(1);
	cr_assert_eq(p.result.reason, WEIR_REASON_LINGER);
}

/* Give up at once: the refusal holds reading no longer. */
Test(conn_finish, after_a_refusal_sees_the_peers_fin)
{
	const struct weir_conn_limits limits = {
		.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};

	conn_probe_open(&p, 4608, &limits);
	cr_assert_eq(conn_probe_sendall(&p, limits.max), 0);
	cr_assert_eq(conn_probe_sendall(&p, limits.max), -ENOBUFS);
	weir_conn_finish(&p.conn);
	conn_probe_write(&p, 10);
	conn_probe_write_end(&p);
	conn_flow(&p);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.result.progress.unread, 10);
	cr_assert_eq(p.peer.n_received, limits.max);
}

Test(conn_finish, may_be_followed_by_an_abort)
{
	conn_probe_open(&p, 4608, NULL);
	conn_probe_sendall(&p, 50000);
	weir_conn_finish(&p.conn);
	conn_turns(2);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_ABORTED);
	cr_assert_eq(p.result.progress.dropped, 50000 - p.result.progress.sent);
}

Test(conn_finish, that_fails_says_what_was_dropped)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(1000);
	conn_probe_sendall(&p, 50000);
	weir_conn_finish(&p.conn);
	fault_next(FAULT_ANY_SEND, -EPIPE);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_PEER_CLOSED);
	cr_assert_eq(p.result.error, -EPIPE);
	cr_assert_eq(p.result.progress.dropped, 49000);
}

Test(conn_finish, twice_is_once)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_finish(&p.conn);
	weir_conn_shutdown(&p.conn);
	weir_conn_finish(&p.conn);
	conn_turns(2);
	weir_conn_finish(&p.conn);
	conn_probe_write_end(&p);
	conn_turns(3);
	cr_assert_eq(fault_count(FAULT_SHUTDOWN_WRITE), 1);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_finish, an_ended_connection_goes_on_reading)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, 5000);
	weir_conn_shutdown(&p.conn);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 5000);
	cr_assert(p.peer.has_ended);
	conn_probe_write(&p, 10);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d");
	conn_pass(1000 * SECOND);
	cr_assert_str_eq(p.calls, "d");
	conn_probe_write_end(&p);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "de");
	weir_conn_finish(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "dec");
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
}

/* Ended on both sides and hung up: nothing left to hear, so no spinning. */
Test(conn_finish, a_connection_ended_on_both_sides_waits_quietly)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_shutdown(&p.conn);
	conn_probe_write_end(&p);
	conn_turns(3);
	conn_probe_hang_up(&p);
	harness_turn_until_idle(conn_loop, 3);
	cr_assert_str_eq(p.calls, "e");
	weir_conn_finish(&p.conn);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "ec");
}

Test(conn_finish, abort_drops_what_is_queued)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(10);
	conn_probe_sendall(&p, 5000);
	conn_probe_sendbuf(&p, 5000);
	conn_probe_sendall(&p, 50);
	weir_conn_abort(&p.conn, false);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(conn_probe_progress(&p).dropped, 10040);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.reason, WEIR_REASON_ABORTED);
	cr_assert_eq(p.result.error, 0);
	cr_assert_eq(p.result.progress.sent, 10);
	cr_assert_eq(p.result.progress.dropped, 10040);
}

static void abort_and_read(bool with_reset)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	conn_probe_sendall(&p, 5000);
	weir_conn_abort(&p.conn, with_reset);
	conn_turns(1);
	harness_peer_read(&p.peer, SIZE_MAX);
}

Test(conn_finish, abort_resets_tcp_if_asked)
{
	abort_and_read(true);
	cr_assert_eq(p.peer.error, -ECONNRESET);
	conn_close_all();
	abort_and_read(false);
	cr_assert_eq(p.peer.error, 0);
	cr_assert(p.peer.has_ended);
	cr_assert_eq(p.peer.n_received, 5000);
}
