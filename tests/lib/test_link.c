/* Links: who is held, for how long, and what becomes of the bytes. */
#include <weir/link.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"

TestSuite(link, .init = conn_begin, .fini = conn_end);

enum {
	SNDBUF = 4608,
	LOW = 10000,
	HIGH = 20000,
	MUCH = 70000
};

static const struct weir_conn_limits marks = {.low = LOW, .high = HIGH};

static struct conn_probe source, sink, second;
static struct weir_link ab, other;

static void open_all(void)
{
	conn_probe_open(&source, SNDBUF, &marks);
	conn_probe_open(&sink, SNDBUF, &marks);
	conn_probe_open(&second, SNDBUF, &marks);
}

/* Whether p is read from: its peer says a byte. */
static bool hears(struct conn_probe *p)
{
	unsigned n = p->n_of[(int)CONN_DATA];

	conn_probe_write(p, 1);
	conn_turns(2);
	return p->n_of[(int)CONN_DATA] > n;
}

static void press(struct conn_probe *p)
{
	cr_assert_eq(conn_probe_sendall(p, MUCH), 0);
	conn_turns(2);
	cr_assert(p->is_above);
}

static void ease(struct conn_probe *p)
{
	conn_flow(p);
	cr_assert(!p->is_above);
}

Test(link, holds_the_source_while_the_sink_is_above)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	cr_assert(hears(&source));
	press(&sink);
	cr_assert(!hears(&source));
	cr_assert(hears(&second));
	ease(&sink);
	cr_assert_eq(source.n_taken, source.n_written);
	cr_assert(hears(&source));
	weir_link_close(&ab);
}

Test(link, between_the_marks_changes_nothing)
{
	bool was_held = false;

	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	conn_probe_sendall(&sink, HIGH);
	conn_turns(2);
	cr_assert(!sink.is_above);
	cr_assert(hears(&source));
	press(&sink);
	while (conn_probe_progress(&sink).queued > 0) {
		size_t n = conn_probe_progress(&sink).queued;
		bool is_held = weir_conn_is_held(&source.conn, WEIR_HOLD_LINKS);

		cr_assert_eq(is_held, n > LOW, "%zu", n);
		was_held |= is_held && n < HIGH;
		harness_peer_read(&sink.peer, 500);
		conn_turns(2);
	}
	cr_assert(was_held);
}

Test(link, many_sources_are_held_by_one_sink)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_link_open(&other, &second.conn, &sink.conn);
	press(&sink);
	cr_assert(!hears(&source));
	cr_assert(!hears(&second));
	weir_link_close(&ab);
	cr_assert(hears(&source));
	cr_assert(!hears(&second));
	ease(&sink);
	cr_assert(hears(&second));
}

Test(link, of_many_sinks_the_last_lets_go)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_link_open(&other, &source.conn, &second.conn);
	press(&sink);
	press(&second);
	ease(&sink);
	cr_assert(!hears(&source));
	press(&sink);
	ease(&second);
	cr_assert(!hears(&source));
	ease(&sink);
	cr_assert_eq(source.n_taken, source.n_written);
	cr_assert(hears(&source));
}

Test(link, twice_between_the_same_two_holds_until_both_are_gone)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_link_open(&other, &source.conn, &sink.conn);
	press(&sink);
	weir_link_close(&ab);
	cr_assert(!hears(&source));
	weir_link_close(&other);
	cr_assert(hears(&source));
}

Test(link, opened_while_the_sink_is_above_holds_from_then_on)
{
	open_all();
	press(&sink);
	cr_assert(hears(&source));
	weir_link_open(&ab, &source.conn, &sink.conn);
	cr_assert(!hears(&source));
	weir_link_close(&ab);
	weir_link_close(&ab);
	cr_assert_null(ab.source);
	cr_assert(hears(&source));
	cr_assert_eq(source.n_taken, source.n_written);
}

Test(link, offers_what_was_kept_when_it_lets_go)
{
	open_all();
	source.take = 0;
	conn_probe_write(&source, 100);
	conn_turns(2);
	weir_link_open(&ab, &source.conn, &sink.conn);
	press(&sink);
	conn_turns(3);
	cr_assert_str_eq(source.calls, "d");
	source.take = SIZE_MAX;
	ease(&sink);
	cr_assert_str_eq(source.calls, "dd");
	cr_assert_eq(source.n_taken, 100);
}

Test(link, leaves_a_paused_source_paused)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_conn_pause(&source.conn);
	press(&sink);
	ease(&sink);
	cr_assert(!hears(&source));
	press(&sink);
	weir_conn_resume(&source.conn);
	cr_assert(!hears(&source));
	ease(&sink);
	cr_assert(hears(&source));
}

Test(link, both_ways_does_not_hold_the_sink)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_link_open(&other, &sink.conn, &source.conn);
	press(&sink);
	cr_assert(!hears(&source));
	press(&source);
	ease(&source);
	cr_assert(!hears(&source));
	ease(&sink);
	cr_assert(hears(&source));
	cr_assert(hears(&sink));
}

/* -- the end of one of them -- */

static void at_close(struct conn_probe *p, char call)
{
	(void)p;
	if (call == CONN_CLOSED)
		cr_assert_null(ab.source);
}

static void end_aborting(struct conn_probe *p)
{
	weir_conn_abort(&p->conn, true);
	conn_turns(1);
}

static void end_failing(struct conn_probe *p)
{
	fault_result(FAULT_ANY_SEND, weir_conn_fd(&p->conn), 1, -ECONNRESET);
	harness_peer_read(&p->peer, 30000);
	conn_turns(2);
}

