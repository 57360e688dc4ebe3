/* Files in the send queue: in order with memory, never in memory themselves,
 * however much of them the kernel takes at a time. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn_inside.h"
#include <weir/fence.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SNDBUF = 4608,
	SMALL = 100,
	LARGE = 20000,
	MUCH = 900000,
	PER_TURN = 2097152
};

static struct conn_probe p;

TestSuite(conn_sendfile, .init = conn_begin, .fini = conn_end);

/* -- order -- */

Test(conn_sendfile, leaves_a_file)
{
	int file;

	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(sendfile_next_as(&p, LARGE, &file), 0);
	cr_assert(sendfile_is_open(file));
	sendfile_expect_received(&p);
	cr_assert_not(sendfile_is_open(file));
	cr_assert_str_eq(p.calls, "");
}

static int send_one(unsigned how)
{
	switch (how) {
	case 0:
		return conn_probe_sendall(&p, 1 + harness_random_below(SMALL));
	case 1:
		return conn_probe_sendall(&p, 1 + harness_random_below(LARGE));
	case 2:
		return conn_probe_sendbuf(&p, 1 + harness_random_below(LARGE));
	default:
		return sendfile_next(&p, 1 + harness_random_below(LARGE));
	}
}

static void send_some(struct conn_probe *probe, char call)
{
	size_t n = harness_random_below(6);

	(void)probe;
	if (call != CONN_DATA)
		return;
	while (n-- > 0) {
		int error = send_one((unsigned)harness_random_below(4));

		cr_assert(error == 0 || error == -ENOBUFS);
	}
}

static void send_in_any_order(bool is_tcp)
{
	const struct weir_conn_limits limits = {.flags = WEIR_CONN_NO_THROTTLE};
	unsigned i;

	p.then = send_some;
	if (is_tcp)
		conn_probe_open_tcp(&p, SNDBUF, &limits);
	else
		conn_probe_open(&p, SNDBUF, &limits);
	/* what the kernel has not moved yet may as well move later */
	fault_time_settle(0);
	for (i = 0; i < 400; i++) {
		if (harness_random_below(2) == 0)
			send_one((unsigned)harness_random_below(4));
		else
			conn_probe_write(&p, 1);
		if (harness_random_below(3) == 0)
			harness_peer_read(&p.peer, harness_random_below(60000));
		conn_turns((unsigned)harness_random_below(4));
	}
	sendfile_expect_received(&p);
}

Test(conn_sendfile, keeps_its_place_among_everything_else)
{
	send_in_any_order(false);
}

Test(conn_sendfile, keeps_its_place_on_tcp)
{
	send_in_any_order(true);
}

static void all_pairs(struct conn_probe *probe, char call)
{
	unsigned i;

	(void)probe;
	if (call != CONN_DATA)
		return;
	for (i = 0; i < 16; i++) {
		cr_assert_eq(send_one(i / 4), 0);
		cr_assert_eq(send_one(i % 4), 0);
	}
}

Test(conn_sendfile, keeps_its_place_in_a_callback)
{
	p.then = all_pairs;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	sendfile_expect_received(&p);
}

Test(conn_sendfile, ends_behind_finish)
{
	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	weir_conn_finish(&p.conn);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
	cr_assert(p.peer.has_ended);
	conn_probe_write_end(&p);
	conn_turns(3);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
}

Test(conn_sendfile, makes_no_scraps_of_small_messages_behind_it)
{
	size_t n_live;
	unsigned i;

	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	conn_turns(2);
	n_live = fault_n_live();
	for (i = 0; i < 100; i++)
		cr_assert_eq(conn_probe_sendall(&p, 1), 0);
	cr_assert_eq(fault_n_live(), n_live + 1);
	sendfile_expect_received(&p);
}

/* -- short and full -- */

static void send_cut(enum fault_call call, size_t n, size_t n_taken)
{
	conn_probe_open(&p, 0, NULL);
	fault_at_most(call, FAULT_ANY_FD, 1, n_taken);
	cr_assert_eq(conn_probe_sendall(&p, 3), 0);
	cr_assert_eq(sendfile_next(&p, n), 0);
	cr_assert_eq(sendfile_next(&p, n), 0);
	cr_assert_eq(conn_probe_sendall(&p, 5), 0);
	sendfile_expect_received(&p);
	cr_assert_eq(fault_n_pending(), 0);
	conn_close_all();
}

