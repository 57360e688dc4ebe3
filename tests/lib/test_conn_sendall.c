/* weir_conn_sendall: when it leaves, in how many calls, and what is copied. */
#include "conn_inside.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SMALL = 4096, /* the largest that gathers */
	LARGE = 4097
};

TestSuite(conn_sendall, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe q;
static struct weir_timer timer;

/* What is sent in p's next callback of this name: sizes, > 0 by sendall, < 0
 * by sendbuf, 0 ends. */
static struct {
	char at;
	const int *sizes;
} act;

static void send_one(struct conn_probe *probe, int size)
{
	if (size > 0)
		cr_assert_eq(conn_probe_sendall(probe, (size_t)size), 0);
	else
		cr_assert_eq(conn_probe_sendbuf(probe, (size_t)-size), 0);
}

static void send_them(struct conn_probe *probe, char call)
{
	if (call != act.at)
		return;
	act.at = 0;
	for (; *act.sizes != 0; act.sizes++)
		send_one(probe, *act.sizes);
}

static size_t sum(const int *sizes)
{
	size_t n = 0;

	for (; *sizes != 0; sizes++)
		n += (size_t)abs(*sizes);
	return n;
}

/* Send these in p's on_data; how many calls of send and sendv that was. */
static unsigned calls_for(const int *sizes)
{
	size_t n = sum(sizes);

	act.at = CONN_DATA;
	act.sizes = sizes;
	conn_probe_write(&p, 1);
	fault_reset();
	conn_turns(1);
	cr_assert_eq(act.at, 0);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), n);
	return (unsigned)fault_count(FAULT_ANY_SEND);
}

static void open_to_act(void)
{
	p.then = send_them;
	conn_probe_open(&p, 0, NULL);
}

Test(conn_sendall, sixteen_answers_in_a_callback_leave_in_one_send)
{
	const int sizes[] = {64, 64, 64, 64, 64, 64, 64, 64, 64,
			     64, 64, 64, 64, 64, 64, 64, 0};

	open_to_act();
	cr_assert_eq(calls_for(sizes), 1);
	cr_assert_eq(calls_for(sizes), 1);
	cr_assert_eq(fault_count_kernel(), 3); /* wait, recv, send */
}

Test(conn_sendall, small_ones_gather_up_to_64_kib)
{
	int sizes[33] = {0};
	unsigned i;

	open_to_act();
	for (i = 0; i < 16; i++)
		sizes[i] = SMALL;
	cr_assert_eq(calls_for(sizes), 1);
	sizes[i++] = 1;
	cr_assert_eq(calls_for(sizes), 2);
	for (i = 0; i < 32; i++)
		sizes[i] = SMALL;
	cr_assert_eq(calls_for(sizes), 2);
}

Test(conn_sendall, a_large_one_leaves_with_what_was_gathered)
{
	open_to_act();
	cr_assert_eq(calls_for((const int[]){LARGE, 0}), 1);
	cr_assert_eq(calls_for((const int[]){10, 20, LARGE, 0}), 1);
	cr_assert_eq(fault_count(FAULT_SENDV), 1);
	cr_assert_eq(calls_for((const int[]){10, LARGE, 10, 20, 0}), 2);
	cr_assert_eq(calls_for((const int[]){LARGE, LARGE, 0}), 2);
}

Test(conn_sendall, a_large_one_leaves_at_once)
{
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(conn_probe_sendall(&p, LARGE), 0);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), LARGE);
}

Test(conn_sendall, shared_ones_leave_with_the_rest_when_the_callback_returns)
{
	open_to_act();
	cr_assert_eq(calls_for((const int[]){-10, -LARGE, -20, 0}), 1);
	cr_assert_eq(calls_for((const int[]){10, -10, 0}), 1);
	cr_assert_eq(calls_for((const int[]){-10, 10, 0}), 1);
	cr_assert_eq(calls_for((const int[]){10, -10, 10, -10, 10, 0}), 1);
}

Test(conn_sendall, a_large_one_takes_shared_ones_along)
{
	open_to_act();
	cr_assert_eq(calls_for((const int[]){-10, -20, LARGE, 0}), 1);
	cr_assert_eq(calls_for((const int[]){10, -20, LARGE, 0}), 1);
	p.then = NULL;
	send_one(&p, -10);
	send_one(&p, -20);
	send_one(&p, LARGE);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 30 + LARGE);
}

Test(conn_sendall, gathers_in_on_end_too)
{
	const int sizes[] = {1000, 1000, 0};

	act.at = CONN_AT_END;
	act.sizes = sizes;
	open_to_act();
	conn_probe_write_end(&p);
	fault_reset();
	conn_turns(2);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 1);
}

