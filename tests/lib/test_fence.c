/* Fences: when they fire, with what, and that they never fire early: a stream of
 * messages, fences, trims and reads at random is held against a naive model. */
#include <weir/fence.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(fence, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

/* A fence that notes how it fired, in calls too, as a letter of its own. */
struct note {
	struct weir_fence fence;
	char letter;
	unsigned n_fired;
	uint64_t n_dropped;
	bool was_closed; /* the connection, when it fired */
	void (*then)(struct note *note);
};

static char fired[64];

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	struct note *note = weir_container_of(fence, struct note, fence);

	cr_assert(conn_loop->is_in_turn);
	cr_assert_null(fence->conn);
	cr_assert_eq(p.n_of[CONN_CLOSED], 0);
	fired[strlen(fired)] = note->letter;
	note->n_fired++;
	note->n_dropped = n_dropped;
	if (note->then)
		note->then(note);
}

static int set(struct note *note, char letter)
{
	note->letter = letter;
	return weir_fence_open(&note->fence, &p.conn, on_fence);
}

static struct note a, b, c;

static void open_probe(const struct weir_conn_limits *limits)
{
	memset(fired, 0, sizeof fired);
	conn_probe_open(&p, 4608, limits);
}

Test(fence, behind_nothing_fires_in_the_next_turn_once)
{
	open_probe(NULL);
	cr_assert_eq(set(&a, 'a'), 0);
	cr_assert_str_eq(fired, "");
	conn_turns(1);
	cr_assert_str_eq(fired, "a");
	conn_turns(3);
	cr_assert_eq(a.n_fired, 1);
	cr_assert_eq(a.n_dropped, 0);
}

Test(fence, behind_queued_bytes_fires_when_the_last_has_left)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	set(&a, 'a');
	conn_probe_sendall(&p, 30000);
	set(&b, 'b');
	while (a.n_fired == 0) {
		cr_assert_lt(conn_probe_progress(&p).sent, 30000);
		harness_peer_read(&p.peer, 1000);
		conn_turns(1);
	}
	cr_assert_geq(conn_probe_progress(&p).sent, 30000);
	cr_assert_str_eq(fired, "a");
	conn_flow(&p);
	cr_assert_str_eq(fired, "ab");
	cr_assert_eq(a.n_dropped + b.n_dropped, 0);
}

static void fence_gathered(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	conn_probe_sendall(probe, 100);
	set(&a, 'a');
	conn_probe_sendall(probe, 100);
	set(&b, 'b');
	cr_assert_str_eq(fired, "");
}

Test(fence, behind_gathered_bytes_fires_as_far_as_they_leave)
{
	size_t n;

	for (n = 0; n <= 201; n++) {
		p.then = fence_gathered;
		memset(&a, 0, sizeof a);
		memset(&b, 0, sizeof b);
		open_probe(NULL);
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n);
		conn_probe_write(&p, 1);
		conn_turns(1);
		cr_assert_eq(a.n_fired, n >= 100, "%zu", n);
		cr_assert_eq(b.n_fired, n >= 200, "%zu", n);
		conn_flow(&p);
		cr_assert_str_eq(fired, "ab");
		conn_close_all();
	}
}

Test(fence, closed_before_does_not_fire)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	set(&a, 'a');
	set(&b, 'b');
	weir_fence_close(&a.fence);
	weir_fence_close(&a.fence);
	cr_assert_null(a.fence.conn);
	conn_flow(&p);
	cr_assert_str_eq(fired, "b");
	weir_fence_close(&b.fence);
}

static void close_next(struct note *note)
{
	(void)note;
	weir_fence_close(&b.fence);
}

Test(fence, closed_by_one_that_fires_before_it_does_not_fire)
{
	open_probe(NULL);
	a.then = close_next;
	set(&a, 'a');
	set(&b, 'b');
	set(&c, 'c');
	conn_turns(2);
	cr_assert_str_eq(fired, "ac");
}

static void set_again(struct note *note)
{
	if (note->n_fired < 5)
		cr_assert_eq(set(note, note->letter), 0);
}

Test(fence, set_again_inside_fires_in_the_next_turn)
{
	unsigned n;

	open_probe(NULL);
	a.then = set_again;
	set(&a, 'a');
	for (n = 1; n <= 5; n++) {
		conn_turns(1);
		cr_assert_eq(a.n_fired, n);
	}
	conn_turns(3);
	cr_assert_eq(a.n_fired, 5);
}

