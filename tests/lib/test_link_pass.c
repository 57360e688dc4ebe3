/* weir_link_pass: small messages at once, bulk within the kernel, and what
 * becomes of bytes that the sink does not take. */
#include <weir/link.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"

TestSuite(link_pass, .init = conn_begin, .fini = conn_end);

enum {
	BULK = 150000, /* two full reads and some more */
	MANY_TURNS = 1000
};

static struct conn_probe left, right;
static struct weir_link there;
static struct weir_conn_events events;
static size_t n_leave; /* of the data that on_data is offered */

/* One on_data, and what moved behind it, which counts as passed on. */
static size_t pass_on(struct weir_conn *c, const void *data, size_t n)
{
	struct conn_probe *p = weir_container_of(c, struct conn_probe, conn);
	struct weir_progress before = conn_probe_progress(p);
	struct weir_progress after;
	size_t n_passed;
	uint64_t n_moved;

	p->n_of[(int)CONN_DATA]++;
	harness_check(data, n, p->peer.seed, p->n_taken);
	n_passed = weir_link_pass(&there, data, n - n_leave);
	cr_assert_leq(n_passed, n);
	after = conn_probe_progress(p);
	n_moved = after.received - before.received;
	p->n_taken += n_passed + n_moved;
	p->other->n_accepted +=
		n_passed + n_moved - (after.unread - before.unread);
	conn_probe_check(p->other);
	return n_passed;
}

static void open_with(const struct weir_conn_limits *limits)
{
	events = conn_probe_events;
	events.on_data = pass_on;
	n_leave = 0;
	left = (struct conn_probe){.events = &events, .other = &right};
	right = (struct conn_probe){.other = &left};
	cr_assert_eq(conn_probe_open(&left, 0, limits), 0);
	cr_assert_eq(conn_probe_open(&right, 0, limits), 0);
	right.peer.seed = left.peer.seed;
	weir_link_open(&there, &left.conn, &right.conn);
}

/* The sink's peer reads all; every byte is compared. */
static void expect_all(uint64_t n)
{
	unsigned n_turns = 0;

	while (right.peer.n_received < n) {
		cr_assert_lt(n_turns++, MANY_TURNS, "it hangs");
		conn_turns(1);
		harness_peer_read(&right.peer, SIZE_MAX);
	}
	cr_assert_eq(right.peer.n_received, n);
	cr_assert_eq(conn_probe_progress(&left).received, n);
	cr_assert_eq(conn_probe_progress(&right).sent, n);
	cr_assert_eq(left.n_taken, n);
}

Test(link_pass, sends_a_message_at_once_in_one_call)
{
	open_with(NULL);
	conn_probe_write(&left, 64);
	fault_reset();
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_SEND), 1);
	cr_assert_eq(fault_count(FAULT_SENDV), 0);
	cr_assert_eq(fault_count(FAULT_ALLOC), 0);
	cr_assert_eq(fault_count(FAULT_SPLICE), 0);
	cr_assert_eq(harness_peer_read(&right.peer, SIZE_MAX), 64);
}

Test(link_pass, moves_what_follows_a_full_read_without_a_callback)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	conn_turns(2);
	cr_assert_eq(fault_count(FAULT_SPLICE), 2);
	cr_assert_eq(left.n_of[(int)CONN_DATA], 1);
	cr_assert_eq(fault_count(FAULT_READ), 0);
	expect_all(BULK);
}

Test(link_pass, keeps_a_pipe_until_the_last_link_is_closed)
{
	struct weir_link other = {0};

	open_with(NULL);
	weir_link_open(&other, &right.conn, &left.conn);
	cr_assert_eq(fault_count(FAULT_PIPE), 0);
	conn_probe_write(&left, BULK);
	expect_all(BULK);
	conn_probe_write(&left, BULK);
	expect_all(2 * BULK);
	cr_assert_eq(fault_count(FAULT_PIPE), 1);
	fault_reset();
	weir_link_close(&there);
	cr_assert_eq(fault_count(FAULT_CLOSE), 0);
	weir_link_close(&other);
	cr_assert_eq(fault_count(FAULT_CLOSE), 2);
}

Test(link_pass, queues_what_the_sink_does_not_take_from_the_pipe)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_at_most(FAULT_SPLICE, weir_conn_fd(&right.conn), 1, 5000);
	conn_turns(1);
	cr_assert_eq(fault_n_pending(), 0);
	cr_assert_eq(conn_probe_progress(&right).queued,
		     BULK - WEIR_READ_SIZE - 5000);
	cr_assert(conn_probe_is_armed(&right));
	expect_all(BULK);
}