Test(conn_sendall, gathers_in_on_writable_and_on_pressure_too)
{
	static const char callbacks[] = {CONN_WRITABLE, CONN_BELOW};
	const struct weir_conn_limits limits = {.low = 1, .high = 10};
	const int sizes[] = {1000, 1000, 0};
	size_t i;

	for (i = 0; i < sizeof callbacks; i++) {
		act.at = callbacks[i];
		act.sizes = sizes;
		p.then = send_them;
		cr_assert_eq(conn_probe_open(&p, 0, &limits), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
		conn_probe_sendall(&p, 100);
		conn_probe_send(&p, 0);
		conn_turns(1);
		cr_assert_str_eq(p.calls, "+");
		fault_reset();
		conn_turns(2);
		cr_assert_eq(act.at, 0);
		/* the flush that brought it about, and what it gathered */
		cr_assert_eq(fault_count(FAULT_ANY_SEND), 2);
		cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 2100);
		conn_close_all();
	}
}

/* When the kernel is full, gathering goes to the queue. */
Test(conn_sendall, gathers_in_on_pressure_above_without_a_call)
{
	const struct weir_conn_limits limits = {.low = 1, .high = 10};
	const int sizes[] = {1000, 1000, LARGE, -10, 0};

	act.at = CONN_ABOVE;
	act.sizes = sizes;
	p.then = send_them;
	conn_probe_open(&p, 0, &limits);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
	conn_probe_sendall(&p, 100);
	conn_turns(1);
	cr_assert_eq(act.at, 0);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 1);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 2);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 100 + sum(sizes));
}

Test(conn_sendall, outside_the_loop_small_ones_leave_in_the_next_turn)
{
	unsigned i;

	conn_probe_open(&p, 0, NULL);
	for (i = 0; i < 100; i++)
		cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 0);
	cr_assert_eq(conn_probe_progress(&p).queued, 10000);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 1);
	cr_assert_eq(fault_count(FAULT_ANY_EPOLL_CTL), 1); /* open's */
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10000);
}

static void send_on_expiry(struct weir_timer *t)
{
	(void)t;
	send_one(&p, 10);
	send_one(&p, -10);
	send_one(&p, 10);
}

Test(conn_sendall, from_a_timer_leaves_in_the_same_turn)
{
	conn_probe_open(&p, 0, NULL);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 5, send_on_expiry);
	cr_assert_geq(weir_loop_turn(conn_loop, 5), 0);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 30);
}

static void send_to_both(struct conn_probe *probe, char call)
{
	unsigned i;

	if (call != CONN_DATA)
		return;
	for (i = 0; i < 5; i++) {
		send_one(probe, 10);
		send_one(probe->other, 10);
	}
}

Test(conn_sendall, to_another_connection_leaves_in_the_same_turn)
{
	p.then = send_to_both;
	p.other = &q;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&q, 0, NULL);
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_ANY_SEND), 2);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 50);
	cr_assert_eq(harness_peer_read(&q.peer, SIZE_MAX), 50);
	cr_assert_str_eq(q.calls, "");
}

Test(conn_sendall, of_nothing_does_nothing)
{
	conn_probe_open(&p, 0, NULL);
	fault_reset();
	cr_assert_eq(conn_probe_sendall(&p, 0), 0);
	cr_assert_eq(conn_probe_sendbuf(&p, 0), 0);
	conn_turns(1);
	cr_assert_eq(fault_count_kernel(), 1);
}

/* Only what the kernel leaves of a large one is copied. */
Test(conn_sendall, of_a_large_one_only_the_remainder_is_held)
{
	size_t n_before;
	size_t n_held;

	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, 10);
	conn_turns(1);
	n_before = fault_n_live_bytes();
	conn_probe_sendall(&p, 100000);
	conn_turns(1);
	cr_assert_leq(fault_n_live_bytes(), n_before + WEIR_POOL_KEEP);
	harness_peer_read(&p.peer, SIZE_MAX);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 99000);
	conn_probe_sendall(&p, 100000);
	n_held = conn_loop->pool.n_used_bytes;
	cr_assert_leq(n_held,
		      1000 + WEIR_CHUNK_SIZE + sizeof *p.conn.out.backlog);
	conn_flow(&p);
	cr_assert_eq(conn_loop->pool.n_used_bytes, sizeof *p.conn.out.backlog);
}

Test(conn_sendall, gives_memory_back_after_a_burst)
{
	size_t n_before;

	conn_probe_open(&p, 4608, NULL);
	conn_probe_sendall(&p, 10);
	conn_turns(1);
	n_before = fault_n_live_bytes();
	conn_probe_sendall(&p, 1000000);
	cr_assert_geq(fault_n_live_bytes(), n_before + 900000);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 1000010);
	cr_assert_leq(fault_n_live_bytes(), n_before + WEIR_POOL_KEEP);
	cr_assert_eq(conn_loop->pool.n_used_bytes, sizeof *p.conn.out.backlog);
}