static void free_it(struct note *note)
{
	memset(note, 0x5A, sizeof *note);
	free(note);
}

Test(fence, may_be_freed_inside)
{
	struct note *note = calloc(1, sizeof *note);

	open_probe(NULL);
	note->then = free_it;
	set(note, 'x');
	set(&a, 'a');
	conn_turns(1);
	cr_assert_str_eq(fired, "xa");
}

Test(fence, without_memory_for_it_is_refused_and_stays_closed)
{
	open_probe(NULL);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_assert_eq(set(&a, 'a'), -ENOMEM);
	cr_assert_null(a.fence.conn);
	conn_turns(2);
	cr_assert_str_eq(fired, "");
	cr_assert_eq(set(&a, 'a'), 0);
	conn_turns(1);
	cr_assert_str_eq(fired, "a");
}

Test(fence, may_be_set_after_finish_and_end)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	weir_conn_shutdown(&p.conn);
	cr_assert_eq(set(&a, 'a'), 0);
	weir_conn_finish(&p.conn);
	cr_assert_eq(set(&b, 'b'), 0);
	conn_turns(2);
	cr_assert_str_eq(fired, "");
	conn_flow(&p);
	cr_assert_str_eq(fired, "ab");
	cr_assert_eq(set(&c, 'c'), 0);
	conn_turns(1);
	cr_assert_str_eq(fired, "abc");
}

Test(fence, at_abort_tells_what_was_dropped_between_the_marks)
{
	open_probe(NULL);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 100);
	conn_probe_sendall(&p, 10000);
	set(&a, 'a');
	conn_probe_sendall(&p, 70);
	conn_probe_sendbuf(&p, 30);
	set(&b, 'b');
	set(&c, 'c');
	conn_probe_sendall(&p, 1);
	weir_conn_abort(&p.conn, false);
	cr_assert_str_eq(fired, "");
	cr_assert_eq(
		weir_fence_open(&(struct weir_fence){0}, &p.conn, on_fence),
		-EPIPE);
	conn_turns(1);
	cr_assert_str_eq(fired, "abc");
	cr_assert_eq(a.n_dropped, 9900);
	cr_assert_eq(b.n_dropped, 100);
	cr_assert_eq(c.n_dropped, 0);
	cr_assert_str_eq(p.calls, "c");
}

static void abort_after_marks(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA)
		return;
	fence_gathered(probe, call);
	weir_conn_abort(&probe->conn, true);
}

Test(fence, at_abort_counts_gathered_bytes_too)
{
	open_probe(NULL);
	p.then = abort_after_marks;
	conn_probe_write(&p, 1);
	conn_turns(1);
	cr_assert_str_eq(fired, "ab");
	cr_assert_eq(a.n_dropped, 100);
	cr_assert_eq(b.n_dropped, 100);
}

Test(fence, at_failure_fires_before_on_close_and_later_ones_are_refused)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	set(&a, 'a');
	fault_next(FAULT_ANY_SEND, -ECONNRESET);
	harness_peer_read(&p.peer, SIZE_MAX);
	conn_turns(2);
	cr_assert_str_eq(fired, "a");
	cr_assert_eq(a.n_dropped, p.result.progress.dropped);
	cr_assert_str_eq(p.calls, "c");
}

static void set_on_the_dead(struct note *note)
{
	cr_assert_eq(set(note, note->letter), -EPIPE);
	cr_assert_eq(set(&b, 'b'), -EPIPE);
	weir_conn_abort(&p.conn, true);
}

Test(fence, is_refused_inside_one_that_fires_for_the_end)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	a.then = set_on_the_dead;
	set(&a, 'a');
	weir_conn_abort(&p.conn, false);
	conn_turns(2);
	cr_assert_str_eq(fired, "a");
}

static void abort_inside(struct note *note)
{
	(void)note;
	weir_conn_abort(&p.conn, false);
}

Test(fence, may_abort_inside_and_the_rest_fires_all_the_same)
{
	open_probe(NULL);
	a.then = abort_inside;
	set(&a, 'a');
	set(&b, 'b');
	conn_probe_sendall(&p, 30000);
	set(&c, 'c');
	conn_turns(2);
	cr_assert_str_eq(fired, "abc");
	cr_assert_eq(b.n_dropped, 0);
	cr_assert_eq(c.n_dropped, p.result.progress.dropped);
	cr_assert_eq(p.n_of[CONN_CLOSED], 1);
}

