/* Queued files are counted, and weigh what their nodes hold. The suite is
 * declared in test_conn_sendfile.c. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SNDBUF = 4608,
	SMALL = 100,
	LARGE = 100000,
	DEFAULT_FILES = 64
};

static struct conn_probe p;
static struct conn_probe q;

static unsigned send_until_refused(struct conn_probe *probe)
{
	unsigned n = 0;

	while (sendfile_next(probe, LARGE) == 0)
		n++;
	return n;
}

Test(conn_sendfile, is_refused_beyond_a_number_of_them)
{
	int n_fds;

	conn_probe_open(&p, SNDBUF, NULL);
	fault_result(FAULT_SENDFILE, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	n_fds = harness_count_fds();
	cr_assert_eq(send_until_refused(&p), DEFAULT_FILES);
	cr_assert_eq(sendfile_next(&p, LARGE), -ENOBUFS);
	cr_assert_eq(harness_count_fds(), n_fds + DEFAULT_FILES);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	cr_assert_eq(sendfile_next(&p, LARGE), -ENOBUFS);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	fault_clear();
	sendfile_expect_received(&p);
	cr_assert_str_eq(p.calls, "+-");
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
}

/* Reached is crossed, as for bytes; and a quarter is low. */
Test(conn_sendfile, presses_at_its_number)
{
	const struct weir_conn_limits limits = {.files = 8};
	unsigned i;

	conn_probe_open(&p, SNDBUF, &limits);
	fault_result(FAULT_SENDFILE, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	for (i = 0; i < 7; i++)
		cr_assert_eq(sendfile_next(&p, LARGE), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "");
	cr_assert_eq(sendfile_next(&p, LARGE), 0);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+");
	fault_clear();
	while (weir_sendq_n_files(&p.conn.out.backlog->queue) > 2) {
		cr_assert_str_eq(p.calls, "+");
		harness_peer_read(&p.peer, 10000);
		conn_turns(1);
	}
	conn_turns(1);
	cr_assert_str_eq(p.calls, "+-d");
	sendfile_expect_received(&p);
}

/* What is gathered and queued is offered before one is refused. */
Test(conn_sendfile, makes_room_by_offering_first)
{
	const struct weir_conn_limits limits = {.files = 1};
	unsigned i;

	conn_probe_open(&p, 0, &limits);
	for (i = 0; i < 10; i++)
		cr_assert_eq(sendfile_next(&p, SMALL), 0);
	conn_turns(1);
	sendfile_expect_received(&p);
}

static void pipeline(struct conn_probe *probe, char call)
{
	while (call == CONN_DATA && sendfile_next(probe, LARGE) == 0)
		;
}

Test(conn_sendfile, bounds_what_a_pipelining_peer_costs)
{
	int n_fds;
	unsigned i;

	p.then = pipeline;
	conn_probe_open(&p, SNDBUF, NULL);
	n_fds = harness_count_fds();
	for (i = 0; i < 100; i++) {
		conn_probe_write(&p, 1);
		conn_turns(1);
	}
	cr_assert_leq(harness_count_fds(), n_fds + DEFAULT_FILES);
	cr_assert_str_eq(p.calls, "d+");
}

/* -- the budget -- */

static void queue_many(struct conn_probe *probe, struct weir_file *file,
		       unsigned n)
{
	while (n-- > 0 && weir_conn_is_open(&probe->conn)) {
		int error = weir_conn_sendfile(&probe->conn, file, 0, LARGE);

		if (error == 0)
			probe->n_accepted += LARGE;
		else
			cr_assert_eq(error, -EPIPE);
	}
}

/* Not the one that owes a little by sendall. */
Test(conn_sendfile, makes_its_owner_the_debtor)
{
	const struct weir_conn_limits limits = {.files = 100000,
						.flags = WEIR_CONN_NO_THROTTLE};
	const size_t high = 100000;
	struct weir_file *file;
	unsigned i;

	cr_assert_eq(weir_loop_budget(conn_loop, high, high / 2), 0);
	conn_probe_open(&p, SNDBUF, &limits);
	conn_probe_open(&q, SNDBUF, NULL);
	cr_assert_eq(weir_file_new(&file, memfd_create("weir", 0)), 0);
	fault_result(FAULT_ANY_SEND, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	cr_assert_eq(conn_probe_sendall(&q, 1000), 0);
	for (i = 0; i < 100; i++) {
		queue_many(&p, file, 30);
		cr_assert_leq(conn_loop->pool.n_used_bytes, high);
	}
	cr_assert_eq(conn_probe_sendall(&q, 1000), 0);
	conn_turns(1);
	cr_assert_eq(p.result.reason, WEIR_REASON_BUDGET);
	cr_assert(weir_conn_is_open(&q.conn));
	weir_file_unref(file);
}
