/* After fork(2): the child lets go of the loop, and the parent goes on. */
#include "loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/signal.h>
#include <weir/wakeup.h>

#include "fault.h"
#include "harness_conn.h"
#include "harness_probe.h"

TestSuite(loop_fork, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static struct conn_probe owing;
static struct probe probe;
static struct weir_timer timer;
static struct weir_wakeup wakeup;
static struct weir_signal term;

static void note_nothing(struct weir_timer *t)
{
	(void)t;
}

static void hear_nothing(struct weir_wakeup *w)
{
	(void)w;
}

static void take_nothing(struct weir_signal *s)
{
	(void)s;
}

static void open_one_of_each(void)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&owing, 4608, NULL);
	conn_probe_sendall(&owing, 100000);
	probe_open(&probe, conn_loop, EPOLLIN);
	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 1000,
		       note_nothing);
	cr_assert_eq(weir_wakeup_open(&wakeup, conn_loop, hear_nothing), 0);
	cr_assert_eq(weir_signal_open(&term, conn_loop, SIGTERM, take_nothing),
		     0);
	conn_turns(1);
}

static void close_one_of_each(void)
{
	probe_close(&probe);
	weir_timer_cancel(&timer);
	weir_wakeup_close(&wakeup);
	weir_signal_close(&term);
}

/* As loop.h says; 0: all went well. */
static int tidy_up_in_child(void)
{
	struct weir_watch watch = {0};

	weir_loop_after_fork(conn_loop);
	weir_loop_after_fork(conn_loop);
	if (weir_loop_fd(conn_loop) != -1 ||
	    weir_watch_open(&watch, conn_loop, 0, EPOLLIN, probe_note) !=
		    -EBADF ||
	    weir_loop_run(conn_loop) != -EBADF)
		return 1;
	close_one_of_each();
	weir_conn_abort(&p.conn, false);
	weir_conn_abort(&owing.conn, false);
	if (weir_loop_turn(conn_loop, -1) != 0 || p.n_of[CONN_CLOSED] != 1 ||
	    owing.n_of[CONN_CLOSED] != 1)
		return 2;
	return weir_loop_free(conn_loop) == 0 ? 0 : 3;
}

static void expect_success(pid_t child)
{
	int status;

	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(loop_fork, the_parent_goes_on_hearing_when_the_child_tidies_up)
{
	pid_t child;

	open_one_of_each();
	child = fork();
	if (child == 0)
		_exit(tidy_up_in_child());
	expect_success(child);
	conn_probe_write(&p, 64);
	probe_poke(&probe);
	conn_turns(1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 64);
	cr_assert_eq(probe.n_calls, 1);
	probe_drain(&probe);
	conn_flow(&owing);
	cr_assert_eq(owing.peer.n_received, 100000);
	fault_time_advance(1000);
	conn_turns(1);
	cr_assert_not(weir_timer_is_armed(&timer));
	close_one_of_each();
}

/* Two watches that are ready: the child of the first hears nothing of the
 * second, nor does it send what the parent is about to. */
static pid_t child_of_callback;
static unsigned n_closed;

static size_t take_none(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	(void)n;
	_exit(4);
}

static void count_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	(void)result;
	n_closed++;
}

/* The probe's would find that they are called inside another. */
static const struct weir_conn_events quiet = {.on_data = take_none,
					      .on_close = count_close};

static void fork_inside(struct conn_probe *probe_, char call)
{
	if (call != CONN_DATA)
		return;
	conn_probe_sendall(probe_, 5);
	child_of_callback = fork();
	if (child_of_callback != 0)
		return;
	weir_loop_after_fork(conn_loop);
	weir_conn_set_events(&p.conn, &quiet);
	weir_conn_abort(&p.conn, false);
	weir_conn_set_events(&owing.conn, &quiet);
	weir_conn_abort(&owing.conn, false);
	weir_loop_turn(conn_loop, 0);
	_exit(weir_loop_free(conn_loop) == 0 && n_closed == 2 ? 0 : 1);
}

Test(loop_fork, inside_a_callback_the_turn_stays_the_parents)
{
	p.then = fork_inside;
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&owing, 0, NULL);
	conn_probe_write(&p, 1);
	conn_probe_write(&owing, 1);
	conn_turns(1);
	expect_success(child_of_callback);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 5);
	cr_assert_str_eq(owing.calls, "d");
}

/* What waits for its deferred call is sent once, and by the parent. */
Test(loop_fork, what_is_left_to_be_done_is_the_parents)
{
	pid_t child;

	conn_probe_open(&p, 0, NULL);
	conn_turns(1);
	conn_probe_sendall(&p, 10);
	child = fork();
	if (child == 0) {
		weir_loop_after_fork(conn_loop);
		weir_loop_turn(conn_loop, 0);
		_exit(0);
	}
	expect_success(child);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 0);
	conn_turns(1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10);
}