Test(link_pass, queues_where_the_kernel_does_not_splice_to_the_sink)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_next(FAULT_SPLICE, -EINVAL);
	fault_result(FAULT_SPLICE, weir_conn_fd(&right.conn), 1, -EINVAL);
	conn_turns(1);
	fault_clear();
	expect_all(BULK);
}

Test(link_pass, without_a_pipe_or_room_all_goes_through_on_data)
{
	static const struct {
		enum fault_call call;
		int result;
	} against[] = {{FAULT_PIPE, -EMFILE},
		       {FAULT_SEND_ROOM, 0},
		       {FAULT_SEND_ROOM, WEIR_READ_SIZE - 1}};
	size_t i;

	for (i = 0; i < sizeof against / sizeof *against; i++) {
		open_with(NULL);
		fault_reset();
		fault_result(against[i].call, FAULT_ANY_FD, FAULT_ALWAYS,
			     against[i].result);
		conn_probe_write(&left, BULK);
		expect_all(BULK);
		cr_assert_eq(fault_count(FAULT_SPLICE), 0);
		cr_assert_eq(left.n_of[(int)CONN_DATA], 3);
		conn_close_all();
	}
}

Test(link_pass, leaves_a_blocking_socket_alone)
{
	struct conn_probe *const either[] = {&left, &right};
	size_t i;

	for (i = 0; i < 2; i++) {
		open_with(NULL);
		fcntl(weir_conn_fd(&either[i]->conn), F_SETFL, 0);
		conn_probe_write(&left, BULK);
		expect_all(BULK);
		cr_assert_eq(fault_count(FAULT_SPLICE), 0);
		conn_close_all();
	}
}

/* What on_data leaves comes before what is in the socket. */
Test(link_pass, does_not_overtake_bytes_that_on_data_leaves)
{
	const struct weir_conn_limits limits = {.input = 1000000};

	open_with(&limits);
	n_leave = 1;
	conn_probe_write(&left, BULK);
	conn_turns(1);
	cr_assert_eq(left.n_of[(int)CONN_DATA], 1);
	cr_assert_eq(fault_count(FAULT_SPLICE), 0);
	conn_turns(3);
	cr_assert_eq(fault_count(FAULT_SPLICE), 0);
	n_leave = 0;
	conn_probe_write(&left, 1);
	expect_all(BULK + 1);
}

static size_t pause_and_pass(struct weir_conn *c, const void *data, size_t n)
{
	weir_conn_pause(c);
	return pass_on(c, data, n);
}

Test(link_pass, moves_nothing_of_a_paused_source)
{
	open_with(NULL);
	events.on_data = pause_and_pass;
	conn_probe_write(&left, BULK);
	conn_turns(3);
	cr_assert_eq(conn_probe_progress(&left).received, WEIR_READ_SIZE);
	cr_assert_eq(fault_count(FAULT_SPLICE), 0);
}

Test(link_pass, without_memory_for_the_rest_the_sink_ends_by_reset)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_at_most(FAULT_SPLICE, weir_conn_fd(&right.conn), 1, 5000);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	conn_turns(2);
	fault_clear();
	cr_assert_eq(right.result.reason, WEIR_REASON_ERROR);
	cr_assert_eq(right.result.error, -ENOMEM);
	cr_assert_eq(right.result.progress.sent, WEIR_READ_SIZE + 5000);
	cr_assert_eq(conn_probe_progress(&left).unread,
		     BULK - WEIR_READ_SIZE - 5000);
}

/* The pipe keeps nothing for the next pair. */
Test(link_pass, what_a_broken_sink_does_not_take_is_unread)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_result(FAULT_SPLICE, weir_conn_fd(&right.conn), 1, -ECONNRESET);
	conn_turns(2);
	cr_assert_eq(right.result.reason, WEIR_REASON_RESET);
	cr_assert_eq(conn_probe_progress(&left).unread, BULK - WEIR_READ_SIZE);
	conn_close_all();
	open_with(NULL);
	conn_probe_write(&left, BULK);
	expect_all(BULK);
}

Test(link_pass, an_error_of_the_source_is_not_lost)
{
	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_next(FAULT_SPLICE, -ECONNRESET);
	conn_turns(5);
	cr_assert_eq(left.result.reason, WEIR_REASON_RESET);
}

