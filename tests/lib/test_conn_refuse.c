/* What sendall and sendbuf refuse, they have not begun: -EMSGSIZE, -ENOBUFS
 * and -ENOMEM change nothing. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SNDBUF = 4608,
	LARGE = 5000
};

TestSuite(conn_refuse, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static const struct weir_conn_limits small = {
	.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};

/* What p does in on_data. */
static void (*act)(void);

static void do_act(struct conn_probe *probe, char call)
{
	(void)probe;
	if (call == CONN_DATA)
		act();
}

static void act_in_callback(void (*what)(void))
{
	act = what;
	p.then = do_act;
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert_eq(p.n_of[CONN_DATA], 1);
	p.then = NULL;
}

static void expect_unchanged(int error, int result, struct weir_progress before)
{
	struct weir_progress after = conn_probe_progress(&p);

	cr_assert_eq(result, error);
	cr_assert_eq(after.accepted, before.accepted);
	cr_assert_eq(after.queued, before.queued);
	cr_assert_eq(after.dropped, 0);
	cr_assert_eq(after.sent, before.sent);
}

/* Leave n bytes queued behind a full kernel. */
static void open_full(size_t n)
{
	cr_assert_eq(conn_probe_open(&p, SNDBUF, &small), 0);
	cr_assert_lt(conn_probe_send(&p, 100000), 100000);
	if (n > 0)
		cr_assert_eq(conn_probe_sendall(&p, n), 0);
	conn_turns(2);
}

Test(conn_refuse, more_than_max_can_never_be_sent)
{
	struct weir_progress before;

	conn_probe_open(&p, 0, &small);
	conn_probe_sendall(&p, 10);
	before = conn_probe_progress(&p);
	fault_reset();
	expect_unchanged(-EMSGSIZE, conn_probe_sendall(&p, small.max + 1),
			 before);
	expect_unchanged(-EMSGSIZE, conn_probe_sendbuf(&p, small.max + 1),
			 before);
	cr_assert_eq(fault_count_kernel(), 0);
	cr_assert_eq(conn_probe_sendall(&p, small.max), 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 10 + small.max);
	cr_assert_eq(p.n_of[CONN_ABOVE], 0);
}

Test(conn_refuse, no_room_below_max_is_the_last_byte)
{
	struct weir_progress before;

	open_full(small.max - 100);
	before = conn_probe_progress(&p);
	fault_reset();
	expect_unchanged(-ENOBUFS, conn_probe_sendall(&p, 101), before);
	expect_unchanged(-ENOBUFS, conn_probe_sendall(&p, LARGE), before);
	expect_unchanged(-ENOBUFS, conn_probe_sendbuf(&p, 101), before);
	cr_assert_eq(fault_count_kernel(), 0);
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, p.n_accepted);
}

static ssize_t fail_send(void)
{
	return conn_probe_send(&p, LARGE);
}

static ssize_t fail_sendall(void)
{
	return conn_probe_sendall(&p, LARGE);
}

static void expect_the_end_to_be_no_refusal(ssize_t (*send)(void))
{
	conn_probe_open(&p, 0, NULL);
	fault_next(FAULT_ANY_SEND, -EMSGSIZE);
	cr_assert_eq(send(), -EPIPE);
	cr_assert_eq(send(), -EPIPE);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "c");
	cr_assert_eq(p.result.error, -EMSGSIZE);
	conn_close_all();
}

/* A user would go on to send, and a part would look like the whole. */
Test(conn_refuse, in_no_words_that_tell_the_end_of_the_connection)
{
	expect_the_end_to_be_no_refusal(fail_send);
	expect_the_end_to_be_no_refusal(fail_sendall);
}

static void gather_60000(void)
{
	unsigned i;

	for (i = 0; i < 15; i++)
		cr_assert_eq(conn_probe_sendall(&p, 4000), 0);
}

static void gather_one(void)
{
	cr_assert_eq(conn_probe_sendall(&p, 1), 0);
}

static void exceed_max_with_gathered(void)
{
	gather_60000();
	cr_assert_eq(conn_probe_sendall(&p, 10000), 0);
	gather_60000();
	cr_assert_eq(conn_probe_sendbuf(&p, 10000), 0);
}

Test(conn_refuse, not_before_the_kernel_was_offered_what_is_gathered)
{
	conn_probe_open(&p, 0, &small);
	act_in_callback(exceed_max_with_gathered);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 140000);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "d");
}