static void end_hung_up(struct conn_probe *p)
{
	conn_probe_hang_up(p);
	conn_turns(2);
}

static void end_finishing(struct conn_probe *p)
{
	weir_conn_finish(&p->conn);
	conn_probe_write_end(p);
	conn_flow(p);
}

static void (*const ends[])(struct conn_probe *p) = {
	end_aborting, end_failing, end_hung_up, end_finishing};

Test(link, goes_with_the_sink_and_the_source_reads_again)
{
	size_t i;

	for (i = 0; i < sizeof ends / sizeof *ends; i++) {
		open_all();
		sink.then = at_close;
		weir_link_open(&ab, &source.conn, &sink.conn);
		press(&sink);
		source.take = 0;
		cr_assert(!hears(&source));
		ends[i](&sink);
		cr_assert_eq(sink.n_of[(int)CONN_CLOSED], 1, "%zu", i);
		source.take = SIZE_MAX;
		cr_assert(hears(&source), "%zu", i);
		cr_assert_null(ab.source);
		cr_assert_null(source.conn.links);
		conn_close_all();
	}
}

Test(link, goes_with_the_source)
{
	size_t i;

	for (i = 0; i < sizeof ends / sizeof *ends; i++) {
		open_all();
		source.then = at_close;
		weir_link_open(&ab, &source.conn, &sink.conn);
		press(&sink);
		press(&source);
		ends[i](&source);
		conn_turns(2);
		cr_assert_eq(source.n_of[(int)CONN_CLOSED], 1, "%zu", i);
		cr_assert_null(ab.source);
		cr_assert_null(sink.conn.links);
		ease(&sink);
		conn_close_all();
	}
}

/* A sink that is finishing and has sent all has no pressure any more, though
 * it may linger for long. */
Test(link, lets_go_when_a_finishing_sink_is_back_at_low)
{
	open_all();
	weir_link_open(&ab, &source.conn, &sink.conn);
	press(&sink);
	weir_conn_finish(&sink.conn);
	cr_assert(!hears(&source));
	conn_flow(&sink);
	cr_assert(sink.peer.has_ended);
	cr_assert(weir_conn_is_open(&sink.conn));
	cr_assert(hears(&source));
}

/* -- in callbacks -- */

static struct weir_link *to_free;
static char when;

static void close_and_free(struct conn_probe *p, char call)
{
	(void)p;
	if (call != when || !to_free)
		return;
	weir_link_close(to_free);
	memset(to_free, 0x5A, sizeof *to_free);
	free(to_free);
	to_free = NULL;
}

static void close_inside(char call, struct conn_probe *p)
{
	open_all();
	when = call;
	to_free = calloc(1, sizeof *to_free);
	p->then = close_and_free;
	weir_link_open(&ab, &source.conn, &sink.conn);
	weir_link_open(to_free, &source.conn, &sink.conn);
	weir_link_open(&other, &source.conn, &sink.conn);
	cr_assert(hears(&source));
	press(&sink);
	cr_assert(!hears(&source));
	ease(&sink);
	cr_assert(hears(&source));
	if (call == CONN_CLOSED)
		end_aborting(p);
	cr_assert_null(to_free);
	conn_close_all();
}

Test(link, may_be_closed_and_freed_inside_any_callback)
{
	close_inside(CONN_ABOVE, &sink);
	close_inside(CONN_BELOW, &sink);
	close_inside(CONN_DATA, &source);
	close_inside(CONN_CLOSED, &sink);
	close_inside(CONN_CLOSED, &source);
}

/* -- against a naive model -- */

enum {
	N_CONNS = 5,
	N_LINKS = 12
};

static struct conn_probe conns[N_CONNS];
static struct weir_link links[N_LINKS];

static void step(void)
{
	struct conn_probe *p = &conns[harness_random_below(N_CONNS)];
	struct conn_probe *to = &conns[harness_random_below(N_CONNS)];
	struct weir_link *link = &links[harness_random_below(N_LINKS)];
	size_t dice = harness_random_below(100);

	if (dice < 20 && !link->source && p != to)
		weir_link_open(link, &p->conn, &to->conn);
	else if (dice < 30)
		weir_link_close(link);
	else if (dice < 60)
		conn_probe_sendall(p, harness_random_below(20000));
	else if (dice < 98)
		harness_peer_read(&p->peer, harness_random_below(20000));
	else
		weir_conn_abort(&p->conn, false);
	harness_turn_until_idle(conn_loop, 1000);
	if (weir_conn_is_open(&p->conn))
		return;
	conn_probe_hang_up(p);
	conn_probe_open(p, SNDBUF, &marks);
}

static void check(void)
{
	size_t i;
	size_t k;

	for (i = 0; i < N_CONNS; i++) {
		bool is_held = false;

		for (k = 0; k < N_LINKS; k++)
			is_held |= links[k].source == &conns[i].conn &&
				   weir_container_of(links[k].sink,
						     struct conn_probe, conn)
					   ->is_above;
		cr_assert_eq(conns[i].conn.watch.wanted & EPOLLIN,
			     is_held || conns[i].is_above ? 0 : EPOLLIN);
	}
}

Test(link, agrees_with_a_model_under_random_operations)
{
	size_t i;

	for (i = 0; i < N_CONNS; i++)
		conn_probe_open(&conns[i], SNDBUF, &marks);
	for (i = 0; i < 20000; i++) {
		step();
		check();
	}
}
