/* on_close: once, last and from the loop, whatever is called from where. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_close, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe q;
static struct conn_probe r;

static const struct weir_conn_limits small_marks = {.low = 100, .high = 1000};

/* What is done in the callback at, the first time it comes. */
static struct {
	char at;
	void (*what)(struct conn_probe *p);
	bool is_done;
} act;

static void end_it(struct conn_probe *probe)
{
	weir_conn_shutdown(&probe->conn);
}

static void finish_it(struct conn_probe *probe)
{
	weir_conn_finish(&probe->conn);
}

static void abort_it(struct conn_probe *probe)
{
	weir_conn_abort(&probe->conn, false);
}

static void reset_it(struct conn_probe *probe)
{
	weir_conn_abort(&probe->conn, true);
}

/* The connection fails in the callback; not when the kernel is full, since
 * then nothing is sent that could fail. */
static void break_it(struct conn_probe *probe)
{
	fault_result(FAULT_ANY_SEND, weir_conn_fd(&probe->conn), 1,
		     -ECONNRESET);
	cr_assert_eq(conn_probe_send(probe, 10), -ECONNRESET);
}

static void send_and_do_it(struct conn_probe *probe, char call)
{
	if (call != act.at || act.is_done)
		return;
	act.is_done = true;
	cr_assert_eq(conn_probe_sendall(probe, 10), 0);
	act.what(probe);
	cr_assert_lt(conn_probe_sendall(probe, 10), 0);
	cr_assert_lt(conn_probe_send(probe, 10), 0);
	cr_assert_lt(conn_probe_sendbuf(probe, 10), 0);
}

/* A life in which every callback comes, as long as it lasts. */
static void live(void)
{
	int fd = weir_conn_fd(&p.conn);

	conn_probe_write(&p, 10);
	conn_turns(2);
	if (weir_conn_is_open(&p.conn)) {
		fault_at_most(FAULT_ANY_SEND, fd, 1, 0);
		conn_probe_sendall(&p, 2000);
		conn_turns(3);
		fault_clear();
	}
	if (weir_conn_is_open(&p.conn)) {
		conn_probe_send(&p, 0);
		conn_turns(3);
	}
	conn_probe_write_end(&p);
	conn_flow(&p);
}

static void expect_dead(enum weir_reason reason, int error)
{
	size_t n = strlen(p.calls);

	cr_assert_eq(p.n_of[CONN_CLOSED], 1, "%s", p.calls);
	cr_assert_eq(p.calls[n - 1], CONN_CLOSED, "%s", p.calls);
	cr_assert_eq(p.calls[n - 2], act.at, "at %c: %s", act.at, p.calls);
	cr_assert_eq(p.result.reason, reason);
	cr_assert_eq(p.result.error, error);
}

static void do_in_each_callback(const char *at,
				void (*what)(struct conn_probe *),
				void (*expect)(void))
{
	for (; *at; at++) {
		act.at = *at;
		act.what = what;
		act.is_done = false;
		p.then = send_and_do_it;
		cr_assert_eq(conn_probe_open(&p, 0, &small_marks), 0);
		live();
		cr_assert(act.is_done, "%c never came: %s", *at, p.calls);
		expect();
		conn_close_all();
	}
}

static void expect_aborted(void)
{
	expect_dead(WEIR_REASON_ABORTED, 0);
}

static void expect_dropped(void)
{
	expect_aborted();
	cr_assert_geq(p.result.progress.dropped, 10);
}

Test(conn_close, abort_in_each_callback)
{
	do_in_each_callback("d+-we", abort_it, expect_aborted);
	do_in_each_callback("d+-we", reset_it, expect_dropped);
}

static void expect_broken(void)
{
	expect_dead(WEIR_REASON_RESET, -ECONNRESET);
}

Test(conn_close, an_error_in_each_callback)
{
	do_in_each_callback("d-we", break_it, expect_broken);
}

