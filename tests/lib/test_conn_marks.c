/* low, high and max: on_pressure, the connection's own throttle, refusals. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	SNDBUF = 4608, /* the kernel takes a few KiB */
	KIB = 1024
};

static const uint64_t MS = 1000000;

TestSuite(conn_marks, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

/* Leave exactly n bytes queued behind a kernel that is full. The send that
 * fills it would have on_writable follow. */
static void open_full(const struct weir_conn_limits *limits, size_t n)
{
	static struct weir_conn_events events;

	events = conn_probe_events;
	events.on_writable = NULL;
	p.events = &events;
	cr_assert_eq(conn_probe_open(&p, SNDBUF, limits), 0);
	cr_assert_lt(conn_probe_send(&p, 100000), 100000);
	conn_turns(1);
	if (n > 0)
		cr_assert_eq(conn_probe_sendall(&p, n), 0);
	conn_turns(2);
	cr_assert_eq(conn_probe_progress(&p).queued, n);
}

/* Let the kernel take the next n bytes of the queue, and no more. */
static void move(size_t n)
{
	uint64_t until = conn_probe_progress(&p).sent + n;
	size_t left;

	while ((left = until - conn_probe_progress(&p).sent) > 0) {
		harness_peer_read(&p.peer, SIZE_MAX);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, left);
		conn_turns(1);
		cr_assert_eq(fault_n_pending(), 0);
	}
}

Test(conn_marks, high_is_crossed_when_the_queue_reaches_it)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	open_full(&limits, 999);
	cr_assert_str_eq(p.calls, "");
	conn_probe_sendall(&p, 1);
	cr_assert_str_eq(p.calls, "");
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	conn_probe_sendall(&p, 1000);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+");
}

Test(conn_marks, low_is_crossed_when_the_queue_is_back_at_it)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	open_full(&limits, 1000);
	move(899);
	cr_assert_eq(conn_probe_progress(&p).queued, 101);
	cr_assert_str_eq(p.calls, "+");
	move(1);
	cr_assert_eq(conn_probe_progress(&p).queued, 100);
	cr_assert_str_eq(p.calls, "+-");
}

Test(conn_marks, what_the_kernel_swallows_is_no_crossing)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	conn_probe_open(&p, 0, &limits);
	conn_probe_sendall(&p, 50000);
	conn_probe_sendbuf(&p, 50000);
	conn_probe_sendall(&p, 2000);
	conn_probe_sendall(&p, 2000);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
}

static void send_a_burst(struct conn_probe *probe, char call)
{
	unsigned i;

	if (call != CONN_DATA)
		return;
	for (i = 0; i < 50; i++)
		cr_assert_eq(conn_probe_sendall(probe, 1000), 0);
}

Test(conn_marks, a_gathered_burst_that_the_kernel_swallows_is_none_either)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	p.then = send_a_burst;
	conn_probe_open(&p, 0, &limits);
	conn_probe_write(&p, 1);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "d");
}

Test(conn_marks, its_own_output_above_high_holds_reading_until_low)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	open_full(&limits, 1000);
	conn_probe_write(&p, 10);
	conn_turns(3);
	cr_assert_str_eq(p.calls, "+");
	move(899);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "+-d");
}

Test(conn_marks, the_throttle_can_be_switched_off)
{
	const struct weir_conn_limits limits = {
		.low = 100, .high = 1000, .flags = WEIR_CONN_NO_THROTTLE};

	open_full(&limits, 1000);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+d");
}

Test(conn_marks, a_pause_and_the_throttle_hold_separately)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	open_full(&limits, 1000);
	weir_conn_pause(&p.conn);
	conn_probe_write(&p, 10);
	conn_turns(2);
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_eq(p.n_of[CONN_DATA], 0);
	weir_conn_pause(&p.conn);
	conn_flow(&p);
	cr_assert_eq(p.n_of[CONN_BELOW], 1);
	cr_assert_eq(p.n_of[CONN_DATA], 0);
	weir_conn_resume(&p.conn);
	conn_turns(2);
	cr_assert_eq(p.n_of[CONN_DATA], 1);
}

