/* detach: the descriptor and the kept input go over, and nothing is lost. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/link.h>
#include <weir/fence.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_detach, .init = conn_begin, .fini = conn_end);

enum {
	MUCH = 100000
};

static struct conn_probe p;
static struct weir_conn_events events;

/* What on_detach was given. */
static int got_fd;
static size_t n_got;
static unsigned n_detached;

/* For the harness, which looks after its probes, this was the last call. */
static void on_detach(struct weir_conn *c, int fd, const void *data, size_t n)
{
	struct weir_progress is;

	cr_assert(conn_loop->is_in_turn);
	cr_assert_eq(c, &p.conn);
	cr_assert(!weir_conn_is_open(c));
	cr_assert_eq(n, p.n_kept);
	harness_check(data, n, p.peer.seed, p.n_taken);
	weir_conn_progress(c, &is);
	weir_conn_abort(c, true);
	cr_assert_eq(weir_conn_sendall(c, "x", 1), -EPIPE);
	cr_assert_eq(p.n_of[CONN_CLOSED], 0);
	p.n_of[CONN_CLOSED] = 1;
	got_fd = fd;
	n_got = n;
	n_detached++;
}

static void open_probe(int sndbuf)
{
	events = conn_probe_events;
	events.on_detach = on_detach;
	p.events = &events;
	got_fd = -1;
	n_got = 0;
	n_detached = 0;
	cr_assert_eq(conn_probe_open(&p, sndbuf, NULL), 0);
}

/* It still works, both ways, and is ours to close. */
static void check_fd(void)
{
	char byte;

	cr_assert_eq(n_detached, 1);
	cr_assert_eq(send(got_fd, "x", 1, MSG_NOSIGNAL), 1);
	cr_assert_eq(recv(p.peer.fd, &byte, 1, 0), 1);
	cr_assert_eq(byte, 'x');
	cr_assert_eq(send(p.peer.fd, "y", 1, MSG_NOSIGNAL), 1);
	cr_assert_eq(recv(got_fd, &byte, 1, 0), 1);
	cr_assert_eq(byte, 'y');
	conn_turns(2);
	cr_assert_eq(n_detached, 1);
	cr_assert_eq(close(got_fd), 0);
}

Test(conn_detach, of_one_at_ease_comes_soon)
{
	open_probe(0);
	weir_conn_detach(&p.conn);
	weir_conn_detach(&p.conn);
	cr_assert_eq(n_detached, 0);
	conn_turns(2);
	cr_assert_eq(got_fd, weir_conn_fd(&p.conn));
	cr_assert_eq(n_got, 0);
	check_fd();
	cr_assert_eq(conn_loop->n_open, 0);
}

Test(conn_detach, flushes_the_queue_first)
{
	open_probe(4608);
	conn_probe_sendall(&p, MUCH);
	weir_conn_detach(&p.conn);
	cr_assert_eq(conn_probe_sendall(&p, 1), -EPIPE);
	cr_assert_eq(conn_probe_send(&p, 1), -EPIPE);
	conn_probe_write(&p, 10);
	conn_turns(5);
	cr_assert_eq(n_detached, 0);
	cr_assert_eq(conn_probe_progress(&p).received, 0);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, MUCH);
	cr_assert(!p.peer.has_ended);
	cr_assert_eq(n_detached, 1);
	cr_assert_eq(n_got, 0);
	harness_read(got_fd, (char[10]){0}, 10);
	check_fd();
}

static void detach_inside(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA || probe->n_of[CONN_DATA] > 1)
		return;
	conn_probe_sendall(probe, 10);
	weir_conn_detach(&probe->conn);
	cr_assert_lt(conn_probe_sendall(probe, 10), 0);
}

Test(conn_detach, in_on_data_hands_over_what_that_leaves)
{
	size_t n_taken;

	for (n_taken = 0; n_taken <= 100; n_taken += 50) {
		p.then = detach_inside;
		open_probe(0);
		p.take = n_taken;
		conn_probe_write(&p, 100);
		conn_turns(2);
		cr_assert_eq(n_got, 100 - n_taken);
		harness_peer_read(&p.peer, SIZE_MAX);
		cr_assert_eq(p.peer.n_received, 10);
		check_fd();
		conn_close_all();
	}
}

/* A full read of which nothing is wanted is no offence then. */
Test(conn_detach, in_on_data_at_the_input_limit_hands_over_all)
{
	p.then = detach_inside;
	open_probe(4608);
	p.take = 0;
	conn_probe_write(&p, WEIR_READ_SIZE);
	conn_turns(3);
	cr_assert_eq(n_got, WEIR_READ_SIZE);
	harness_peer_read(&p.peer, SIZE_MAX);
	check_fd();
}

Test(conn_detach, hands_over_what_was_kept_before)
{
	open_probe(0);
	p.take = 30;
	conn_probe_write(&p, 100);
	conn_turns(1);
	weir_conn_pause(&p.conn);
	weir_conn_detach(&p.conn);
	conn_turns(2);
	cr_assert_eq(n_got, 70);
	check_fd();
}

static void expect_close(enum weir_reason reason)
{
	cr_assert_eq(n_detached, 0);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.result.reason, reason);
}

