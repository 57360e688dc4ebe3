/* Dropping the oldest: the peer's stream is of whole frames all the same. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weir/fence.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

TestSuite(conn_trim, .init = conn_begin, .fini = conn_end);

enum {
	FRAME = 1000,
	HEAD = 8,
	MAX_FRAMES = 100000
};

static const struct weir_conn_limits limits = {
	.low = 5000, .high = 20000, .max = 100000};

static struct conn_probe p;
static uint32_t n_frames;
static uint32_t n_seen;
static uint32_t last_seen;

/* -- frames: their number, their size, and bytes that know their place -- */

static void fill(unsigned char *data, uint32_t number, uint32_t n)
{
	memcpy(data, &number, 4);
	memcpy(data + 4, &n, 4);
	harness_fill(data + HEAD, n - HEAD, number, 0);
}

static int send_frame(uint32_t n, bool is_shared)
{
	struct weir_buf *buf = weir_buf_new(n);
	int error;

	if (!buf)
		return -ENOMEM;
	fill(weir_buf_data(buf), ++n_frames, n);
	if (is_shared)
		error = weir_conn_sendbuf(&p.conn, buf);
	else
		error = weir_conn_sendall(&p.conn, weir_buf_data(buf), n);
	weir_buf_unref(buf);
	if (error == 0)
		p.n_accepted += n;
	conn_probe_check(&p);
	return error;
}

/* What the peer has read and not yet understood. */
static unsigned char got[200000];
static size_t n_got;

static void understand(void)
{
	size_t at = 0;
	uint32_t number;
	uint32_t n;

	while (n_got - at >= HEAD) {
		memcpy(&number, got + at, 4);
		memcpy(&n, got + at + 4, 4);
		cr_assert(number > last_seen && number <= n_frames);
		cr_assert_lt(n, sizeof got);
		if (n_got - at < n)
			break;
		harness_check(got + at + HEAD, n - HEAD, number, 0);
		last_seen = number;
		n_seen++;
		at += n;
	}
	memmove(got, got + at, n_got - at);
	n_got -= at;
}

static void read_frames(size_t max)
{
	size_t room = sizeof got - n_got;
	size_t n =
		harness_drain(p.peer.fd, got + n_got, max < room ? max : room);

	n_got += n;
	p.peer.n_received += n;
	understand();
}

static void flow(void)
{
	uint64_t n_before;

	do {
		n_before = p.peer.n_received;
		harness_turn_until_idle(conn_loop, 1000);
		read_frames(SIZE_MAX);
	} while (p.peer.n_received > n_before);
	cr_assert_eq(n_got, 0);
}

static void open_probe(void)
{
	n_frames = 0;
	n_seen = 0;
	last_seen = 0;
	n_got = 0;
	conn_probe_open(&p, 4608, &limits);
}

/* The kernel has taken so much of what was sent, and takes no more. */
static void stop_after(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
	conn_turns(1);
	fault_result(FAULT_ANY_SEND, weir_conn_fd(&p.conn), FAULT_ALWAYS,
		     -EAGAIN);
}

static void send_frames(unsigned n)
{
	while (n-- > 0)
		cr_assert_eq(send_frame(FRAME, true), 0);
}

/* -- what is dropped -- */

Test(conn_trim, of_nothing_drops_nothing)
{
	open_probe();
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 0);
	send_frames(10);
	flow();
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 0);
	cr_assert_eq(n_seen, 10);
}

Test(conn_trim, drops_the_oldest_down_to_the_target)
{
	open_probe();
	send_frames(10);
	cr_assert_eq(weir_conn_trim(&p.conn, 10 * FRAME), 0);
	cr_assert_eq(weir_conn_trim(&p.conn, 10 * FRAME - 1), 1);
	cr_assert_eq(weir_conn_trim(&p.conn, 3 * FRAME), 6);
	cr_assert_eq(conn_probe_progress(&p).dropped, 7 * FRAME);
	cr_assert_eq(conn_probe_progress(&p).queued, 3 * FRAME);
	flow();
	cr_assert_eq(n_seen, 3);
	cr_assert_eq(last_seen, 10);
}

Test(conn_trim, keeps_one_that_has_begun_to_leave)
{
	size_t n;

	for (n = 1; n < FRAME; n += 499) {
		open_probe();
		send_frames(5);
		stop_after(n);
		cr_assert_eq(weir_conn_trim(&p.conn, 0), 4);
		cr_assert_eq(conn_probe_progress(&p).queued, FRAME - n);
		send_frames(1);
		fault_clear();
		flow();
		cr_assert_eq(n_seen, 2);
		cr_assert_eq(last_seen, 6);
		conn_close_all();
	}
}

Test(conn_trim, keeps_what_was_copied)
{
	open_probe();
	send_frames(2);
	send_frame(FRAME, false);
	send_frames(2);
	send_frame(FRAME, false);
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 4);
	flow();
	cr_assert_eq(n_seen, 2);
	cr_assert_eq(last_seen, 6);
}

