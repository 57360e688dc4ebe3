/* The idle limit: silence both ways, while nothing is owed. In virtual time. */
#include "test_conn_limits.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "conn_inside.h"

static const struct weir_conn_limits idle_8 = {.idle_ns = 8000000000};

TestSuite(conn_idle, .init = conn_begin, .fini = conn_end);

/* Closed between idle and half as long again from now. */
static void expect_idle_in(uint64_t idle_ns)
{
	conn_pass(idle_ns - 1);
	expect_open();
	conn_pass(idle_ns / 2 + ROUNDING_NS);
	expect_end_by(WEIR_REASON_IDLE);
}

Test(conn_idle, ends_who_is_silent)
{
	conn_probe_open(&p, SNDBUF, &idle_8);
	expect_idle_in(8 * SECOND);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_idle, is_not_asked_for_by_default)
{
	const struct weir_conn_limits never = {.idle_ns = WEIR_NEVER};

	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_null(conn_loop->timers);
	conn_pass(1000000 * SECOND);
	expect_open();
	conn_close_all();
	conn_probe_open(&p, SNDBUF, &never);
	cr_assert_null(conn_loop->timers);
}

Test(conn_idle, may_be_very_short_or_very_long)
{
	static const uint64_t limits_ns[] = {
		1, 2, 3, 4, 5, 1000, UINT64_MAX / 1000};
	size_t i;

	for (i = 0; i < sizeof limits_ns / sizeof *limits_ns; i++) {
		const struct weir_conn_limits limits = {.idle_ns =
								limits_ns[i]};

		conn_probe_open(&p, SNDBUF, &limits);
		expect_idle_in(limits_ns[i]);
		conn_close_all();
	}
}

static void move_a_byte(void)
{
	if (harness_random_below(2) == 0)
		conn_probe_write(&p, 1);
	else
		conn_probe_sendall(&p, 1);
	conn_turns(1);
	conn_flow(&p);
}

Test(conn_idle, keeps_its_bounds_at_any_rhythm)
{
	unsigned i;

	for (i = 0; i < 300; i++) {
		conn_probe_open(&p, SNDBUF, &idle_8);
		while (harness_random_below(6) > 0) {
			conn_pass(harness_random_below(8000) * 1000000);
			expect_open();
			move_a_byte();
		}
		expect_idle_in(8 * SECOND);
		conn_close_all();
	}
}

Test(conn_idle, does_not_count_while_something_is_queued)
{
	const struct weir_conn_limits limits = {.idle_ns = SECOND,
						.stall_ns = 100 * SECOND};

	open_owing(&limits);
	conn_pass(90 * SECOND);
	expect_open();
	conn_flow(&p);
	expect_idle_in(SECOND);
}

/* The limit is kept however long the other limits are. */
Test(conn_idle, begins_when_the_queue_has_drained)
{
	const struct weir_conn_limits limits = {.idle_ns = SECOND};

	open_owing(&limits);
	conn_pass(SECOND / 10);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
	expect_idle_in(SECOND);
}

Test(conn_idle, begins_when_the_queue_drained_whatever_the_stall_limit)
{
	unsigned i;

	for (i = 0; i < 300; i++) {
		const struct weir_conn_limits limits = {
			.idle_ns = (1 + harness_random_below(1000)) * SECOND,
			.stall_ns = (1 + harness_random_below(1000)) * SECOND};
		uint64_t for_s = limits.stall_ns / SECOND;

		open_owing(&limits);
		conn_pass(harness_random_below(for_s) * SECOND);
		expect_open();
		conn_flow(&p);
		expect_idle_in(limits.idle_ns);
		conn_close_all();
	}
}

Test(conn_idle, still_leaves_room_for_the_stall_limit)
{
	unsigned i;

	for (i = 0; i < 300; i++) {
		const struct weir_conn_limits limits = {
			.idle_ns = (1 + harness_random_below(1000)) * SECOND,
			.stall_ns = (1 + harness_random_below(1000)) * SECOND};

		conn_probe_open(&p, SNDBUF, &limits);
		conn_pass(harness_random_below(limits.idle_ns / SECOND) *
			  SECOND);
		expect_open();
		conn_probe_sendall(&p, MUCH);
		conn_turns(2);
		conn_pass(limits.stall_ns - 1);
		expect_open();
		conn_pass(limits.stall_ns / 4 + 1 + ROUNDING_NS);
		expect_end_by(WEIR_REASON_STALLED);
		conn_close_all();
	}
}

