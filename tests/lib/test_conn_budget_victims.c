/* Over the loop's budget those who owe most go first: who that is, how they and
 * the caller hear of it, and what counts as owed. The suite is declared in
 * test_conn_budget.c. */
#include "loop.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "buf.h"
#include "conn_inside.h"

#include "harness_budget.h"
#include "harness_conn.h"

enum {
	SNDBUF = 4608,
	LARGE = 20000,
	HIGH = 600000,
	LOW = 400000
};

static struct conn_probe *const probes = budget_probes;
static struct conn_probe *const p = &budget_probes[0];

static size_t weight(const struct conn_probe *probe)
{
	return weir_outbox_weight(&probe->conn.out);
}

static size_t n_victims(size_t n)
{
	size_t n_found = 0;
	size_t i;

	for (i = 0; i < n; i++)
		n_found += budget_is_victim(&probes[i]);
	return n_found;
}

/* -- who has to go -- */

Test(conn_budget, closes_the_largest_within_a_factor_of_two)
{
	size_t owed[20];
	size_t least = SIZE_MAX;
	size_t most = 0;
	unsigned round;
	size_t i;

	for (round = 0; round < 30; round++) {
		budget_set(0, 0);
		budget_stall_all(20);
		for (i = 0; i < 20; i++)
			conn_probe_sendall(
				&probes[i],
				1 + harness_random_below((size_t)64 << i % 10));
		for (i = 0; i < 20; i++)
			owed[i] = weight(&probes[i]);
		budget_set(budget_n_used(), budget_n_used() / 2);
		conn_probe_sendall(&probes[19], LARGE);
		owed[19] += LARGE;
		least = SIZE_MAX;
		most = 0;
		for (i = 0; i < 20; i++)
			if (budget_is_victim(&probes[i]) && owed[i] < least)
				least = owed[i];
			else if (!budget_is_victim(&probes[i]) &&
				 owed[i] > most)
				most = owed[i];
		cr_assert_gt(n_victims(20), 0);
		cr_assert_gt(least, most / 2);
		conn_close_all();
	}
}

/* Down to low and no further; up to high again nobody goes. */
Test(conn_budget, has_hysteresis)
{
	size_t n = 0;
	size_t n_gone;

	budget_stall_all(100);
	budget_set(HIGH, LOW);
	while (n_victims(100) == 0)
		conn_probe_sendall(&probes[n++ % 99], 4000);
	n_gone = n_victims(100);
	cr_assert_gt(n_gone, 5);
	cr_assert_leq(budget_n_used(), LOW);
	cr_assert_gt(budget_n_used(), LOW - WEIR_CHUNK_SIZE);
	while (budget_n_used() + 1000 + WEIR_CHUNK_SIZE < HIGH)
		cr_assert_eq(conn_probe_sendall(&probes[99], 1000), 0);
	cr_assert_eq(n_victims(100), n_gone);
}

Test(conn_budget, frees_at_once_and_calls_on_close_from_the_loop)
{
	size_t before;

	budget_stall_all(2);
	conn_probe_sendall(&probes[0], 10 * LARGE);
	before = budget_n_used();
	budget_set(before, before);
	cr_assert_eq(conn_probe_sendall(&probes[1], LARGE), 0);
	cr_assert(budget_is_victim(&probes[0]));
	cr_assert_lt(budget_n_used(), before - 9 * LARGE);
	cr_assert_eq(probes[0].n_of[CONN_CLOSED], 0);
	cr_assert_eq(conn_probe_sendall(&probes[0], 1), -EPIPE);
	conn_turns(1);
	cr_assert_eq(probes[0].n_of[CONN_CLOSED], 1);
	cr_assert_eq(probes[0].result.reason, WEIR_REASON_BUDGET);
	cr_assert_eq(probes[0].result.progress.dropped, 10 * LARGE);
	conn_flow(&probes[1]);
	cr_assert_eq(probes[1].peer.n_received, probes[1].n_accepted);
}

Test(conn_budget, closes_by_reset)
{
	cr_assert_eq(conn_probe_open_tcp(p, SNDBUF, &budget_unthrottled), 0);
	budget_set(10 * LARGE, LARGE);
	while (conn_probe_sendall(p, LARGE) == 0)
		;
	conn_turns(1);
	harness_peer_read(&p->peer, SIZE_MAX);
	cr_assert_eq(p->peer.error, -ECONNRESET);
}

/* -- the caller himself -- */

Test(conn_budget, tells_a_caller_who_is_the_victim)
{
	int error;

	budget_stall_all(1);
	budget_set(HIGH, LOW);
	while ((error = conn_probe_sendall(p, LARGE)) == 0)
		;
	cr_assert_eq(error, -EPIPE);
	cr_assert(budget_is_victim(p));
	cr_assert_eq(conn_probe_sendall(p, 1), -EPIPE);
	cr_assert_eq(conn_probe_sendbuf(p, 1), -EPIPE);
	cr_assert_lt(budget_n_used(), 1000);
	conn_turns(1);
	cr_assert_eq(p->result.reason, WEIR_REASON_BUDGET);
	cr_assert_str_eq(p->calls, "c");
}

