/* Files that end early or cannot be sent, and their descriptor: closed once,
 * whatever happens. The suite is declared in test_conn_sendfile.c. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SNDBUF = 4608,
	SMALL = 100,
	LARGE = 20000,
	MUCH = 900000
};

static struct conn_probe p;

/* -- files that end early, and other errors -- */

/* A file with less in it than is asked for. */
static int send_short_file(size_t n_there, uint64_t n_asked, int *file)
{
	int error;

	*file = sendfile_make(&p, n_there);
	cr_assert_eq(ftruncate(*file, (off_t)(SENDFILE_JUNK + n_there)), 0);
	error = sendfile_and_let_go(&p.conn, *file, SENDFILE_JUNK, n_asked);
	if (error == 0)
		p.n_accepted += n_asked;
	return error;
}

static void expect_error(int error, uint64_t n_received)
{
	conn_flow(&p);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	cr_assert_eq(p.result.error, error);
	cr_assert_eq(p.peer.n_received, n_received);
	cr_assert_eq(p.result.progress.dropped, p.n_accepted - n_received);
}

Test(conn_sendfile, that_ends_early_is_an_error)
{
	size_t n;
	int file;

	for (n = 0; n < SMALL; n += 33) {
		conn_probe_open(&p, 0, NULL);
		conn_probe_sendall(&p, 3);
		cr_assert_eq(send_short_file(n, SMALL, &file), 0);
		cr_assert_eq(weir_conn_sendall(&p.conn, "rest", 4), 0);
		p.n_accepted += 4;
		fault_reset();
		expect_error(-ENODATA, 3 + n);
		cr_assert_eq(p.result.reason, WEIR_REASON_ERROR);
		cr_assert_leq(fault_count(FAULT_SENDFILE), 2);
		cr_assert_not(sendfile_is_open(file));
		conn_close_all();
	}
}

Test(conn_sendfile, that_is_cut_underneath_is_an_error)
{
	uint64_t n_sent;
	int file;

	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next_as(&p, MUCH, &file), 0);
	conn_turns(2);
	n_sent = p.conn.out.sent;
	cr_assert_gt(n_sent, 0);
	cr_assert_eq(ftruncate(file, (off_t)(SENDFILE_JUNK + n_sent)), 0);
	fault_reset();
	expect_error(-ENODATA, n_sent);
	cr_assert_leq(fault_count(FAULT_SENDFILE), 2);
}

Test(conn_sendfile, of_any_length_ends_with_the_file)
{
	int file;

	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(send_short_file(SMALL, INT64_MAX - SENDFILE_JUNK, &file),
		     0);
	expect_error(-ENODATA, SMALL);
}

static const struct {
	int error;
	enum weir_reason reason;
} failures[] = {
	{-EIO, WEIR_REASON_ERROR},
	{-EPIPE, WEIR_REASON_PEER_CLOSED},
	{-ECONNRESET, WEIR_REASON_RESET},
};

enum {
	N_FAILURES = sizeof failures / sizeof *failures
};

Test(conn_sendfile, that_fails_ends_the_connection)
{
	int file;
	size_t i;

	for (i = 0; i < N_FAILURES; i++) {
		conn_probe_open(&p, 0, NULL);
		conn_probe_sendall(&p, SMALL);
		fault_next(FAULT_SENDFILE, failures[i].error);
		cr_assert_eq(sendfile_next_as(&p, LARGE, &file), 0);
		conn_probe_sendall(&p, SMALL);
		expect_error(failures[i].error, SMALL);
		cr_assert_eq(p.result.reason, failures[i].reason);
		cr_assert_not(sendfile_is_open(file));
		conn_close_all();
	}
}

Test(conn_sendfile, that_cannot_be_read_ends_the_connection)
{
	int file;

	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, SMALL);
	fault_result(FAULT_PREAD, FAULT_ANY_FD, 2, -EIO);
	fault_result(FAULT_PREAD, FAULT_ANY_FD, 3, -EIO);
	cr_assert_eq(sendfile_next_as(&p, SMALL, &file), 0);
	conn_probe_sendall(&p, SMALL);
	expect_error(-EIO, SMALL);
	cr_assert_not(sendfile_is_open(file));
}

