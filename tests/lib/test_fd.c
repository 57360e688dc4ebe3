#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/fd.h>

#include "fault.h"
#include "harness.h"

enum {
	SEED = 5,
	N = 24,
	LARGE = 1000000,
	SMALL_BUFFER = 4096,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

#define SECOND_NS UINT64_C(1000000000)
#define NAP_NS	  UINT64_C(10000000)

TestSuite(fd, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* A pair, the bytes to send on fd[0], and how that came out. */
struct sending {
	int fd[2];
	unsigned char data[LARGE];
	size_t sent;
};

static struct sending s;

static void begin(int sndbuf)
{
	harness_unix_pair(s.fd, sndbuf);
	harness_fill(s.data, sizeof s.data, SEED, 0);
	s.sent = SIZE_MAX;
}

static void end(void)
{
	close(s.fd[0]);
	close(s.fd[1]);
}

static int send_all(size_t n, uint64_t deadline_ns)
{
	return weir_fd_sendall(s.fd[0], s.data, n, deadline_ns, &s.sent);
}

/* Die unless exactly the first n bytes have arrived. */
static void expect_arrived(size_t n)
{
	struct harness_peer peer = {.fd = s.fd[1], .seed = SEED};

	harness_peer_read(&peer, SIZE_MAX);
	cr_assert_eq(peer.n_received, n, "%zu came", (size_t)peer.n_received);
}

static void set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	cr_assert_eq(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
}

/* -- short sends -- */

Test(fd, what_fits_is_one_send)
{
	begin(0);
	cr_expect_eq(send_all(N, WEIR_NEVER), 0);
	cr_expect_eq(s.sent, N);
	cr_expect_eq(fault_count(FAULT_SEND), 1);
	cr_expect_eq(fault_count(FAULT_WAIT_WRITABLE), 0);
	cr_expect_eq(fault_count(FAULT_NOW), 0);
	expect_arrived(N);
	end();
}

Test(fd, nothing_is_sent_at_once)
{
	begin(0);
	cr_expect_eq(send_all(0, 0), 0);
	cr_expect_eq(s.sent, 0);
	cr_expect_eq(fault_count(FAULT_SEND), 0);
	end();
}

Test(fd, goes_on_behind_a_short_send_at_every_byte)
{
	for (size_t cut = 1; cut < N; cut++) {
		begin(0);
		fault_reset();
		fault_at_most(FAULT_SEND, s.fd[0], 1, cut);
		cr_expect_eq(send_all(N, WEIR_NEVER), 0);
		cr_expect_eq(s.sent, N);
		cr_expect_eq(fault_count(FAULT_SEND), 2,
			     "a short send is no reason to probe");
		cr_expect_eq(fault_count(FAULT_WAIT_WRITABLE), 1);
		cr_expect_eq(fault_count(FAULT_NOW), 0, "no deadline");
		expect_arrived(N);
		end();
	}
}

Test(fd, sends_byte_by_byte_if_it_must)
{
	begin(0);
	fault_at_most(FAULT_SEND, s.fd[0], FAULT_ALWAYS, 1);
	cr_expect_eq(send_all(N, WEIR_NEVER), 0);
	cr_expect_eq(s.sent, N);
	cr_expect_eq(fault_count(FAULT_SEND), N);
	expect_arrived(N);
	end();
}

Test(fd, the_count_may_be_left_out)
{
	begin(0);
	cr_expect_eq(weir_fd_sendall(s.fd[0], s.data, N, 0, NULL), 0);
	expect_arrived(N);
	close(s.fd[1]);
	cr_expect_eq(weir_fd_sendall(s.fd[0], s.data, N, 0, NULL), -EPIPE);
	close(s.fd[0]);
}

/* -- deadlines, in virtual time -- */

Test(fd, gives_up_at_the_deadline_and_says_how_far_it_came)
{
	const uint64_t deadline_ns = HARNESS_START_NS + 5 * SECOND_NS;

	begin(SMALL_BUFFER);
	cr_expect_eq(send_all(LARGE, deadline_ns), -ETIMEDOUT);
	cr_expect_eq(fault_time_now(), deadline_ns);
	cr_expect_gt(s.sent, 0);
	cr_expect_lt(s.sent, LARGE);
	cr_expect_leq(fault_count(FAULT_WAIT_WRITABLE), 3, "it spins");
	expect_arrived(s.sent);
	end();
}

Test(fd, a_deadline_that_is_past_takes_what_there_is_room_for)
{
	begin(SMALL_BUFFER);
	cr_expect_eq(send_all(N, 0), 0);
	cr_expect_eq(s.sent, N);
	expect_arrived(N);
	cr_expect_eq(send_all(LARGE, HARNESS_START_NS - 1), -ETIMEDOUT);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS);
	cr_expect_gt(s.sent, 0);
	cr_expect_eq(fault_count(FAULT_WAIT_WRITABLE), 0);
	expect_arrived(s.sent);
	cr_expect_gt(harness_stuff(s.fd[0]), 0);
	cr_expect_eq(send_all(N, 0), -ETIMEDOUT);
	cr_expect_eq(s.sent, 0);
	end();
}

/* A signal ends a wait early: what is left of the time is waited again. */
Test(fd, signals_do_not_cut_it_short)
{
	const uint64_t deadline_ns = HARNESS_START_NS + SECOND_NS;

	begin(0);
	harness_stuff(s.fd[0]);
	fault_result(FAULT_WAIT_WRITABLE, s.fd[0], 1, 0);
	fault_result(FAULT_WAIT_WRITABLE, s.fd[0], 2, 0);
	cr_expect_eq(send_all(N, deadline_ns), -ETIMEDOUT);
	cr_expect_eq(fault_time_now(), deadline_ns);
	cr_expect_eq(fault_count(FAULT_WAIT_WRITABLE), 3);
	end();
}

/* -- a kernel that is short of memory -- */

static void expect_nap(int error, uint64_t deadline_ns)
{
	begin(0);
	fault_reset();
	fault_at_most(FAULT_SEND, s.fd[0], 1, 7);
	fault_result(FAULT_SEND, s.fd[0], 2, error);
	fault_result(FAULT_SEND, s.fd[0], 3, error);
	fault_result(FAULT_SEND, s.fd[0], 4, error);
	fault_time_virtual(HARNESS_START_NS);
	cr_expect_eq(send_all(N, deadline_ns), 0);
	cr_expect_eq(s.sent, N);
	/* promised room that is not there costs a nap, not a spin */
	cr_expect_eq(fault_time_now(), HARNESS_START_NS + 2 * NAP_NS);
	cr_expect_eq(fault_count(FAULT_SEND), 5);
	expect_arrived(N);
	end();
}

Test(fd, promised_room_that_is_not_there_is_waited_out)
{
	expect_nap(-ENOBUFS, WEIR_NEVER);
	expect_nap(-ENOMEM, WEIR_NEVER);
	expect_nap(-EAGAIN, WEIR_NEVER);
	expect_nap(-ENOBUFS, HARNESS_START_NS + SECOND_NS);
}

Test(fd, no_nap_is_longer_than_the_deadline)
{
	const uint64_t deadline_ns = HARNESS_START_NS + NAP_NS / 4;

	begin(0);
	fault_result(FAULT_SEND, s.fd[0], FAULT_ALWAYS, -ENOBUFS);
	cr_expect_eq(send_all(N, deadline_ns), -ETIMEDOUT);
	cr_expect_eq(fault_time_now(), deadline_ns);
	cr_expect_eq(s.sent, 0);
	end();
}

/* -- errors -- */

/* Each call of a sendall in three pieces fails in turn. */
Test(fd, every_failing_call_is_told_with_an_exact_count)
{
	enum fault_call hit = FAULT_N_CALLS;
	uint64_t n_calls = 0;

	for (uint64_t k = 1; hit != FAULT_NONE; k++) {
		size_t expected;
		int error;

		begin(0);
		fault_reset();
		fault_at_most(FAULT_SEND, s.fd[0], 1, 7);
		fault_at_most(FAULT_SEND, s.fd[0], 2, 8);
		fault_fail_call(k);
		error = send_all(N, WEIR_NEVER);
		hit = fault_hit();
		cr_expect_eq(error, hit == FAULT_NONE ? 0 : fault_natural(hit));
		/* getsockopt; send, wait; send, wait; send */
		expected = k <= 2 ? 0 : k <= 4 ? 7 : k <= 6 ? 15 : N;
		cr_expect_eq(s.sent, expected, "call %d", (int)k);
		expect_arrived(expected);
		end();
		n_calls = k;
	}
	cr_expect_eq(n_calls, 7);
}

Test(fd, a_peer_that_goes_away_is_told_with_an_exact_count)
{
	begin(0);
	signal(SIGPIPE, SIG_DFL);
	close(s.fd[1]);
	cr_expect_eq(send_all(N, WEIR_NEVER), -EPIPE);
	cr_expect_eq(s.sent, 0);
	close(s.fd[0]);
}

Test(fd, what_is_no_stream_socket_is_refused)
{
	int pipe_fd[2];
	int datagram;
	int packets[2];
	size_t sent = SIZE_MAX;

	cr_assert_eq(pipe2(pipe_fd, O_CLOEXEC), 0);
	cr_expect_eq(weir_fd_sendall(pipe_fd[1], "x", 1, 0, &sent), -ENOTSOCK);
	cr_expect_eq(sent, 0);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_expect_eq(weir_fd_sendall(datagram, "x", 1, 0, &sent), -EPROTOTYPE);
	close(datagram);
	cr_assert_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets),
		0);
	cr_expect_eq(weir_fd_sendall(packets[0], "x", 1, 0, &sent),
		     -EPROTOTYPE);
	close(packets[0]);
	close(packets[1]);
	cr_expect_eq(weir_fd_sendall(-1, "x", 1, 0, &sent), -EBADF);
}