Test(conn_sendfile, goes_on_after_any_number_of_bytes)
{
	size_t k;

	for (k = 0; k <= 2 * SMALL + 8; k++)
		send_cut(FAULT_SENDV, SMALL, k);
	for (k = 0; k <= SMALL; k++)
		send_cut(FAULT_SENDFILE, LARGE, k);
}

Test(conn_sendfile, goes_on_after_any_short_read)
{
	size_t k;

	for (k = 1; k <= SMALL; k++) {
		conn_probe_open(&p, 0, NULL);
		fault_at_most(FAULT_PREAD, FAULT_ANY_FD, 2, k);
		cr_assert_eq(sendfile_next(&p, SMALL), 0);
		cr_assert_eq(conn_probe_sendall(&p, 5), 0);
		sendfile_expect_received(&p);
		cr_assert_eq(fault_n_pending(), 0);
		conn_close_all();
	}
}

Test(conn_sendfile, goes_on_byte_by_byte)
{
	conn_probe_open(&p, 0, NULL);
	fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, FAULT_ALWAYS, 1);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	sendfile_expect_received(&p);
	cr_assert_eq(fault_count(FAULT_SENDV), 2 * SMALL);
}

Test(conn_sendfile, waits_while_the_kernel_is_full)
{
	static const size_t sizes[] = {SMALL, LARGE};
	struct weir_progress is;
	unsigned i;

	for (i = 0; i < 2; i++) {
		conn_probe_open(&p, 0, NULL);
		fault_next(FAULT_ANY_SEND, -EAGAIN);
		cr_assert_eq(sendfile_next(&p, sizes[i]), 0);
		conn_turns(1);
		is = conn_probe_progress(&p);
		cr_assert_eq(is.n_would_blocks, 1);
		cr_assert_eq(is.queued, sizes[i]);
		cr_assert(conn_probe_is_armed(&p));
		sendfile_expect_received(&p);
		cr_assert_not(conn_probe_is_armed(&p));
		conn_close_all();
	}
}

/* Nothing spins while the peer does not read. */
Test(conn_sendfile, asks_the_kernel_no_more_often_than_it_has_room)
{
	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	conn_turns(3);
	fault_reset();
	conn_turns(100);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 0);
	sendfile_expect_received(&p);
}

Test(conn_sendfile, is_bounded_in_each_turn)
{
	uint64_t n_calls;
	uint64_t n_sent;

	conn_probe_open_tcp(&p, 0, NULL);
	cr_assert_eq(sendfile_next(&p, 8 * PER_TURN), 0);
	do {
		n_sent = p.conn.out.sent;
		n_calls = fault_count(FAULT_SENDFILE);
		conn_turns(1);
		cr_assert_leq(p.conn.out.sent, n_sent + PER_TURN);
		cr_assert_leq(fault_count(FAULT_SENDFILE), n_calls + 1);
		harness_peer_read(&p.peer, SIZE_MAX);
	} while (p.conn.out.sent < p.n_accepted);
	sendfile_expect_received(&p);
}

/* Of 3 GiB the kernel only says that it took them. The words behind them are
 * sent: their place is beyond 32 bits of a signed offset. */
Test(conn_sendfile, keeps_its_place_beyond_3_gib)
{
	const uint64_t n = UINT64_C(3) << 30;
	const unsigned n_calls = (unsigned)(n / PER_TURN);
	int file = memfd_create("weir", MFD_CLOEXEC);
	char words[SMALL];
	char received[SMALL];

	harness_fill(words, SMALL, 2, 0);
	cr_assert_eq(pwrite(file, words, SMALL, (off_t)n), SMALL);
	conn_probe_open(&p, 0, NULL);
	fault_result(FAULT_SENDFILE, FAULT_ANY_FD, FAULT_ALWAYS, PER_TURN);
	cr_assert_eq(sendfile_and_let_go(&p.conn, file, 0, n + SMALL), 0);
	p.n_accepted = n + SMALL;
	cr_assert_eq(conn_probe_progress(&p).queued, n + SMALL);
	conn_turns(n_calls + 1);
	cr_assert_eq(fault_count(FAULT_SENDFILE), n_calls);
	cr_assert_eq(p.conn.out.sent, n + SMALL);
	harness_read(p.peer.fd, received, SMALL);
	cr_assert_arr_eq(received, words, SMALL);
	p.peer.n_received = n + SMALL;
}