Test(conn_trim, keeps_files)
{
	unsigned char frame[FRAME];
	int file = memfd_create("frame", MFD_CLOEXEC);

	open_probe();
	send_frames(2);
	fill(frame, ++n_frames, FRAME);
	harness_write(file, frame, 0);
	cr_assert_eq(pwrite(file, frame, FRAME, 0), FRAME);
	cr_assert_eq(sendfile_and_let_go(&p.conn, file, 0, FRAME), 0);
	p.n_accepted += FRAME;
	send_frames(2);
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 4);
	cr_assert_eq(conn_probe_progress(&p).queued, FRAME);
	flow();
	cr_assert_eq(n_seen, 1);
	cr_assert_eq(last_seen, 3);
}

Test(conn_trim, counts_small_ones_by_their_weight)
{
	open_probe();
	send_frame(10, true);
	send_frame(20, true);
	send_frame(FRAME, true);
	cr_assert_eq(weir_conn_trim(&p.conn, FRAME + 127), 1);
	cr_assert_eq(weir_conn_trim(&p.conn, FRAME + 64), 0);
	cr_assert_eq(weir_conn_trim(&p.conn, FRAME), 1);
	flow();
	cr_assert_eq(n_seen, 1);
}

/* -- what follows -- */

Test(conn_trim, to_low_ends_the_pressure_and_the_throttle)
{
	open_probe();
	send_frames(40);
	stop_after(1);
	cr_assert_str_eq(p.calls, "+");
	conn_probe_write(&p, 10);
	conn_turns(1);
	weir_conn_trim(&p.conn, limits.low + 1);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+-d");
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+-d");
}

Test(conn_trim, between_the_marks_changes_nothing)
{
	open_probe();
	send_frames(40);
	stop_after(1);
	weir_conn_trim(&p.conn, limits.low + FRAME);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+");
}

Test(conn_trim, of_all_disarms_and_the_next_one_is_sent)
{
	open_probe();
	send_frames(10);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
	conn_turns(1);
	cr_assert(conn_probe_is_armed(&p));
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 10);
	conn_turns(1);
	cr_assert(!conn_probe_is_armed(&p));
	send_frames(1);
	flow();
	cr_assert_eq(n_seen, 1);
}

Test(conn_trim, makes_room_after_a_refusal)
{
	open_probe();
	while (send_frame(FRAME, true) == 0)
		continue;
	stop_after(1);
	cr_assert_eq(send_frame(FRAME, true), -ENOBUFS);
	cr_assert_gt(weir_conn_trim(&p.conn, 2 * FRAME), 0);
	cr_assert_eq(send_frame(FRAME, true), 0);
	conn_turns(2);
	cr_assert_str_eq(p.calls, "+-");
	fault_clear();
	flow();
}

Test(conn_trim, of_all_lets_a_finish_go_on)
{
	open_probe();
	send_frames(10);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
	conn_turns(1);
	weir_conn_finish(&p.conn);
	weir_conn_trim(&p.conn, 0);
	conn_probe_write_end(&p);
	conn_turns(3);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(p.result.progress.dropped, 10 * FRAME);
}

static void trim_inside(struct conn_probe *probe, char call)
{
	(void)probe;
	if (call == CONN_DATA) {
		send_frame(100, false);
		send_frames(30);
	}
	cr_assert_eq(weir_conn_trim(&p.conn, 0), call == CONN_DATA ? 30 : 0);
}

Test(conn_trim, may_be_called_inside_any_callback)
{
	open_probe();
	p.then = trim_inside;
	conn_probe_write(&p, 1);
	flow();
	cr_assert_eq(n_seen, 1);
	conn_probe_write_end(&p);
	flow();
	weir_conn_abort(&p.conn, false);
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 0);
	conn_turns(2);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
}

/* -- at random -- */

static void step(void)
{
	size_t dice = harness_random_below(100);
	uint32_t n = HEAD + (uint32_t)harness_random_below(
				    harness_random_below(2) ? 100 : 9000);

	if (dice < 30)
		send_frame(n, true);
	else if (dice < 45)
		send_frame(n, false);
	else if (dice < 55)
		weir_conn_trim(&p.conn, harness_random_below(100000));
	else if (dice < 65)
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1,
			      harness_random_below(3000));
	else if (dice < 80)
		conn_turns(1);
	else
		read_frames(harness_random_below(9000));
	conn_probe_check(&p);
}

Test(conn_trim, leaves_whole_frames_under_random_operations)
{
	int i;

	open_probe();
	for (i = 0; i < 30000; i++)
		step();
	fault_clear();
	flow();
	cr_assert_gt(n_seen, 1000);
	cr_assert_lt(n_seen, n_frames);
	cr_assert_gt(conn_probe_progress(&p).dropped, 0);
}

/* So it is the trim's result that says when to tell. */
Test(conn_trim, below_high_keeps_pressure_away)
{
	const struct weir_conn_limits above = {.high = 20 * FRAME};
	unsigned i;

	conn_probe_open(&p, 4608, &above);
	for (i = 0; i < 100; i++) {
		weir_conn_trim(&p.conn, 10 * FRAME);
		cr_assert_eq(conn_probe_sendbuf(&p, FRAME), 0);
		conn_turns(1);
	}
	cr_assert_str_eq(p.calls, "");
	cr_assert_gt(conn_probe_progress(&p).dropped, 0);
}
