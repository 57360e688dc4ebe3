/* Opening: what is taken over, what is refused, what is set. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_open, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

/* A refused open leaves fd open, and the connection as it was. */
static void expect_refused(int fd, int error)
{
	static const struct weir_conn untouched;
	struct weir_conn c = untouched;

	cr_assert_eq(
		weir_conn_open(&c, conn_loop, fd, &conn_probe_events, NULL),
		error);
	cr_assert_eq(memcmp(&c, &untouched, sizeof c), 0);
	cr_assert_not(weir_conn_is_open(&c));
	cr_assert_eq(conn_loop->n_open, 0);
	cr_assert_eq(close(fd), 0);
}

Test(conn_open, of_what_is_no_stream_socket_is_refused)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	expect_refused(fd[0], -ENOTSOCK);
	close(fd[1]);
	expect_refused(socket(AF_INET, SOCK_DGRAM, 0), -EPROTOTYPE);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	expect_refused(fd[0], -EPROTOTYPE);
	close(fd[1]);
}

Test(conn_open, that_epoll_refuses_is_refused)
{
	static const int errors[] = {-ENOMEM, -ENOSPC};
	int fd[2];
	size_t i;

	for (i = 0; i < 2; i++) {
		harness_unix_pair(fd, 0);
		fault_next(FAULT_EPOLL_ADD, errors[i]);
		expect_refused(fd[0], errors[i]);
		close(fd[1]);
	}
}

static int nodelay_of(int fd)
{
	int value = -1;
	socklen_t len = sizeof value;

	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len);
	return value;
}

Test(conn_open, sets_nodelay)
{
	conn_probe_open_tcp(&p, 0, NULL);
	cr_assert_neq(nodelay_of(weir_conn_fd(&p.conn)), 0);
	cr_assert_eq(conn_probe_progress(&p).kernel_unacked, 0);
}

/* Whoever sets one asks for what this version does not do. */
Test(conn_open, of_an_unknown_flag_is_refused)
{
	const struct weir_conn_limits limits = {.flags = 0x80};

	cr_assert_eq(conn_probe_open(&p, 0, &limits), -EINVAL);
	cr_assert_not(weir_conn_is_open(&p.conn));
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &limits), -EINVAL);
}

Test(conn_open, knows_tcp_from_the_rest)
{
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(conn_probe_progress(&p).kernel_unacked, -1);
}

/* No call blocks, though the descriptor would. */
Test(conn_open, of_a_blocking_descriptor_is_the_same)
{
	int fd[2];

	harness_unix_pair(fd, 4608);
	cr_assert_eq(fcntl(fd[0], F_SETFL, 0), 0);
	conn_probe_open_pair(&p, fd, NULL);
	cr_assert_eq(conn_probe_sendall(&p, 500000), 0);
	conn_probe_write(&p, 10);
	fault_next(FAULT_RECV, -EAGAIN);
	conn_flow(&p);
	cr_assert_eq(p.peer.n_received, 500000);
	cr_assert_eq(p.n_taken, 10);
	cr_assert_eq(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
}

Test(conn_open, finds_what_came_before)
{
	int fd[2];

	harness_unix_pair(fd, 0);
	harness_write(fd[1], "x", 1);
	conn_probe_open_pair(&p, fd, NULL);
	p.n_written = 1;
	p.take = 0;
	p.peer.seed = 0;
	while (harness_byte(p.peer.seed, 0) != 'x')
		p.peer.seed++;
	conn_turns(1);
	cr_assert_eq(p.n_offered, 1);
}

Test(conn_open, keeps_the_loop_from_ending)
{
	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(weir_loop_free(conn_loop), -EBUSY);
	weir_conn_finish(&p.conn);
	conn_probe_write_end(&p);
	cr_assert_eq(weir_loop_run(conn_loop), 0);
	cr_assert_str_eq(p.calls, "c");
}

Test(conn_open, and_close_again_and_again_leaves_nothing)
{
	unsigned i;
	size_t n_live = 0;

	for (i = 0; i < 200; i++) {
		cr_assert_eq(conn_probe_open(&p, 4608, NULL), 0);
		p.take = 5;
		conn_probe_write(&p, 10);
		conn_probe_sendall(&p, 20000);
		conn_probe_sendbuf(&p, 10);
		conn_turns(2);
		if (i % 2)
			weir_conn_finish(&p.conn);
		conn_close_all();
		if (i == 100)
			n_live = fault_n_live_bytes();
	}
	cr_assert_eq(fault_n_live_bytes(), n_live);
}