Test(conn_marks, by_default_are_64_and_256_kib_and_one_mib)
{
	open_full(NULL, 256 * KIB - 1);
	cr_assert_str_eq(p.calls, "");
	conn_probe_sendall(&p, 1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	cr_assert_eq(conn_probe_sendall(&p, 768 * KIB + 1), -ENOBUFS);
	cr_assert_eq(conn_probe_sendall(&p, 768 * KIB), 0);
	cr_assert_eq(conn_probe_sendall(&p, 1), -ENOBUFS);
	cr_assert_eq(conn_probe_sendbuf(&p, 1), -ENOBUFS);
	cr_assert_eq(conn_probe_sendall(&p, 1024 * KIB + 1), -EMSGSIZE);
	move(1024 * KIB - 64 * KIB - 1);
	cr_assert_eq(p.n_of[CONN_BELOW], 0);
	move(1);
	cr_assert_eq(p.n_of[CONN_BELOW], 1);
}

Test(conn_marks, low_is_a_quarter_of_high_and_max_above_it_by_default)
{
	const struct weir_conn_limits limits = {.high = 1000};

	open_full(&limits, 1000 + 768 * KIB);
	cr_assert_eq(conn_probe_sendall(&p, 1), -ENOBUFS);
	move(1000 + 768 * KIB - 251);
	cr_assert_eq(p.n_of[CONN_BELOW], 0);
	move(1);
	cr_assert_eq(p.n_of[CONN_BELOW], 1);
}

Test(conn_marks, out_of_order_are_refused)
{
	static const size_t gib = 1073741824;
	static const struct {
		struct weir_conn_limits limits;
		int result;
	} cases[] = {
		{{.low = 1001, .high = 1000}, -EINVAL},
		{{.low = 1000, .high = 1000}, 0},
		{{.low = 256 * KIB + 1}, -EINVAL},
		{{.high = 1000, .max = 1000 + WEIR_READ_SIZE - 1}, -EINVAL},
		{{.high = 1000, .max = 1000 + WEIR_READ_SIZE}, 0},
		{{.max = 256 * KIB + WEIR_READ_SIZE - 1}, -EINVAL},
		{{.max = 256 * KIB + WEIR_READ_SIZE}, 0},
		{{.max = gib}, 0},
		{{.max = gib + 1}, -EINVAL},
		{{.high = gib - WEIR_READ_SIZE, .max = gib}, 0},
		{{.high = gib}, -EINVAL},
		{{.high = SIZE_MAX}, -EINVAL},
		{{.high = SIZE_MAX - 10, .max = SIZE_MAX}, -EINVAL},
		{{.input = gib}, 0},
		{{.input = gib + 1}, -EINVAL},
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, &cases[i].limits),
			     cases[i].result, "case %zu", i);
		conn_close_all();
	}
}

