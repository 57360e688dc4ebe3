/* Events and limits that change while a connection is open, and the room that
 * is left in it. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "conn_inside.h"

TestSuite(conn_change, .init = conn_begin, .fini = conn_end);

/* -- events -- */

static size_t n_after_login;

static size_t take_after_login(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	n_after_login += n;
	p.n_taken += n;
	return n;
}

static struct weir_conn_events after_login;

static void log_in(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	after_login = conn_probe_events;
	after_login.on_data = take_after_login;
	weir_conn_set_events(&probe->conn, &after_login);
}

/* Without more input: what the login left is offered at once. */
Test(conn_change, new_events_are_offered_what_the_old_ones_left)
{
	p.then = log_in;
	conn_probe_open(&p, 0, NULL);
	p.take = 10;
	conn_probe_write(&p, 100);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d");
	cr_assert_eq(n_after_login, 90);
	conn_probe_write(&p, 5);
	conn_turns(1);
	cr_assert_eq(n_after_login, 95);
}

Test(conn_change, new_events_are_offered_a_full_buffer_before_it_is_too_much)
{
	static const struct weir_conn_limits limits = {.input = 1000};

	p.then = log_in;
	conn_probe_open(&p, 0, &limits);
	p.take = 0;
	conn_probe_write(&p, 1000);
	conn_turns(1);
	cr_assert_eq(n_after_login, 1000);
	expect_open();
}

Test(conn_change, events_may_change_from_outside)
{
	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 100);
	conn_turns(1);
	log_in(&p, CONN_DATA);
	cr_assert_eq(n_after_login, 0);
	conn_turns(1);
	cr_assert_eq(n_after_login, 100);
}

/* -- limits -- */

Test(conn_change, limits_out_of_order_are_refused_and_change_nothing)
{
	static const struct weir_conn_limits wrong = {.low = 2, .high = 1};

	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &wrong), -EINVAL);
	cr_assert_eq(weir_conn_room(&p.conn), 1048576);
}