static void send_inside(struct note *note)
{
	conn_probe_sendall(&p, 5000);
	if (note->n_fired < 20)
		set(note, note->letter);
}

Test(fence, may_send_inside_as_a_source_that_goes_by_marks)
{
	open_probe(NULL);
	a.then = send_inside;
	set(&a, 'a');
	conn_flow(&p);
	cr_assert_eq(a.n_fired, 20);
	cr_assert_eq(p.peer.n_received, 20 * 5000);
}

Test(fence, set_after_a_trim_tells_of_what_was_dropped_since_the_one_before)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	set(&a, 'a');
	conn_probe_sendbuf(&p, 1000);
	conn_probe_sendbuf(&p, 1000);
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 2);
	set(&b, 'b');
	set(&c, 'c');
	conn_flow(&p);
	cr_assert_str_eq(fired, "abc");
	cr_assert_eq(a.n_dropped, 0);
	cr_assert_eq(b.n_dropped, 2000);
	cr_assert_eq(c.n_dropped, 0);
}

Test(fence, closed_leaves_what_was_dropped_to_the_next)
{
	open_probe(NULL);
	conn_probe_sendall(&p, 30000);
	conn_probe_sendbuf(&p, 1000);
	set(&a, 'a');
	conn_probe_sendbuf(&p, 1000);
	set(&b, 'b');
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 2);
	weir_fence_close(&a.fence);
	conn_flow(&p);
	cr_assert_str_eq(fired, "b");
	cr_assert_eq(b.n_dropped, 2000);
}

/* What is copied behind a dropped buffer is behind the fence there, too. */
Test(fence, is_not_put_off_by_bytes_that_came_after_a_dropped_tail)
{
	open_probe(NULL);
	fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, 0);
	conn_probe_sendall(&p, 100);
	conn_probe_sendbuf(&p, 1000);
	set(&a, 'a');
	cr_assert_eq(weir_conn_trim(&p.conn, 0), 1);
	conn_probe_sendall(&p, 500);
	set(&b, 'b');
	weir_conn_abort(&p.conn, false);
	conn_turns(1);
	cr_assert_eq(a.n_dropped, 1100);
	cr_assert_eq(b.n_dropped, 500);
}

/* -- set late in a connection's settling, behind bytes that leave at once -- */

static void say_and_fence(struct conn_probe *probe)
{
	cr_assert_eq(conn_probe_sendall(probe, 4), 0);
	cr_assert_eq(set(&a, 'a'), 0);
}

static void fence_below(struct conn_probe *probe, char call)
{
	if (call == CONN_BELOW)
		say_and_fence(probe);
}

static void expect_to_fire_unasked(void)
{
	conn_flow(&p);
	cr_assert_str_eq(fired, "a", "after %s", p.calls);
	cr_assert_eq(conn_probe_progress(&p).queued, 0);
}

Test(fence, set_in_on_pressure_fires_without_another_event)
{
	const struct weir_conn_limits limits = {.low = 1, .high = 65536};

	p.then = fence_below;
	open_probe(&limits);
	cr_assert_eq(conn_probe_sendall(&p, 300000), 0);
	expect_to_fire_unasked();
}

static void finish_below(struct conn_probe *probe, char call)
{
	if (call != CONN_BELOW)
		return;
	say_and_fence(probe);
	weir_conn_finish(&probe->conn);
}

Test(fence, set_in_on_pressure_before_a_finish_fires_before_the_end)
{
	const struct weir_conn_limits limits = {.low = 1, .high = 65536};

	p.then = finish_below;
	open_probe(&limits);
	cr_assert_eq(conn_probe_sendall(&p, 300000), 0);
	expect_to_fire_unasked();
}

static void fence_second_offer(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA && probe->n_of[CONN_DATA] == 2)
		say_and_fence(probe);
}

Test(fence, set_in_an_offer_of_kept_input_fires_without_another_event)
{
	const struct weir_conn_limits limits = {.low = 1, .high = 65536};

	p.then = fence_second_offer;
	open_probe(&limits);
	p.take = 0;
	conn_probe_write(&p, 10);
	conn_turns(1);
	p.take = SIZE_MAX;
	cr_assert_eq(conn_probe_sendall(&p, 300000), 0);
	expect_to_fire_unasked();
}