/* -- the accounts -- */

Test(conn_sendfile, does_not_weigh)
{
	const struct weir_conn_limits limits = {.high = 1000, .max = 66536};
	struct weir_progress is;
	unsigned i;

	conn_probe_open(&p, SNDBUF, &limits);
	cr_assert_eq(weir_loop_budget(conn_loop, 10000, 0), 0);
	for (i = 0; i < 10; i++)
		cr_assert_eq(sendfile_next(&p, MUCH), 0);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
	is = conn_probe_progress(&p);
	cr_assert_eq(is.accepted, 10 * MUCH);
	cr_assert_eq(is.queued, 10 * MUCH - is.sent);
	cr_assert_lt(conn_loop->pool.n_used_bytes, 2000);
	cr_assert_eq(conn_probe_sendall(&p, 1000), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	sendfile_expect_received(&p);
	cr_assert_str_eq(p.calls, "+-");
}

static uint64_t n_at_fence;

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	(void)fence;
	cr_assert_eq(n_dropped, 0);
	n_at_fence = p.conn.out.sent;
}

Test(conn_sendfile, has_fences_behind_it)
{
	struct weir_fence fence = {0};
	unsigned i;

	fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, FAULT_ALWAYS, 10);
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	cr_assert_eq(weir_fence_open(&fence, &p.conn, on_fence), 0);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	for (i = 0; i < 9; i++)
		conn_turns(1);
	cr_assert_eq(n_at_fence, 0);
	conn_turns(1);
	cr_assert_eq(n_at_fence, SMALL);
	sendfile_expect_received(&p);
}

static uint64_t n_dropped_at_fence;

static void note_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	(void)fence;
	n_dropped_at_fence = n_dropped;
}

Test(conn_sendfile, tells_its_fences_what_it_dropped)
{
	struct weir_fence fence = {0};

	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	cr_assert_eq(weir_fence_open(&fence, &p.conn, note_fence), 0);
	conn_turns(2);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_gt(n_dropped_at_fence, 0);
	cr_assert_eq(n_dropped_at_fence, MUCH - p.result.progress.sent);
}

/* -- every call fails in turn -- */

static void reply(struct conn_probe *probe, char call)
{
	(void)probe;
	if (call != CONN_DATA)
		return;
	send_one(0);
	send_one(3);
	send_one(2);
	send_one(1);
	send_one(3);
}

Test(conn_sendfile, survives_any_failing_call)
{
	uint64_t k;

	for (k = 1;; k++) {
		p.then = reply;
		if (conn_probe_open(&p, SNDBUF, NULL) < 0)
			continue;
		fault_reset();
		fault_fail_call(k);
		send_one(1);
		send_one(3);
		conn_turns(1);
		if (weir_conn_is_open(&p.conn))
			conn_probe_write(&p, 1);
		conn_flow(&p);
		if (weir_conn_is_open(&p.conn))
			weir_conn_finish(&p.conn);
		conn_flow(&p);
		conn_probe_write_end(&p);
		conn_pass(UINT64_C(40000000000));
		cr_assert_eq(p.n_of[CONN_CLOSED], 1, "call %d", (int)k);
		cr_assert_leq(p.peer.n_received, p.n_accepted);
		if (p.result.reason == WEIR_REASON_FINISHED)
			cr_assert_eq(p.peer.n_received, p.n_accepted);
		if (fault_hit() == FAULT_NONE)
			break;
		conn_close_all();
	}
	cr_assert_gt(k, 20);
}
