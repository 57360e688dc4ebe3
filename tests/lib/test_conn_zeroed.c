/* A zeroed connection and a closed one behave alike. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

#include <weir/fence.h>
#include <weir/link.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_zeroed, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct weir_conn zeroed;

static void expect_closed(struct weir_conn *c)
{
	static const struct weir_conn_limits limits;
	struct weir_buf *buf = weir_buf_new(10);
	struct weir_progress progress;
	struct weir_file *file;
	uint64_t n_calls;

	cr_assert_eq(weir_file_new(&file, open("/proc/self/exe", O_RDONLY)), 0);
	n_calls = fault_count_kernel();
	cr_assert_not(weir_conn_is_open(c));
	cr_assert_eq(weir_conn_send(c, "x", 1), -EPIPE);
	cr_assert_eq(weir_conn_send(c, "", 0), -EPIPE);
	cr_assert_eq(weir_conn_sendall(c, "x", 1), -EPIPE);
	cr_assert_eq(weir_conn_sendall(c, "", 0), -EPIPE);
	cr_assert_eq(weir_conn_sendbuf(c, buf), -EPIPE);
	cr_assert_eq(weir_conn_sendfile(c, file, 0, 1), -EPIPE);
	cr_assert_eq(weir_conn_trim(c, 0), 0);
	cr_assert_eq(weir_conn_room(c), 0);
	cr_assert_eq(weir_conn_set_limits(c, &limits), -EPIPE);
	weir_conn_set_events(c, &conn_probe_events);
	weir_conn_pause(c);
	weir_conn_resume(c);
	weir_conn_shutdown(c);
	weir_conn_finish(c);
	weir_conn_detach(c);
	weir_conn_abort(c, true);
	weir_conn_counters(c, &progress);
	weir_conn_progress(c, &progress);
	cr_assert_eq(progress.queued, 0);
	cr_assert_not(weir_conn_is_full(c));
	cr_assert_not(weir_conn_is_open(c));
	cr_assert_eq(fault_count_kernel(), n_calls);
	weir_file_unref(file);
	weir_buf_unref(buf);
}

Test(conn_zeroed, refuses_and_does_nothing)
{
	expect_closed(&zeroed);
}

Test(conn_zeroed, can_be_opened_after_all_that)
{
	expect_closed(&p.conn);
	conn_probe_open(&p, 0, NULL);
	p.is_echo = true;
	conn_probe_write(&p, 10);
	conn_turns(1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10);
}

Test(conn_zeroed, is_as_one_that_was_closed)
{
	conn_probe_open(&p, 0, NULL);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	expect_closed(&p.conn);
}