Test(conn_budget, tells_a_caller_of_sendbuf_who_is_the_victim)
{
	int error;

	budget_stall_all(1);
	budget_set(HIGH, LOW);
	while ((error = conn_probe_sendbuf(p, LARGE)) == 0)
		;
	cr_assert_eq(error, -EPIPE);
	cr_assert(budget_is_victim(p));
}

static void send_until_refused(struct conn_probe *probe, char call)
{
	int error;

	if (call != CONN_DATA)
		return;
	while ((error = conn_probe_sendall(probe, LARGE)) == 0)
		;
	cr_assert_eq(error, -EPIPE);
	cr_assert_eq(conn_probe_sendall(probe, 1), -EPIPE);
}

static void send_small_until_refused(struct conn_probe *probe, char call)
{
	int error;

	if (call != CONN_DATA)
		return;
	while ((error = conn_probe_sendall(probe, 1000)) == 0)
		;
	cr_assert_eq(error, -EPIPE);
	cr_assert_eq(conn_probe_sendall(probe, 1), -EPIPE);
}

static void gather_too_much(struct conn_probe *probe, char call)
{
	unsigned i;

	for (i = 0; call == CONN_DATA && i < 60; i++)
		cr_assert_eq(conn_probe_sendall(probe, 1000), 0);
}

static void run_in_callback(void (*then)(struct conn_probe *probe, char call),
			    size_t high)
{
	p->then = then;
	conn_probe_open(p, SNDBUF, &budget_unthrottled);
	budget_set(high, high / 2);
	conn_probe_write(p, 1);
	conn_turns(2);
	cr_assert_str_eq(p->calls, "dc");
	cr_assert_eq(p->result.reason, WEIR_REASON_BUDGET);
	conn_close_all();
}

Test(conn_budget, tells_a_victim_inside_his_own_callback)
{
	run_in_callback(send_until_refused, HIGH);
	run_in_callback(send_small_until_refused, HIGH);
}

/* The gathered bytes are queued by the next call, which must say so. */
Test(conn_budget, tells_a_victim_by_what_he_gathered)
{
	run_in_callback(send_small_until_refused, 30000);
}

Test(conn_budget, ends_a_victim_by_what_he_gathered_when_he_returns)
{
	run_in_callback(gather_too_much, 30000);
}

/* -- what counts -- */

/* 20 subscribers owe one payload; its bytes count from the first to the last.
 */
Test(conn_budget, counts_a_shared_payload_once)
{
	struct weir_buf *buf = weir_buf_new(100000);
	size_t before;
	size_t i;

	budget_stall_all(20);
	before = budget_n_used();
	for (i = 0; i < 20; i++) {
		probes[i].n_accepted += 100000;
		cr_assert_eq(weir_conn_sendbuf(&probes[i].conn, buf), 0);
		cr_assert_leq(budget_n_used(), before + 100000 + (i + 1) * 48);
		cr_assert_geq(budget_n_used(), before + 100000);
	}
	for (i = 0; i < 20; i++) {
		cr_assert_geq(budget_n_used(), before + 100000);
		weir_conn_abort(&probes[i].conn, false);
	}
	cr_assert_eq(budget_n_used(), before);
	weir_buf_unref(buf);
}

/* Closing one of them frees next to nothing, so they all go. */
Test(conn_budget, may_close_all_who_owe_the_same)
{
	struct weir_buf *buf = weir_buf_new(100000);
	size_t i;

	budget_stall_all(21);
	for (i = 0; i < 20; i++) {
		probes[i].n_accepted += 100000;
		cr_assert_eq(weir_conn_sendbuf(&probes[i].conn, buf), 0);
	}
	budget_set(budget_n_used() + 10, budget_n_used() - 50000);
	cr_assert_eq(conn_probe_sendall(&probes[20], 1000), 0);
	cr_assert_eq(n_victims(20), 20);
	cr_assert_not(budget_is_victim(&probes[20]));
	weir_buf_unref(buf);
}

static void accept_buf(struct conn_probe *probe, struct weir_buf *buf)
{
	if (weir_conn_sendbuf(&probe->conn, buf) == 0)
		probe->n_accepted += weir_buf_size(buf);
}

/* It costs the 200th subscriber only its node, which fits. */
Test(conn_budget, has_room_for_many_subscribers_of_one_payload)
{
	struct weir_buf *buf = weir_buf_new(100000);
	size_t i;

	budget_stall_all(BUDGET_N_PROBES);
	budget_set(budget_n_used() + 100000 + BUDGET_N_PROBES * 48, 0);
	for (i = 0; i < BUDGET_N_PROBES; i++)
		accept_buf(&probes[i], buf);
	cr_assert_eq(n_victims(BUDGET_N_PROBES), 0);
	weir_buf_unref(buf);
}