static void expect_finished(void)
{
	expect_dead(WEIR_REASON_FINISHED, 0);
	cr_assert_eq(p.result.progress.dropped, 0);
	cr_assert_eq(p.peer.n_received, p.n_accepted);
	cr_assert(p.peer.has_ended);
}

Test(conn_close, finish_in_each_callback)
{
	do_in_each_callback("d+-we", finish_it, expect_finished);
}

static void expect_half_closed(void)
{
	cr_assert(weir_conn_is_open(&p.conn));
	cr_assert_eq(p.peer.n_received, p.n_accepted);
	cr_assert(p.peer.has_ended);
	cr_assert_eq(p.n_of[CONN_AT_END], 1);
	weir_conn_finish(&p.conn);
	conn_turns(2);
	cr_assert_eq(p.result.reason, WEIR_REASON_FINISHED);
}

Test(conn_close, end_in_each_callback)
{
	do_in_each_callback("d+-we", end_it, expect_half_closed);
}

/* Called in on_close: all that is left is the object. */
static void call_everything(struct conn_probe *probe, char call)
{
	struct weir_progress progress;

	if (call != CONN_CLOSED)
		return;
	cr_assert_not(weir_conn_is_open(&probe->conn));
	weir_conn_pause(&probe->conn);
	weir_conn_resume(&probe->conn);
	weir_conn_shutdown(&probe->conn);
	weir_conn_finish(&probe->conn);
	weir_conn_abort(&probe->conn, true);
	weir_conn_progress(&probe->conn, &progress);
	cr_assert_eq(weir_conn_send(&probe->conn, "x", 1), -EPIPE);
	cr_assert_eq(weir_conn_sendall(&probe->conn, "x", 1), -EPIPE);
	act.is_done = true;
}

Test(conn_close, every_function_may_be_called_inside)
{
	p.then = call_everything;
	conn_probe_open(&p, 0, NULL);
	weir_conn_abort(&p.conn, false);
	conn_turns(3);
	cr_assert(act.is_done);
	cr_assert_str_eq(p.calls, "c");
}

static void free_it(struct weir_conn *c, const struct weir_result *result)
{
	cr_assert_eq(result->reason, WEIR_REASON_ABORTED);
	memset(c, 0xee, sizeof *c);
	free(c);
	act.is_done = true;
}

static size_t abort_itself(struct weir_conn *c, const void *data, size_t n)
{
	(void)data;
	weir_conn_abort(c, false);
	return n;
}

Test(conn_close, the_connection_may_be_freed_inside)
{
	static const struct weir_conn_events events = {.on_data = abort_itself,
						       .on_close = free_it};
	struct weir_conn *c = calloc(1, sizeof *c);
	struct harness_peer peer = {0};
	int fd[2];

	harness_unix_pair(fd, 0);
	peer.fd = fd[1];
	cr_assert_eq(weir_conn_open(c, conn_loop, fd[0], &events, NULL), 0);
	cr_assert_eq(weir_conn_sendall(c, "x", 1), 0);
	harness_write(peer.fd, "x", 1);
	conn_turns(3);
	cr_assert(act.is_done);
	conn_probe_hang_up(&(struct conn_probe){.peer = peer});
}

static void do_to_other(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && !act.is_done) {
		act.is_done = true;
		act.what(probe->other);
	}
}

/* p and q are ready in one batch, and the first does something to the other. */
static struct conn_probe *make_one_act(void (*what)(struct conn_probe *))
{
	act.what = what;
	act.is_done = false;
	p.then = do_to_other;
	p.other = &q;
	q.then = do_to_other;
	q.other = &p;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&q, 0, NULL);
	conn_probe_write(&p, 10);
	conn_probe_write(&q, 10);
	conn_turns(1);
	return p.n_of[CONN_DATA] > 0 ? &p : &q;
}