Test(conn_sendfile, that_ends_early_resets)
{
	int file;

	conn_probe_open_tcp(&p, 0, NULL);
	cr_assert_eq(send_short_file(SMALL, LARGE, &file), 0);
	conn_turns(3);
	cr_assert_eq(p.result.error, -ENODATA);
	harness_peer_read(&p.peer, SIZE_MAX);
	cr_assert_eq(p.peer.error, -ECONNRESET);
}

/* A first offer is forgiven, as sendall's is. */
Test(conn_sendfile, may_find_the_kernel_out_of_memory_at_first)
{
	conn_probe_open(&p, 0, NULL);
	fault_next(FAULT_ANY_SEND, -ENOBUFS);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
	sendfile_expect_received(&p);
}

/* -- the descriptor -- */

/* Every way to the end closes it once: nobody else may own its number. */
Test(conn_sendfile, closes_each_file_once)
{
	int file;

	conn_probe_open(&p, SNDBUF, NULL);
	cr_assert_eq(sendfile_next_as(&p, SMALL, &file), 0);
	conn_flow(&p);
	cr_assert_eq(fault_count(FAULT_CLOSE), 1);
	cr_assert_eq(sendfile_next_as(&p, MUCH, &file), 0);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_CLOSE), 1);
	weir_conn_abort(&p.conn, false);
	cr_assert_eq(fault_count(FAULT_CLOSE), 3);
	cr_assert_not(sendfile_is_open(file));
	conn_turns(1);
	cr_assert_eq(fault_count(FAULT_CLOSE), 4);
}

Test(conn_sendfile, of_nothing_is_closed_at_once)
{
	int file;

	conn_probe_open(&p, 0, NULL);
	cr_assert_eq(sendfile_next_as(&p, 0, &file), 0);
	cr_assert_not(sendfile_is_open(file));
	cr_assert_eq(fault_count(FAULT_CLOSE), 1);
	conn_turns(2);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 0);
}

/* A file of SMALL bytes, of which the test has the only reference. */
static struct weir_file *make_file(void)
{
	struct weir_file *file;

	cr_assert_eq(weir_file_new(&file, sendfile_make(&p, SMALL)), 0);
	return file;
}

static int send_file(struct weir_file *file, uint64_t n)
{
	return weir_conn_sendfile(&p.conn, file, SENDFILE_JUNK, n);
}

Test(conn_sendfile, is_the_callers_when_it_is_refused)
{
	struct weir_file *file;

	conn_probe_open(&p, 0, NULL);
	file = make_file();
	weir_conn_finish(&p.conn);
	cr_assert_eq(send_file(file, SMALL), -EPIPE);
	cr_assert_eq(send_file(file, 0), -EPIPE);
	conn_turns(1);
	conn_close_all();
	conn_probe_open(&p, 0, NULL);
	fault_next(FAULT_SEND, -ECONNRESET);
	cr_assert_eq(conn_probe_send(&p, 1), -ECONNRESET);
	cr_assert_eq(send_file(file, SMALL), -ECONNRESET);
	cr_assert(sendfile_is_open(weir_file_fd(file)));
	weir_file_unref(file);
}

Test(conn_sendfile, is_the_callers_when_it_has_no_such_place)
{
	struct weir_file *file;

	conn_probe_open(&p, 0, NULL);
	file = make_file();
	cr_assert_eq(weir_conn_sendfile(&p.conn, file, -1, 1), -EINVAL);
	cr_assert_eq(weir_conn_sendfile(&p.conn, file, 1, INT64_MAX), -EINVAL);
	cr_assert_eq(weir_conn_sendfile(&p.conn, file, INT64_MAX, 1), -EINVAL);
	weir_file_unref(file);
	cr_assert_eq(sendfile_next(&p, SMALL), 0);
	sendfile_expect_received(&p);
}

Test(conn_sendfile, is_the_callers_when_there_is_no_memory)
{
	struct weir_file *file;
	unsigned nth;

	for (nth = 1; nth <= 2; nth++) {
		conn_probe_open(&p, 0, NULL);
		file = make_file();
		fault_result(FAULT_ALLOC, FAULT_ANY_FD, nth, -ENOMEM);
		cr_assert_eq(send_file(file, SMALL), -ENOMEM);
		cr_assert_eq(send_file(file, SMALL), 0);
		p.n_accepted += SMALL;
		weir_file_unref(file);
		sendfile_expect_received(&p);
		conn_pass(20000000);
		cr_assert_str_eq(p.calls, "+-");
		conn_close_all();
	}
}