Test(conn_detach, an_abort_before_it_is_done_closes)
{
	open_probe(4608);
	conn_probe_sendall(&p, MUCH);
	weir_conn_detach(&p.conn);
	conn_turns(2);
	weir_conn_abort(&p.conn, false);
	conn_turns(2);
	expect_close(WEIR_REASON_ABORTED);
	cr_assert_gt(p.result.progress.dropped, 0);
}

static void detach_and_abort(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	weir_conn_detach(&probe->conn);
	weir_conn_abort(&probe->conn, false);
}

Test(conn_detach, and_abort_in_one_callback_is_an_abort)
{
	p.then = detach_and_abort;
	open_probe(0);
	conn_probe_write(&p, 10);
	conn_turns(2);
	expect_close(WEIR_REASON_ABORTED);
}

Test(conn_detach, an_error_before_it_is_done_closes)
{
	open_probe(4608);
	p.take = 0;
	conn_probe_write(&p, 10);
	conn_turns(1);
	conn_probe_sendall(&p, MUCH);
	weir_conn_detach(&p.conn);
	fault_next(FAULT_ANY_SEND, -ECONNRESET);
	harness_peer_read(&p.peer, SIZE_MAX);
	conn_turns(4);
	expect_close(WEIR_REASON_RESET);
	cr_assert_eq(p.result.progress.unread, 10);
}

Test(conn_detach, a_stall_before_it_is_done_closes)
{
	open_probe(4608);
	conn_probe_sendall(&p, MUCH);
	weir_conn_detach(&p.conn);
	conn_pass(UINT64_C(200000000000));
	expect_close(WEIR_REASON_STALLED);
}

Test(conn_detach, a_finish_after_it_finishes)
{
	open_probe(4608);
	conn_probe_sendall(&p, MUCH);
	weir_conn_detach(&p.conn);
	weir_conn_finish(&p.conn);
	conn_flow(&p);
	cr_assert(p.peer.has_ended);
	conn_probe_write_end(&p);
	conn_flow(&p);
	expect_close(WEIR_REASON_FINISHED);
	cr_assert_eq(p.peer.n_received, MUCH);
}

/* -- with links and fences -- */

static struct conn_probe other;
static struct weir_link link_to;
static struct weir_fence fence;
static unsigned n_fences;
static bool aborts_in_fence;

static void on_fence(struct weir_fence *m, uint64_t n_dropped)
{
	cr_assert_eq(n_dropped, 0);
	cr_assert_eq(n_detached, 0);
	if (++n_fences < 2)
		cr_assert_eq(weir_fence_open(m, &p.conn, on_fence), 0);
	else if (aborts_in_fence)
		weir_conn_abort(&p.conn, false);
}

static void detach_linked(void)
{
	open_probe(4608);
	conn_probe_open(&other, 4608, NULL);
	weir_link_open(&link_to, &other.conn, &p.conn);
	conn_probe_sendall(&p, 500000);
	weir_fence_open(&fence, &p.conn, on_fence);
	conn_turns(2);
	weir_conn_detach(&p.conn);
	conn_probe_write(&other, 10);
	conn_turns(2);
	cr_assert_eq(other.n_taken, 0);
	conn_flow(&p);
	cr_assert_eq(n_fences, 2);
	cr_assert_null(link_to.source);
	conn_turns(1);
	cr_assert_eq(other.n_taken, 10);
}

Test(conn_detach, fires_fences_and_cuts_links_before)
{
	detach_linked();
	check_fd();
}

Test(conn_detach, aborted_by_the_last_fence_closes)
{
	aborts_in_fence = true;
	detach_linked();
	expect_close(WEIR_REASON_ABORTED);
}

Test(conn_detach, lets_it_be_opened_again_inside_and_after)
{
	int fd[2];

	open_probe(0);
	p.take = 0;
	conn_probe_write(&p, 100);
	conn_turns(1);
	weir_conn_detach(&p.conn);
	conn_turns(2);
	cr_assert_eq(n_got, 100);
	fd[0] = got_fd;
	fd[1] = p.peer.fd;
	cr_assert_eq(conn_probe_open_pair(&p, fd, NULL), 0);
	conn_probe_write(&p, 5);
	conn_turns(1);
	cr_assert_eq(p.n_taken, 5);
}

/* -- with each call failing -- */

static bool run(uint64_t k)
{
	unsigned char rest[10];
	bool was_hit;
	int i;

	p.then = detach_inside;
	open_probe(4608);
	p.take = 4;
	fault_fail_call(k);
	conn_probe_sendall(&p, 20000);
	conn_probe_write(&p, 10);
	for (i = 0; i < 20; i++)
		conn_flow(&p);
	conn_pass(UINT64_C(1000000000));
	was_hit = fault_hit() != FAULT_NONE;
	cr_assert_eq(p.n_of[CONN_CLOSED], 1, "call %llu, a %s",
		     (unsigned long long)k, fault_call_name(fault_hit()));
	harness_peer_read(&p.peer, SIZE_MAX);
	harness_drain(got_fd, rest, sizeof rest);
	if (n_detached > 0)
		check_fd();
	else
		cr_assert_neq(p.result.error, 0);
	conn_end();
	conn_begin();
	return was_hit;
}

Test(conn_detach, is_done_or_closes_whatever_fails)
{
	uint64_t k = 1;

	while (run(k))
		k++;
	cr_assert_gt(k, 10);
}
