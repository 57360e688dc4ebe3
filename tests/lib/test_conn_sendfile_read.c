/* Files that sendfile(2) cannot send, or not to this socket: they are read, in
 * pieces. The suite is declared in test_conn_sendfile.c. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SMALL = 100,
	LARGE = 20000,
	MUCH = 900000
};

static struct conn_probe p;

static void expect_read(int result)
{
	conn_probe_open(&p, 4608, NULL);
	fault_next(FAULT_SENDFILE, result);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	sendfile_expect_received(&p);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 1);
	cr_assert_geq(fault_count(FAULT_PREAD), MUCH / 32768);
	conn_close_all();
	fault_reset();
}

Test(conn_sendfile, is_read_where_sendfile_cannot)
{
	expect_read(-EINVAL);
	expect_read(-ENOSYS);
	expect_read(-EOPNOTSUPP);
	expect_read(0);
}

Test(conn_sendfile, is_read_for_a_socket_that_blocks)
{
	int fd[2];

	harness_unix_pair(fd, 4608);
	cr_assert_eq(fcntl(fd[0], F_SETFL, 0), 0);
	conn_probe_open_pair(&p, fd, NULL);
	cr_assert_eq(sendfile_next(&p, MUCH), 0);
	cr_assert_eq(sendfile_next(&p, 0), 0);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	sendfile_expect_received(&p);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 0);
}

Test(conn_sendfile, is_bounded_in_each_turn_when_it_is_read)
{
	uint64_t n_sent;

	conn_probe_open_tcp(&p, 0, NULL);
	fault_next(FAULT_SENDFILE, -EINVAL);
	cr_assert_eq(sendfile_next(&p, 5000000), 0);
	do {
		n_sent = p.conn.out.sent;
		conn_turns(1);
		cr_assert_leq(p.conn.out.sent, n_sent + 2097152);
		harness_peer_read(&p.peer, SIZE_MAX);
	} while (p.conn.out.sent < p.n_accepted);
	sendfile_expect_received(&p);
}

/* A real one, of which not even the size is known before. */
Test(conn_sendfile, can_be_one_of_proc)
{
	static char is[1 << 20];
	static char was[1 << 20];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	ssize_t n_read;

	conn_probe_open(&p, 0, NULL);
	while ((n_read = pread(fd, was + n, sizeof was - (size_t)n, n)) > 0)
		n += n_read;
	cr_assert_gt(n, 10000);
	cr_assert_eq(sendfile_and_let_go(&p.conn, fd, 0, 10000), 0);
	p.n_accepted += 10000;
	conn_turns(2);
	harness_read(p.peer.fd, is, 10000);
	cr_assert_eq(strncmp(is, was, 80), 0);
	cr_assert(weir_conn_is_open(&p.conn));
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
}