/* -- a real peer, in real time -- */

/* Reads to the end, a little at a time; arg is the harness_peer. */
static void *read_to_the_end(void *arg)
{
	struct harness_peer *peer = arg;

	while (!peer->has_ended && peer->error == 0) {
		struct pollfd pollfd = {.fd = peer->fd, .events = POLLIN};

		(void)poll(&pollfd, 1, -1);
		(void)harness_peer_read(peer, 3000);
	}
	return NULL;
}

static void send_to_a_reader(bool is_blocking)
{
	struct harness_peer peer = {.fd = s.fd[1], .seed = SEED};
	pthread_t reader;

	if (is_blocking)
		set_blocking(s.fd[0]);
	cr_assert_eq(pthread_create(&reader, NULL, read_to_the_end, &peer), 0);
	cr_expect_eq(send_all(LARGE, WEIR_NEVER), 0);
	cr_expect_eq(s.sent, LARGE);
	cr_expect_eq(!(fcntl(s.fd[0], F_GETFL) & O_NONBLOCK), is_blocking);
	shutdown(s.fd[0], SHUT_WR);
	cr_assert_eq(pthread_join(reader, NULL), 0);
	cr_expect_eq(peer.n_received, LARGE);
	cr_expect_eq(peer.error, 0);
	cr_expect_gt(fault_count(FAULT_WAIT_WRITABLE), 0, "no wait was tested");
	end();
}

Test(fd, a_slow_reader_gets_every_byte)
{
	fault_time_real();
	for (int is_blocking = 0; is_blocking < 2; is_blocking++) {
		begin(SMALL_BUFFER);
		send_to_a_reader(is_blocking);
		harness_tcp_pair(s.fd, SMALL_BUFFER);
		send_to_a_reader(is_blocking);
	}
}

/* MSG_DONTWAIT: a blocking descriptor does not sleep beyond the deadline. */
Test(fd, the_deadline_holds_on_a_blocking_descriptor)
{
	begin(SMALL_BUFFER);
	set_blocking(s.fd[0]);
	cr_expect_eq(send_all(LARGE, HARNESS_START_NS + SECOND_NS), -ETIMEDOUT);
	expect_arrived(s.sent);
	end();
}
