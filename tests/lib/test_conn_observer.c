/* The observer: which hook, in which order, with which numbers. */
#include <weir/observer.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weir/conn.h>

#include "fault.h"
#include "harness_conn.h"

static const uint64_t SECOND = 1000000000;

static struct conn_probe p;
static struct conn_probe q;
/* What the hooks of p said: "offer 10 7, queue 3 3, ..." */
static char said[1024];

static void say(const struct weir_conn *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct weir_conn *c, const char *format, ...)
{
	size_t n = strlen(said);
	va_list args;

	if (c != &p.conn)
		return;
	va_start(args, format);
	vsnprintf(said + n, sizeof said - n, format, args);
	va_end(args);
}

static void on_offer(struct weir_observer *o, struct weir_conn *c,
		     size_t offered, size_t taken)
{
	(void)o;
	say(c, "offer %zu %zu, ", offered, taken);
}

static void on_queue(struct weir_observer *o, struct weir_conn *c, uint64_t n,
		     uint64_t n_queued)
{
	(void)o;
	say(c, "queue %zu %zu, ", n, n_queued);
}

static void on_arm(struct weir_observer *o, struct weir_conn *c)
{
	(void)o;
	say(c, "arm, ");
}

static void on_move(struct weir_observer *o, struct weir_conn *c, size_t taken,
		    uint64_t n_queued)
{
	(void)o;
	say(c, "move %zu %zu, ", taken, n_queued);
}

static void on_drain(struct weir_observer *o, struct weir_conn *c,
		     uint64_t stalled_ns)
{
	(void)o;
	say(c, "drain %llu, ", (unsigned long long)stalled_ns);
}

static void on_disarm(struct weir_observer *o, struct weir_conn *c)
{
	(void)o;
	say(c, "disarm, ");
}

static void on_close(struct weir_observer *o, struct weir_conn *c,
		     const struct weir_result *result)
{
	(void)o;
	cr_assert_eq(p.n_of[CONN_CLOSED], 0);
	say(c, "close %s, ", weir_reason_name(result->reason));
}

static struct weir_observer observer = {
	.on_offer = on_offer,
	.on_queue = on_queue,
	.on_arm = on_arm,
	.on_move = on_move,
	.on_drain = on_drain,
	.on_disarm = on_disarm,
	.on_close = on_close,
};

static void begin(void)
{
	conn_begin();
	weir_loop_observe(conn_loop, &observer);
}

TestSuite(conn_observer, .init = begin, .fini = conn_end);

static void next_send_takes(size_t n)
{
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
}

static void expect_said(const char *what)
{
	cr_assert_str_eq(said, what);
	said[0] = '\0';
}

Test(conn_observer, sees_an_echo_as_one_offer)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 64);
	conn_turns(2);
	expect_said("offer 64 64, ");
	conn_probe_write(&p, 64);
	conn_turns(2);
	expect_said("offer 64 64, ");
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 128);
}

/* The article's lesson: what sendall does behind a short send. */
Test(conn_observer, sees_the_whole_way_of_a_short_sendall)
{
	p.is_echo = true;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 100);
	next_send_takes(30);
	conn_turns(1);
	expect_said("offer 100 30, queue 70 70, arm, ");
	fault_time_advance(SECOND);
	next_send_takes(50);
	conn_turns(1);
	expect_said("move 50 20, ");
	fault_time_advance(SECOND);
	conn_turns(1);
	expect_said("move 20 0, drain 2000000000, disarm, ");
	weir_conn_abort(&p.conn, false);
	expect_said("");
	conn_turns(1);
	expect_said("close aborted, ");
}

Test(conn_observer, sees_a_large_one_offered_with_what_waits)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(0);
	conn_probe_sendall(&p, 5000);
	expect_said("offer 5000 0, queue 5000 5000, ");
	conn_probe_sendall(&p, 10);
	expect_said("queue 10 5010, ");
	conn_turns(1);
	expect_said("arm, ");
	conn_turns(1);
	expect_said("move 5010 0, drain 0, disarm, ");
}

Test(conn_observer, sees_a_short_send_queue_nothing)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(3);
	conn_probe_send(&p, 10);
	expect_said("offer 10 3, ");
	conn_turns(1);
	expect_said("arm, ");
	conn_turns(1);
	expect_said("disarm, ");
	cr_assert_str_eq(p.calls, "w");
}

Test(conn_observer, sees_a_refusal_as_nothing)
{
	conn_probe_open(&p, 0, NULL);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(conn_probe_sendall(&p, 5000), -ENOMEM);
	cr_assert_eq(conn_probe_sendall(&p, 2000000), -EMSGSIZE);
	expect_said("");
}

Test(conn_observer, sees_the_end_after_all_bytes_are_out)
{
	conn_probe_open(&p, 0, NULL);
	next_send_takes(1000);
	conn_probe_sendall(&p, 5000);
	weir_conn_finish(&p.conn);
	conn_flow(&p);
	conn_probe_write_end(&p);
	conn_flow(&p);
	expect_said("offer 5000 1000, queue 4000 4000, arm, move 4000 0, "
		    "drain 0, disarm, close finished, ");
}

Test(conn_observer, sees_each_connection_apart)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_open(&q, 0, NULL);
	conn_probe_sendall(&q, 5000);
	conn_turns(2);
	expect_said("");
	conn_probe_sendall(&p, 5000);
	expect_said("offer 5000 5000, ");
}

Test(conn_observer, may_leave_out_any_hook)
{
	struct weir_observer none = {0};

	weir_loop_observe(conn_loop, &none);
	p.is_echo = true;
	conn_probe_open(&p, 4608, NULL);
	conn_probe_write(&p, 60000);
	conn_flow(&p);
	conn_probe_send(&p, 100000);
	conn_probe_hang_up(&p);
	conn_turns(5);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
	weir_loop_observe(conn_loop, NULL);
	expect_said("");
}

Test(conn_observer, sees_nothing_once_it_is_gone)
{
	conn_probe_open(&p, 0, NULL);
	weir_loop_observe(conn_loop, NULL);
	next_send_takes(10);
	conn_probe_sendall(&p, 5000);
	conn_turns(3);
	expect_said("");
}