static void exceed_max_in_vain(void)
{
	struct weir_progress before;

	gather_60000();
	before = conn_probe_progress(&p);
	cr_assert_eq(before.sent, 0);
	cr_assert_eq(before.queued, 60000);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 1000);
	cr_assert_eq(conn_probe_sendall(&p, 10000), -ENOBUFS);
	before = conn_probe_progress(&p);
	cr_assert_eq(before.sent, 1000);
	cr_assert_eq(before.queued, 59000);
	expect_unchanged(-ENOBUFS, conn_probe_sendall(&p, 10000), before);
	cr_assert_eq(conn_probe_sendall(&p, 5000), 0);
}

Test(conn_refuse, with_what_is_gathered_queued_when_the_kernel_is_full)
{
	conn_probe_open(&p, 0, &small);
	act_in_callback(exceed_max_in_vain);
	cr_assert_str_eq(p.calls, "d+");
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 65000);
	cr_assert_str_eq(p.calls, "d+-");
}

static void refuse_each_for_memory(void)
{
	struct weir_progress before;
	size_t n_live;
	unsigned i;

	for (i = 0; i < 3; i++) {
		before = conn_probe_progress(&p);
		n_live = fault_n_live_bytes();
		fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
		if (i == 0)
			expect_unchanged(-ENOMEM, conn_probe_sendall(&p, 1000),
					 before);
		else if (i == 1)
			expect_unchanged(-ENOMEM, conn_probe_sendall(&p, LARGE),
					 before);
		fault_clear();
		cr_assert_leq(fault_n_live_bytes(), n_live);
	}
}

Test(conn_refuse, for_lack_of_memory_outside)
{
	unsigned i;

	/* with no debt yet; with one; behind a queue */
	for (i = 0; i < 3; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		if (i >= 1)
			conn_probe_sendall(&p, 100);
		if (i == 1)
			conn_turns(1);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 10);
		if (i == 2)
			conn_turns(1);
		refuse_each_for_memory();
		conn_turns(1);
		conn_flow(&p);
		cr_assert_eq(p.n_of[CONN_ABOVE], 1);
		cr_assert_eq(p.peer.n_received, p.n_accepted);
		conn_close_all();
	}
}

/* Small ones need no memory in a callback: they gather. Even when the kernel
 * takes nothing then, none of the gathered is lost. */
static void gather_without_memory(void)
{
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	cr_assert_eq(conn_probe_sendall(&p, 1000), 0);
	cr_assert_eq(conn_probe_sendall(&p, 4000), 0);
}

Test(conn_refuse, no_small_one_in_a_callback_for_lack_of_memory)
{
	size_t n;

	for (n = 0; n <= 5000; n += 100) {
		/* have the gather buffer, which comes with the first message */
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		act_in_callback(gather_one);
		conn_close_all();
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
		act_in_callback(gather_without_memory);
		fault_clear();
		conn_flow(&p);
		cr_assert_eq(p.peer.n_received, 5000);
		conn_close_all();
	}
}

/* Allocation number k fails, k = 1, 2, ...: what was accepted arrives, in
 * order, and what was refused does not. */
static int results[6];

static void send_all_kinds(void)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 30);
	results[0] = conn_probe_sendall(&p, 20);
	results[1] = conn_probe_sendall(&p, LARGE);
	results[2] = conn_probe_sendbuf(&p, 20);
	results[3] = conn_probe_sendall(&p, 20);
	results[4] = conn_probe_sendall(&p, LARGE);
	results[5] = conn_probe_sendbuf(&p, LARGE);
}

static bool fail_alloc(uint64_t k, bool in_callback)
{
	bool has_hit;
	size_t i;

	memset(results, 0, sizeof results);
	cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
	fault_reset();
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, k, -ENOMEM);
	if (in_callback) {
		act_in_callback(send_all_kinds);
	} else {
		send_all_kinds();
		conn_turns(1);
	}
	conn_flow(&p);
	has_hit = fault_count(FAULT_ALLOC) >= k;
	fault_clear();
	for (i = 0; i < 6; i++)
		cr_assert(results[i] == 0 || results[i] == -ENOMEM,
			  "send %zu with allocation %d failing: %d", i, (int)k,
			  results[i]);
	cr_assert(weir_conn_is_open(&p.conn));
	cr_assert_eq(p.peer.n_received, p.n_accepted);
	conn_close_all();
	return has_hit;
}

Test(conn_refuse, with_any_allocation_failing_all_that_was_accepted_arrives)
{
	uint64_t k;

	for (k = 1; fail_alloc(k, false); k++)
		;
	cr_assert_gt(k, 4);
	for (k = 1; fail_alloc(k, true); k++)
		;
	cr_assert_gt(k, 4);
}
