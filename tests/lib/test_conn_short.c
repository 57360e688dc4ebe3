/* A short send at every byte: whatever is sent by whatever mix of calls, from
 * wherever, and however little the kernel takes of it, the peer gets exactly
 * these bytes in this order. (What it reads is checked against the pattern.) */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "fault.h"
#include "harness_conn.h"

enum {
	LARGE = 4097,
	MAX_PIECES = 8
};

TestSuite(conn_short, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

/* Sizes: > 0 by sendall, < 0 by sendbuf; 0 ends. */
static const int mixes[][MAX_PIECES] = {
	{30, 0},
	{10, 20, 30, 0},
	{LARGE, 0},
	{20, LARGE, 0},
	{LARGE, 20, 0},
	{10, 10, LARGE, 10, LARGE, 10, 0},
	{-30, 0},
	{-10, -20, -30, 0},
	{10, -20, 30, 0},
	{-10, 20, -30, 0},
	{-10, LARGE, -10, 0},
	{LARGE, -10, LARGE, 10, 0},
	{10, -LARGE, 10, -10, 10, 0},
};

enum {
	N_MIXES = sizeof mixes / sizeof mixes[0]
};

static size_t sum(const int *sizes)
{
	size_t n = 0;

	for (; *sizes != 0; sizes++)
		n += (size_t)abs(*sizes);
	return n;
}

static void send_mix(struct conn_probe *probe, const int *sizes)
{
	for (; *sizes != 0; sizes++) {
		int error;

		if (*sizes > 0)
			error = conn_probe_sendall(probe, (size_t)*sizes);
		else
			error = conn_probe_sendbuf(probe, (size_t) - *sizes);
		cr_assert_eq(error, 0);
	}
}

static const int *mix;

static void send_in_callback(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA)
		send_mix(probe, mix);
}

/* Let the peer read after each turn, so that a byte too early is seen. */
static void expect_all(size_t n)
{
	unsigned turns;

	for (turns = 0; p.peer.n_received < n; turns++) {
		cr_assert_lt(turns, 20, "%zu of %zu bytes came",
			     (size_t)p.peer.n_received, n);
		conn_turns(1);
		conn_probe_check(&p);
		harness_peer_read(&p.peer, SIZE_MAX);
	}
	conn_turns(2);
	cr_assert_eq(conn_probe_progress(&p).sent, n);
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
	cr_assert_not(conn_probe_is_armed(&p));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 0);
}

/* The first send takes at most first bytes, the second at most second. */
static void open_short(size_t first, size_t second)
{
	int fd;

	cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
	fd = weir_conn_fd(&p.conn);
	fault_at_most(FAULT_ANY_SEND, fd, 1, first);
	fault_at_most(FAULT_ANY_SEND, fd, 2, second);
}

static void close_short(void)
{
	conn_close_all();
	fault_reset();
}

/* Every byte where pieces meet and near it; every 61st elsewhere. */
static size_t next_cut(size_t cut, const int *sizes)
{
	size_t edge = 0;

	for (; *sizes != 0; sizes++) {
		edge += (size_t)abs(*sizes);
		if (edge - cut <= 40 || cut + 40 >= edge)
			return cut + 1;
		if (edge > cut)
			break;
	}
	return cut + 61 < edge - 40 ? cut + 61 : edge - 40;
}

static void cut_everywhere(void (*send)(size_t first, size_t second))
{
	size_t i;
	size_t cut;

	for (i = 0; i < N_MIXES; i++) {
		mix = mixes[i];
		for (cut = 0; cut <= sum(mix); cut = next_cut(cut, mix)) {
			send(cut, SIZE_MAX);
			send(cut, cut % 7);
		}
	}
}

static void send_from_callback(size_t first, size_t second)
{
	p.then = send_in_callback;
	open_short(first, second);
	conn_probe_write(&p, 1);
	expect_all(sum(mix));
	close_short();
}

Test(conn_short, in_a_callback_at_every_byte)
{
	cut_everywhere(send_from_callback);
}

static void send_from_outside(size_t first, size_t second)
{
	open_short(first, second);
	send_mix(&p, mix);
	expect_all(sum(mix));
	close_short();
}

Test(conn_short, outside_at_every_byte)
{
	cut_everywhere(send_from_outside);
}

/* Behind bytes that are queued already, before and after EPOLLOUT. */
static void send_behind_queued(size_t first, size_t second)
{
	open_short(0, first);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 3, second);
	cr_assert_eq(conn_probe_sendall(&p, LARGE), 0);
	send_mix(&p, mix);
	expect_all(LARGE + sum(mix));
	close_short();
}