Test(conn_close, aborting_another_of_the_batch_silences_it)
{
	const struct conn_probe *actor = make_one_act(abort_it);

	cr_assert_str_eq(actor->calls, "d");
	cr_assert_str_eq(actor->other->calls, "c");
	cr_assert_eq(actor->other->result.progress.unread, 10);
	conn_turns(2);
	cr_assert_str_eq(actor->other->calls, "c");
}

Test(conn_close, finishing_another_of_the_batch_silences_it)
{
	const struct conn_probe *actor = make_one_act(finish_it);

	conn_probe_write_end(actor->other);
	conn_flow(actor->other);
	cr_assert_str_eq(actor->other->calls, "c");
	cr_assert_eq(actor->other->result.reason, WEIR_REASON_FINISHED);
	cr_assert_eq(actor->other->result.progress.unread, 10);
}

static void abort_both(struct conn_probe *probe)
{
	abort_it(probe);
	abort_it(probe->other);
}

static void open_another(struct conn_probe *probe, char call)
{
	(void)probe;
	if (call == CONN_CLOSED && !weir_conn_is_open(&r.conn))
		conn_probe_open(&r, 0, NULL);
}

static void do_to_other_then_open(struct conn_probe *probe, char call)
{
	do_to_other(probe, call);
	open_another(probe, call);
}

/* The new connection has a number for which events were harvested. */
Test(conn_close, a_recycled_descriptor_gets_no_event_of_the_old_one)
{
	int old_fd[2];

	act.what = abort_both;
	p.then = do_to_other_then_open;
	p.other = &q;
	q.then = do_to_other_then_open;
	q.other = &p;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&q, 0, NULL);
	old_fd[0] = weir_conn_fd(&p.conn);
	old_fd[1] = weir_conn_fd(&q.conn);
	conn_probe_write(&p, 10);
	conn_probe_write(&q, 10);
	conn_turns(1);
	cr_assert(weir_conn_is_open(&r.conn));
	cr_assert(weir_conn_fd(&r.conn) == old_fd[0] ||
		  weir_conn_fd(&r.conn) == old_fd[1]);
	conn_turns(2);
	cr_assert_str_eq(r.calls, "");
	conn_probe_write(&r, 5);
	conn_turns(1);
	cr_assert_eq(r.n_taken, 5);
}

static void reopen(struct conn_probe *probe, char call)
{
	if (call != CONN_CLOSED || act.is_done)
		return;
	act.is_done = true;
	conn_probe_hang_up(probe);
	cr_assert_eq(conn_probe_open(probe, 0, NULL), 0);
}

Test(conn_close, the_connection_may_be_opened_again_inside)
{
	p.then = reopen;
	conn_probe_open(&p, 0, NULL);
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert(act.is_done && weir_conn_is_open(&p.conn));
	conn_probe_write(&p, 5);
	cr_assert_eq(conn_probe_sendall(&p, 7), 0);
	conn_flow(&p);
	cr_assert_str_eq(p.calls, "d");
	cr_assert_eq(p.peer.n_received, 7);
}

static void change_interest_and_abort(struct conn_probe *probe, char call)
{
	if (call != CONN_ABOVE)
		return;
	weir_conn_abort(&probe->other->conn, false);
}

/* q is told above and so has a change of interest to commit; then p, later in
 * the same flushes, aborts it; then the kernel refuses the change. */
Test(conn_close, comes_though_the_kernel_refuses_the_last_change_of_interest)
{
	p.then = change_interest_and_abort;
	p.other = &q;
	conn_probe_open(&p, 0, &small_marks);
	conn_probe_open(&q, 0, &small_marks);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&q.conn), 1, 0);
	fault_result(FAULT_EPOLL_MOD, weir_conn_fd(&q.conn), 1, -ENOMEM);
	conn_probe_sendall(&q, 2000);
	conn_probe_sendall(&p, 2000);
	conn_turns(4);
	cr_assert_str_eq(q.calls, "+c");
	cr_assert_eq(q.result.reason, WEIR_REASON_ABORTED);
}
