/* Each way of sending fails, or succeeds, for the reason that it is in the
 * contest for. What is asserted is the kind of what happened, by counts; the
 * slow reader reads on when the test has seen enough. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "clock.h"
#include "quantity.h"
#include "contest.h"
#include "verdict.h"
#include "fault.h"
#include "harness.h"

enum {
	SMALL = 8 << 20,
	LARGE = 16 << 20,
	N_ECHOES = 200,
	N_CALLS = 100000,
	N_WAKEUPS = 200000,
	/* a queue's nodes and unused room, on top of what it holds */
	OVERHEAD = 65536
};

static const uint64_t patience_ns = 60 * CLOCK_NS_PER_S;
static const uint64_t silence_ns = 200 * CLOCK_NS_PER_MS;

static void set_up(void)
{
	harness_begin();
	fault_time_real();
}

TestSuite(demo_contest, .init = set_up, .fini = harness_end, .timeout = 120);

/* -- the test's word: when the reader reads on -- */

static bool once_served(const struct contest_view *view, void *user)
{
	(void)user;
	return view->n_echoes >= N_ECHOES;
}

/* All clients have asked by then; one that is served at all is served sooner. */
static bool after_silence(const struct contest_view *view, void *user)
{
	(void)user;
	return view->stopped_ns >= silence_ns;
}

static bool once_calling(const struct contest_view *view, void *user)
{
	(void)user;
	return view->n_calls >= N_CALLS;
}

static bool once_waking(const struct contest_view *view, void *user)
{
	(void)user;
	return view->n_wakeups >= N_WAKEUPS && view->n_echoes > 0;
}

static bool never(const struct contest_view *view, void *user)
{
	(void)view, (void)user;
	return false;
}

static struct contest_result run(struct contest_plan plan)
{
	struct contest_result result;
	unsigned char *debt = contest_debt_new(plan.n_debt);

	if (!plan.patience_ns)
		plan.patience_ns = patience_ns;
	plan.debt = debt;
	cr_assert_eq(contest_run(&plan, &result), 0);
	free(debt);
	return result;
}

/* Each way is tried with both: what it shows must not hang on the size. */
static const size_t debts[2] = {SMALL, LARGE};

/* One contest; what was drawn of it is not kept. */
static struct contest_result try(const struct strategy *strategy, size_t n_debt,
				 contest_resume_fn *may_resume)
{
	struct contest_result result =
		run((struct contest_plan){.strategy = strategy,
					  .n_debt = n_debt,
					  .may_resume = may_resume});

	cr_assert(!result.is_cut_short, "%s", strategy->name);
	contest_free(&result);
	return result;
}

static void expect_intact(const struct contest_result *result)
{
	cr_assert_eq(result->first_bad, -1);
	cr_assert_eq(result->delivered, result->asked);
}

/* -- lost, corrupt -- */

Test(demo_contest, send_once_loses_what_the_kernel_did_not_take)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_send_once, n_debt, once_served);

		cr_assert_eq(verdict_judge(&r), OUTCOME_LOST);
		cr_assert_gt(r.delivered, 0);
		cr_assert_lt(r.delivered, n_debt / 2);
		cr_assert_eq(r.first_bad, -1, "what came was right");
		cr_assert_geq(r.stop.n_echoes, N_ECHOES);
	}
}

Test(demo_contest, article_loop_sends_wrong_bytes_without_end)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_article_loop, n_debt, once_served);

		cr_assert_eq(verdict_judge(&r), OUTCOME_CORRUPT);
		cr_assert_gt(r.first_bad, 0);
		cr_assert_lt(r.first_bad, (int64_t)n_debt);
		cr_assert_eq(r.delivered, 2 * n_debt,
			     "until the reader gives up");
		cr_assert_geq(r.stop.n_echoes, N_ECHOES);
	}
}

/* -- froze -- */

Test(demo_contest, sendall_blocking_serves_nobody_until_the_reader_reads_on)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_sendall_blocking, n_debt, after_silence);

		cr_assert_eq(verdict_judge(&r), OUTCOME_FROZE);
		cr_assert_eq(r.stop.n_echoes, 0);
		cr_assert_eq(r.stop.n_calls, 0, "it waits inside of one");
		cr_assert_geq(r.longest_silence_ns, silence_ns);
		expect_intact(&r);
	}
}

Test(demo_contest, sendall_spin_serves_nobody_and_calls_all_the_time)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_sendall_spin, n_debt, once_calling);

		cr_assert_eq(verdict_judge(&r), OUTCOME_FROZE | OUTCOME_SPUN);
		cr_assert_eq(r.stop.n_echoes, 0);
		cr_assert_geq(r.stop.n_calls, N_CALLS);
		cr_assert_eq(r.n_wakeups, 0, "it never waits");
		expect_intact(&r);
	}
}

/* -- queues -- */

Test(demo_contest, queue_unbounded_holds_all_that_is_owed)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_queue_unbounded, n_debt, once_served);

		cr_assert_eq(verdict_judge(&r), OUTCOME_HOARDED);
		cr_assert_eq(r.queue_peak, n_debt, "it follows the debt");
		cr_assert_geq(r.stop.n_echoes, N_ECHOES);
		expect_intact(&r);
	}
}

Test(demo_contest, queue_always_armed_wakes_up_for_nothing)
{
	for (size_t i = 0; i < 2; i++) {
		const size_t n_debt = debts[i];
		struct contest_result r =
			try(&strategy_queue_always_armed, n_debt, once_waking);

		cr_assert_eq(verdict_judge(&r), OUTCOME_SPUN);
		cr_assert_geq(r.stop.n_wakeups, N_WAKEUPS);
		cr_assert_leq(r.queue_peak, STRATEGY_PIECE);
		expect_intact(&r);
	}
}