Test(conn_short, behind_a_queue_at_every_byte)
{
	cut_everywhere(send_behind_queued);
}

static void send_between(size_t first, size_t second)
{
	p.then = send_in_callback;
	open_short(first, second);
	conn_probe_write(&p, 1);
	conn_turns(1);
	p.then = NULL;
	send_mix(&p, mix);
	conn_turns(1);
	send_mix(&p, mix);
	expect_all(3 * sum(mix));
	close_short();
}

Test(conn_short, with_more_sent_while_the_rest_waits)
{
	cut_everywhere(send_between);
}

/* One byte at a time, to the very end. */
Test(conn_short, by_one_byte_each_time)
{
	size_t i;
	unsigned turns;

	for (i = 0; i < N_MIXES; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn),
			      FAULT_ALWAYS, 1);
		send_mix(&p, mixes[i]);
		for (turns = 0; p.peer.n_received < sum(mixes[i]); turns++) {
			cr_assert_leq(turns, 1 + sum(mixes[i]));
			conn_turns(1);
			conn_probe_check(&p);
			harness_peer_read(&p.peer, SIZE_MAX);
		}
		close_short();
	}
}

/* More pieces than one sendmsg takes. */
Test(conn_short, of_very_many_shared_pieces)
{
	unsigned i;

	conn_probe_open(&p, 0, NULL);
	for (i = 0; i < 1000; i++)
		cr_assert_eq(conn_probe_sendbuf(&p, 1 + i % 5), 0);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 2, 5);
	conn_probe_sendall(&p, LARGE);
	expect_all(3000 + LARGE);
}

/* A kernel short of memory is a full one, for a first offer. */
Test(conn_short, of_kernel_memory_is_no_error_in_a_call)
{
	static const int errors[] = {-ENOBUFS, -ENOMEM, -EAGAIN};
	size_t i;
	size_t k;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < N_MIXES; k++) {
			mix = mixes[k];
			p.then = send_in_callback;
			cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
			fault_next(FAULT_ANY_SEND, errors[i]);
			conn_probe_write(&p, 1);
			expect_all(sum(mix));
			cr_assert_eq(conn_probe_progress(&p).n_would_blocks, 1);
			p.then = NULL;
			fault_next(FAULT_ANY_SEND, errors[i]);
			send_mix(&p, mix);
			expect_all(2 * sum(mix));
			close_short();
		}
	}
}

/* Under EPOLLOUT it would come again and again, so there it is one. */
Test(conn_short, of_kernel_memory_is_an_error_when_epoll_says_there_is_room)
{
	static const int errors[] = {-ENOBUFS, -ENOMEM};
	size_t i;

	for (i = 0; i < 2; i++) {
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 100);
		fault_result(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 2,
			     errors[i]);
		conn_probe_sendall(&p, LARGE);
		conn_turns(4);
		cr_assert_str_eq(p.calls, "c");
		cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
		cr_assert_eq(p.result.error, errors[i]);
		cr_assert_eq(p.result.progress.sent, 100);
		cr_assert_eq(p.result.progress.dropped, LARGE - 100);
		close_short();
	}
}

/* As send_mix; from the error on every call is refused with it. */
static void send_mix_until(int error, const int *sizes)
{
	int result = 0;

	for (; *sizes != 0; sizes++) {
		int before = result;

		if (*sizes > 0)
			result = conn_probe_sendall(&p, (size_t)*sizes);
		else
			result = conn_probe_sendbuf(&p, (size_t) - *sizes);
		cr_assert(result == error || result == before);
	}
}

/* Each mix, outside and with an error at its first, second, third send. */
Test(conn_short, or_an_error_at_any_call)
{
	size_t i;
	unsigned k;
	unsigned nth;

	for (i = 0; i < 3 * N_MIXES; i++) {
		k = 1 + (unsigned)(i % 3);
		cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
		for (nth = 1; nth < k; nth++)
			fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn),
				      nth, 5);
		fault_result(FAULT_ANY_SEND, weir_conn_fd(&p.conn), k, -EPIPE);
		send_mix_until(-EPIPE, mixes[i / 3]);
		conn_turns(5);
		cr_assert_str_eq(p.calls, "c");
		cr_assert_eq(p.result.reason, WEIR_REASON_PEER_CLOSED);
		cr_assert_eq(p.result.progress.sent, 5 * (k - 1));
		cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 5 * (k - 1));
		close_short();
	}
}