/* -EAGAIN, and what is no error of the source. */
Test(link_pass, goes_on_when_nothing_moves)
{
	static const int results[] = {-EAGAIN, -EINVAL, -ENOMEM, 0};
	size_t i;

	for (i = 0; i < sizeof results / sizeof *results; i++) {
		open_with(NULL);
		fault_next(FAULT_SPLICE, results[i]);
		conn_probe_write(&left, BULK);
		expect_all(BULK);
		cr_assert_eq(fault_n_pending(), 0);
		conn_close_all();
	}
}

Test(link_pass, takes_what_the_kernel_takes_when_there_is_no_memory)
{
	open_with(NULL);
	conn_probe_write(&left, 5000);
	fault_at_most(FAULT_SEND, weir_conn_fd(&right.conn), 1, 1000);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	conn_turns(1);
	/* but the rest cannot be kept either */
	cr_assert_eq(left.n_taken, 1000);
	cr_assert_eq(harness_peer_read(&right.peer, SIZE_MAX), 1000);
}

Test(link_pass, to_a_sink_that_ended_holds_the_source_until_it_closes)
{
	open_with(NULL);
	weir_conn_shutdown(&right.conn);
	conn_probe_write(&left, 100);
	conn_turns(5);
	cr_assert_eq(left.n_of[(int)CONN_DATA], 1);
	cr_assert_eq(left.n_taken, 0);
	cr_assert(weir_conn_is_held(&left.conn, WEIR_HOLD_LINKS));
	weir_conn_abort(&right.conn, true);
	conn_turns(2);
	cr_assert(!weir_link_is_open(&there));
	cr_assert_eq(weir_link_pass(&there, "x", 1), 0);
	cr_assert_eq(left.n_of[(int)CONN_DATA], 2);
}

Test(link_pass, stays_below_max)
{
	const struct weir_conn_limits limits = {
		.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};

	open_with(&limits);
	fault_result(FAULT_SPLICE, weir_conn_fd(&right.conn), 1, -EAGAIN);
	conn_probe_write(&left, BULK);
	conn_turns(1);
	cr_assert_eq(fault_n_pending(), 0);
	cr_assert_eq(conn_probe_progress(&right).queued, 1 + WEIR_READ_SIZE);
	expect_all(BULK);
}

/* on_data leaves all at first, so more comes at once than the sink may ever
 * hold. */
Test(link_pass, goes_on_with_more_than_max_when_the_sink_has_room_again)
{
	const struct weir_conn_limits limits = {.low = 1,
						.high = 1,
						.max = 1 + WEIR_READ_SIZE,
						.input = 1000000};

	open_with(&limits);
	left.conn.events = &conn_probe_events;
	left.take = 0;
	conn_probe_write(&left, BULK);
	conn_turns(5);
	cr_assert_eq(left.n_kept, BULK);
	weir_conn_set_events(&left.conn, &events);
	fault_at_most(FAULT_SEND, weir_conn_fd(&right.conn), 1, 1000);
	expect_all(BULK);
}

Test(link_pass, moves_bulk_from_tcp_to_tcp)
{
	open_with(NULL);
	conn_close_all();
	cr_assert_eq(conn_probe_open_tcp(&left, 0, NULL), 0);
	cr_assert_eq(conn_probe_open_tcp(&right, 0, NULL), 0);
	right.peer.seed = left.peer.seed;
	weir_link_open(&there, &left.conn, &right.conn);
	conn_probe_write(&left, BULK);
	expect_all(BULK);
	cr_assert_eq(conn_probe_progress(&right).accepted, BULK);
}

/* -- with each call failing -- */

/* Returns which. */
static enum fault_call run(uint64_t k)
{
	enum fault_call hit;
	unsigned n;

	open_with(NULL);
	conn_probe_write(&left, BULK);
	fault_reset();
	fault_fail_call(k);
	for (n = 0; n < 10; n++) {
		conn_turns(1);
		harness_peer_read(&right.peer, SIZE_MAX);
		if (n == 5)
			conn_probe_write_end(&left);
	}
	hit = fault_hit();
	if (left.result.error == 0 && right.result.error == 0)
		cr_expect_eq(right.peer.n_received, BULK, "call %llu, a %s",
			     (unsigned long long)k, fault_call_name(hit));
	conn_end();
	conn_begin();
	return hit;
}

Test(link_pass, ends_well_whatever_fails)
{
	unsigned n_splices = 0;
	enum fault_call hit;
	uint64_t k = 1;

	do {
		hit = run(k++);
		n_splices += hit == FAULT_SPLICE;
	} while (hit != FAULT_NONE);
	cr_expect_eq(n_splices, 2);
}