/* -- right -- */

static void expect_right(size_t n_debt)
{
	struct contest_result r = try(&strategy_weir, n_debt, once_served);

	cr_assert_eq(verdict_judge(&r), 0);
	cr_assert_leq(r.queue_peak, strategy_weir.queue_max + OVERHEAD);
	cr_assert_geq(r.stop.n_echoes, N_ECHOES);
	/* a wait, a recv, a send; and a few calls around the stop */
	cr_assert_leq(r.stop.n_calls, 3 * r.stop.n_echoes + 200);
	cr_assert_leq(r.stop.n_wakeups, 20);
	expect_intact(&r);
}

Test(demo_contest, weir_serves_everybody_and_queues_up_to_its_mark)
{
	expect_right(SMALL);
	expect_right(LARGE);
}

Test(demo_contest, without_a_slow_reader_all_is_echo)
{
	struct contest_result r =
		run((struct contest_plan){.strategy = &strategy_weir,
					  .n_debt = SMALL,
					  .is_calm = true,
					  .may_resume = once_served});

	contest_free(&r);
	cr_assert(!r.is_cut_short);
	cr_assert(verdict_is_expected(&r));
	cr_assert_eq(r.delivered, 0);
	cr_assert_eq(r.queue_peak, 0);
	cr_assert_eq(r.n_wakeups, 0);
}

static bool while_it_spins(const struct contest_view *view, void *user)
{
	*(uint64_t *)user = view->n_calls;
	return false;
}

/* Until then it is measured: half a result is no nought. */
Test(demo_contest, cut_short_it_still_tells_what_was_measured)
{
	uint64_t n_calls = 0;
	struct contest_result r =
		run((struct contest_plan){.strategy = &strategy_sendall_spin,
					  .n_debt = SMALL,
					  .may_resume = while_it_spins,
					  .user = &n_calls,
					  .patience_ns = 5 * silence_ns});

	contest_free(&r);
	cr_assert(r.is_cut_short);
	cr_assert_geq(r.n_calls, n_calls);
	cr_assert(n_calls == 0 || r.delivered > 0);
}

/* Whatever happens it ends: here the reader never reads on. */
Test(demo_contest, every_strategy_ends_when_the_clients_have_gone)
{
	for (size_t i = 0; i < STRATEGY_COUNT; i++) {
		struct contest_result r =
			run((struct contest_plan){.strategy = strategies[i],
						  .n_debt = SMALL,
						  .may_resume = never,
						  .patience_ns = silence_ns});

		char text[VERDICT_SIZE];

		cr_assert(r.is_cut_short);
		cr_assert(!verdict_is_expected(&r));
		cr_assert_str_eq(verdict_text(&r, text), "did not end in time");
		contest_free(&r);
	}
}

/* -- what is drawn, and said -- */

Test(demo_contest, series_tell_the_same_as_the_figures)
{
	struct contest_result r =
		run((struct contest_plan){.strategy = &strategy_queue_unbounded,
					  .n_debt = SMALL,
					  .may_resume = once_served});

	cr_assert_eq(series_percentile(&r.queue, 1), (double)r.queue_peak);
	cr_assert_eq(r.queue.points[r.queue.n - 1].y, 0);
	cr_assert_geq(r.latency.n, r.stop.n_echoes);
	cr_assert_eq(series_percentile(&r.latency, 0.99), r.p99_ns);
	cr_assert_leq(r.p50_ns, r.p99_ns);
	for (size_t i = 1; i < r.queue.n; i++)
		cr_assert_geq(r.queue.points[i].x, r.queue.points[i - 1].x);
	contest_free(&r);
}

/* The smallest debt is just twice as large as the queue's limit. */
Test(demo_contest, weir_is_right_with_a_debt_of_one_mebibyte)
{
	expect_right(1 << 20);
}

Test(demo_contest, verdict_names_every_kind)
{
	struct contest_result r = {.strategy = &strategy_weir,
				   .asked = SMALL,
				   .delivered = SMALL,
				   .first_bad = -1,
				   .stop = {.stopped_ns = 1, .n_echoes = 1}};
	char text[VERDICT_SIZE];

	cr_assert_str_eq(verdict_text(&r, text), "right");
	r.delivered = SMALL / 2;
	cr_assert_str_eq(verdict_text(&r, text), "lost 4.00 MiB of 8.00 MiB");
	r.first_bad = 212992;
	cr_assert_str_eq(verdict_text(&r, text), "corrupt from byte 212,992");
	r.first_bad = -1;
	r.delivered = SMALL;
	r.stop.n_echoes = 0;
	r.longest_silence_ns = 3000000000;
	cr_assert_str_eq(verdict_text(&r, text), "froze everyone for 3.00 s");
	r.stop.n_calls = 1001;
	cr_assert_str_eq(verdict_text(&r, text),
			 "froze everyone for 3.00 s, burned a core");
	r.stop = (struct contest_view){
		.stopped_ns = 1, .n_echoes = 1, .n_wakeups = 1004};
	cr_assert_str_eq(verdict_text(&r, text), "burned a core");
	r.total_ns = 1;
	cr_assert_str_eq(verdict_text(&r, text), "burned all the CPU it got");
	r.stop.n_wakeups = 1003;
	r.queue_peak = SMALL / 4 * 3 + 1;
	cr_assert_str_eq(verdict_text(&r, text), "queued all it was given");
}