Test(conn_change, a_lower_high_is_crossed_and_a_higher_one_let_go)
{
	static const struct weir_conn_limits low = {.high = 100000};

	conn_probe_open(&p, SNDBUF, NULL);
	conn_probe_sendall(&p, 200000);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(weir_conn_set_limits(&p.conn, &low), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	cr_assert_eq(weir_conn_set_limits(&p.conn, NULL), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "+-");
}

Test(conn_change, throttling_may_change_above_high)
{
	static const struct weir_conn_limits unthrottled = {
		.flags = WEIR_CONN_NO_THROTTLE};

	open_owing(NULL);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+");
	weir_conn_set_limits(&p.conn, &unthrottled);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+d");
	weir_conn_set_limits(&p.conn, NULL);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+d");
}

static void expect_close_in(uint64_t least_ns, uint64_t most_ns,
			    enum weir_reason reason)
{
	conn_pass(least_ns - 1);
	expect_open();
	conn_pass(most_ns - least_ns + 10);
	expect_end_by(reason);
}

Test(conn_change, an_idle_limit_holds_from_the_change_on)
{
	static const struct weir_conn_limits keep_alive = {.idle_ns =
								   4000000000};
	static const struct weir_conn_limits hours = {.idle_ns = 4000000000000};

	conn_probe_open(&p, 0, NULL);
	conn_pass(100 * SECOND);
	weir_conn_set_limits(&p.conn, &keep_alive);
	conn_turns(1);
	conn_pass(3 * SECOND);
	weir_conn_set_limits(&p.conn, &hours);
	conn_turns(1);
	conn_pass(1000 * SECOND);
	expect_open();
	weir_conn_set_limits(&p.conn, &keep_alive);
	conn_turns(1);
	expect_close_in(4 * SECOND, 7 * SECOND, WEIR_REASON_IDLE);
}

Test(conn_change, a_stall_limit_holds_from_the_change_on)
{
	static const struct weir_conn_limits strict = {.stall_ns = 4000000000};

	open_owing(NULL);
	weir_conn_set_limits(&p.conn, &strict);
	conn_turns(1);
	expect_close_in(4 * SECOND, 5 * SECOND, WEIR_REASON_STALLED);
}

/* Or a program that changes them for each request would never look. */
Test(conn_change, limits_that_change_all_the_time_still_hold)
{
	static const struct weir_conn_limits strict = {.stall_ns = 4000000000};
	unsigned i;

	open_owing(&strict);
	for (i = 0; i < 50 && weir_conn_is_open(&p.conn); i++) {
		weir_conn_set_limits(&p.conn, &strict);
		conn_turns(1);
		conn_pass(SECOND / 10);
	}
	cr_assert_eq(p.result.reason, WEIR_REASON_STALLED);
}

Test(conn_change, a_linger_limit_holds_from_the_change_on)
{
	static const struct weir_conn_limits quick = {.linger_ns = 1000000000};

	conn_probe_open(&p, 0, NULL);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	weir_conn_set_limits(&p.conn, &quick);
	conn_turns(1);
	expect_close_in(SECOND, SECOND, WEIR_REASON_LINGER);
}

Test(conn_change, a_longer_linger_is_granted_in_full)
{
	static const struct weir_conn_limits quick = {.linger_ns = 1000000000};
	static const struct weir_conn_limits slow = {.linger_ns = 10000000000};

	conn_probe_open(&p, 0, &quick);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(SECOND / 10 * 9);
	weir_conn_set_limits(&p.conn, &slow);
	conn_turns(1);
	conn_pass(SECOND);
	weir_conn_set_limits(&p.conn, &slow);
	conn_turns(1);
	expect_close_in(9 * SECOND, 9 * SECOND, WEIR_REASON_LINGER);
}

Test(conn_change, a_rate_is_asked_for_from_the_change_on)
{
	static const struct weir_conn_limits rate = {
		.min_rate = 1000, .rate_window_ns = 4000000000};

	open_owing(NULL);
	conn_pass(20 * SECOND);
	weir_conn_set_limits(&p.conn, &rate);
	conn_turns(1);
	expect_close_in(4 * SECOND, 6 * SECOND, WEIR_REASON_TOO_SLOW);
}

/* More is kept than may be: it is offered once more, and if nothing is taken
 * the limit is enforced; while on_data takes some the peer has to wait. */
Test(conn_change, a_lower_input_limit_is_kept)
{
	static const struct weir_conn_limits small = {.input = 100};

	conn_probe_open(&p, 0, NULL);
	p.take = 0;
	conn_probe_write(&p, 1000);
	conn_turns(1);
	p.take = 300;
	weir_conn_set_limits(&p.conn, &small);
	conn_probe_write(&p, 1000);
	conn_turns(3);
	expect_open();
	p.take = SIZE_MAX;
	conn_turns(20);
	cr_assert_eq(p.n_taken, 2000);
	p.take = 0;
	conn_probe_write(&p, 1000);
	conn_turns(2);
	cr_assert_eq(p.result.reason, WEIR_REASON_INPUT_LIMIT);
}

Test(conn_change, limits_of_a_connection_that_has_to_close_change_nothing)
{
	static const struct weir_conn_limits limits = {.high = 100000};

	open_owing(NULL);
	weir_conn_abort(&p.conn, false);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &limits), 0);
	conn_turns(1);
	expect_end_by(WEIR_REASON_ABORTED);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &limits), -EPIPE);
}

/* -- room -- */

Test(conn_change, room_is_what_sendall_takes)
{
	static const struct weir_conn_limits limits = {.high = 100000,
						       .max = 200000};
	size_t room;

	conn_probe_open(&p, SNDBUF, &limits);
	cr_assert_eq(weir_conn_room(&p.conn), 200000);
	conn_probe_sendall(&p, 150000);
	conn_turns(2);
	room = weir_conn_room(&p.conn);
	cr_assert_geq(room, 50000);
	cr_assert_lt(room, 200000);
	cr_assert_eq(conn_probe_sendall(&p, room), 0);
	cr_assert_eq(weir_conn_room(&p.conn), 0);
	cr_assert_eq(conn_probe_sendall(&p, 1), -ENOBUFS);
	weir_conn_finish(&p.conn);
	cr_assert_eq(weir_conn_room(&p.conn), 0);
}