Test(conn_marks, each_shared_buffer_counts_at_least_64_bytes)
{
	const struct weir_conn_limits limits = {
		.low = 128, .high = 640, .max = 640 + WEIR_READ_SIZE};
	unsigned i;

	open_full(&limits, 0);
	for (i = 0; i < 9; i++)
		cr_assert_eq(conn_probe_sendbuf(&p, 1), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(conn_probe_sendbuf(&p, 1), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	cr_assert_eq(conn_probe_progress(&p).queued, 10);
	for (i = 0; i < WEIR_READ_SIZE / 64; i++)
		cr_assert_eq(conn_probe_sendbuf(&p, 1), 0);
	cr_assert_eq(conn_probe_sendbuf(&p, 1), -ENOBUFS);
	cr_assert_eq(conn_probe_sendall(&p, 1), -ENOBUFS);
	move(WEIR_READ_SIZE / 64 + 7);
	cr_assert_eq(p.n_of[CONN_BELOW], 0);
	move(1);
	cr_assert_eq(p.n_of[CONN_BELOW], 1);
}

/* No room now, though the queue is below high; and when it is below low too,
 * a refusal holds until something has moved, and nothing spins. */
Test(conn_marks, a_refusal_for_lack_of_room_counts_as_crossing)
{
	const struct weir_conn_limits limits = {
		.low = 100, .high = 1000, .max = 1000 + WEIR_READ_SIZE};

	open_full(&limits, 50);
	cr_assert_eq(conn_probe_sendall(&p, limits.max - 49), -ENOBUFS);
	cr_assert_str_eq(p.calls, "");
	harness_turn_until_idle(conn_loop, 4);
	cr_assert_str_eq(p.calls, "+");
	conn_probe_write(&p, 10);
	harness_turn_until_idle(conn_loop, 4);
	cr_assert_str_eq(p.calls, "+");
	move(1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+-d");
	cr_assert_eq(conn_probe_sendall(&p, limits.max - 49), 0);
}

Test(conn_marks, without_memory_reading_goes_on_in_ten_milliseconds)
{
	p.is_echo = true;
	open_full(NULL, 1);
	conn_probe_write(&p, 1000);
	fault_next(FAULT_ALLOC, -ENOMEM);
	harness_turn_until_idle(conn_loop, 4);
	cr_assert_str_eq(p.calls, "d+");
	cr_assert_eq(p.n_taken, 0);
	conn_pass(10 * MS - 1);
	cr_assert_str_eq(p.calls, "d+");
	conn_pass(1);
	cr_assert_str_eq(p.calls, "d+-d");
	cr_assert_eq(p.n_taken, 1000);
}

Test(conn_marks, that_are_equal_do_not_spin)
{
	const struct weir_conn_limits limits = {.low = 1000, .high = 1000};

	open_full(&limits, 1000);
	harness_turn_until_idle(conn_loop, 4);
	cr_assert_str_eq(p.calls, "+");
	move(1);
	cr_assert_str_eq(p.calls, "+-");
}

static void send_when_below(struct conn_probe *probe, char call)
{
	if (call != CONN_BELOW || probe->n_of[CONN_BELOW] >= 20)
		return;
	while (conn_probe_progress(probe).queued < 1000)
		cr_assert_eq(conn_probe_sendall(probe, 4500), 0);
}

/* The usual source: it sends until told to stop, and again when told to. */
Test(conn_marks, a_source_that_sends_at_low_is_never_forgotten)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};

	p.then = send_when_below;
	open_full(&limits, 3000);
	conn_flow(&p);
	cr_assert_eq(p.n_of[CONN_BELOW], 20);
	cr_assert_eq(p.n_of[CONN_ABOVE], 20);
	cr_assert_eq(p.peer.n_received, p.n_accepted);
}

Test(conn_marks, need_no_on_pressure)
{
	const struct weir_conn_limits limits = {.low = 100, .high = 1000};
	static struct weir_conn_events events;

	events = conn_probe_events;
	events.on_pressure = NULL;
	p.events = &events;
	conn_probe_open(&p, SNDBUF, &limits);
	conn_probe_sendall(&p, 50000);
	conn_turns(1);
	conn_probe_write(&p, 10);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "");
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "d");
}

/* The heart of conn.h with the smallest marks there are, and a reader that
 * takes a little at a time. */
Test(conn_marks, an_echo_is_right_however_small_they_are)
{
	const struct weir_conn_limits limits = {
		.low = 1, .high = 1, .max = 1 + WEIR_READ_SIZE};
	uint64_t n_before = 0;

	p.is_echo = true;
	conn_probe_open(&p, SNDBUF, &limits);
	conn_probe_write(&p, 150000);
	conn_probe_write_end(&p);
	while (!p.peer.has_ended) {
		conn_turns(3);
		harness_peer_read(&p.peer, 1 + harness_random_below(5000));
		cr_assert(p.peer.n_received > n_before || p.peer.has_ended);
		n_before = p.peer.n_received;
	}
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 150000);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
}