Test(conn_idle, does_not_count_while_reading_is_paused)
{
	conn_probe_open(&p, SNDBUF, &idle_8);
	conn_pass(5 * SECOND);
	weir_conn_pause(&p.conn);
	conn_turns(1);
	conn_pass(100 * SECOND);
	expect_open();
	weir_conn_resume(&p.conn);
	conn_turns(1);
	expect_idle_in(8 * SECOND);
}

Test(conn_idle, does_not_charge_the_time_that_the_loop_was_away)
{
	unsigned i;

	conn_probe_open(&p, SNDBUF, &idle_8);
	for (i = 0; i < 3; i++) {
		fault_time_advance(100 * SECOND);
		conn_turns(2);
		expect_open();
	}
}

static const struct weir_conn_limits *limits_of_p;

/* The turn's clock stands still while a callback takes its time. */
static void be_slow_and_open(struct weir_timer *timer)
{
	(void)timer;
	weir_loop_now(conn_loop);
	fault_time_advance(7 * SECOND);
	conn_probe_open(&p, SNDBUF, limits_of_p);
}

Test(conn_idle, is_counted_in_full_after_a_slow_callback)
{
	struct weir_timer timer = {0};

	limits_of_p = &idle_8;
	weir_timer_arm(&timer, conn_loop, 1, be_slow_and_open);
	conn_turns(2);
	expect_idle_in(8 * SECOND);
}

/* However late its own event comes behind those of others. */
Test(conn_idle, hears_what_came_while_the_loop_was_away)
{
	conn_probe_open(&p, SNDBUF, &idle_8);
	conn_pass(7 * SECOND);
	conn_probe_write(&p, 1);
	fault_time_advance(100 * SECOND);
	fault_next(FAULT_RECV, -EAGAIN);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "");
	conn_turns(1);
	expect_open();
	cr_assert_str_eq(p.calls, "d");
}

Test(conn_idle, leaves_lingering_alone)
{
	conn_probe_open(&p, SNDBUF, &idle_8);
	weir_conn_finish(&p.conn);
	conn_turns(1);
	conn_pass(29 * SECOND);
	expect_open();
	conn_pass(2 * SECOND);
	expect_end_by(WEIR_REASON_LINGER);
}

/* Within a quarter 10,000 echoes leave the timer as it is. */
Test(conn_idle, costs_a_busy_connection_no_timer_operation)
{
	uint64_t deadline_ns;
	unsigned i;

	p.is_echo = true;
	conn_probe_open(&p, 0, &idle_8);
	conn_turns(2);
	deadline_ns = p.conn.timer.deadline_ns;
	fault_reset();
	for (i = 0; i < 10000; i++) {
		fault_time_advance(100000);
		conn_probe_write(&p, 64);
		conn_turns(1);
		cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 64);
		cr_assert_eq(p.conn.timer.deadline_ns, deadline_ns);
	}
	cr_assert_eq(fault_count(FAULT_TIMERFD_SET), 0);
	cr_assert_eq(fault_count(FAULT_NOW), 0);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 0);
}

Test(conn_idle, survives_any_failing_call)
{
	uint64_t k;

	for (k = 1;; k++) {
		const struct weir_conn_limits limits = {.idle_ns = 8 * SECOND,
							.stall_ns = 8 * SECOND,
							.min_rate = RATE};

		conn_probe_open(&p, SNDBUF, &limits);
		fault_reset();
		fault_fail_call(k);
		conn_pass(5 * SECOND);
		conn_probe_sendall(&p, MUCH / 10);
		conn_pass(5 * SECOND);
		conn_flow(&p);
		conn_pass(20 * SECOND);
		cr_assert_eq(p.n_of[CONN_CLOSED], 1, "call %d", (int)k);
		if (fault_hit() == FAULT_NONE)
			break;
		conn_close_all();
	}
	cr_assert_eq(p.result.reason, WEIR_REASON_IDLE);
}
