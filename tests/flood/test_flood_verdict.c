/* When a measurement is not valid, and what is said about it. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "result.h"
#include "histogram.h"
#include "verdict.h"
#include "harness.h"

static struct settings settings;
static struct result result;

/* An open loop with nothing wrong about it. */
static void begin(void)
{
	harness_begin();
	settings = (struct settings){
		.rate = 1000, .late_ns = 1000000, .max_owed = 500};
	cr_assert_eq(result_init(&result, &settings), 0);
	for (uint64_t i = 0; i < 1000; i++)
		histogram_record(result.latency, 1000 * i);
	result.n_sent = 1000;
	result.n_messages = 1000;
	result.cpu_share = 0.5;
}

static void end(void)
{
	result_free(&result);
	harness_end();
}

TestSuite(flood_verdict, .init = begin, .fini = end);

/* Judged with that highest percentile asked for. */
static void expect_valid(double percentile)
{
	verdict_judge(&result, percentile);
	cr_expect(result.verdict.is_valid);
}

static void expect_told(const char *reason)
{
	cr_expect_not(result.verdict.is_valid);
	cr_expect_eq(result.verdict.n_reasons, 1);
	cr_expect_str_eq(result.verdict.reasons[0], reason);
}

static void expect_only(const char *reason)
{
	verdict_judge(&result, 0);
	expect_told(reason);
}

Test(flood_verdict, nothing_wrong_is_valid)
{
	expect_valid(99);
	cr_expect_eq(result.verdict.n_reasons, 0);
}

Test(flood_verdict, a_generator_at_its_end_measures_itself)
{
	result.cpu_share = 0.97;
	expect_only("the generator used 97.0 % of a CPU: it may have measured "
		    "itself");
}

/* A closed loop is to use all there is. */
Test(flood_verdict, a_closed_loop_may_use_its_cpu)
{
	settings.rate = 0;
	result.cpu_share = 1;
	result.n_late = 1000;
	expect_valid(0);
}

Test(flood_verdict, bad_peers_that_were_never_made_are_missed)
{
	result.bad[BAD_STALLED].n_peers = 3;
	result.bad[BAD_STALLED].n_made = 1;
	expect_only("2 of 3 stalled peers were never connected");
	result.bad[BAD_STALLED].n_made = 3;
	expect_valid(0);
}

/* What it did not get to do, the target had not to bear. */
Test(flood_verdict, a_generator_that_waits_for_a_cpu_is_told)
{
	settings.rate = 0;
	settings.wait_percent = 10;
	result.seconds = 10;
	result.cpu_wait_s = 1;
	expect_valid(0);
	result.cpu_wait_s = 1.1;
	expect_only("the generator waited 11.0 % of the time for a CPU");
}

Test(flood_verdict, one_in_a_hundred_may_be_late)
{
	result.n_late = 10;
	expect_valid(0);
	result.n_late = 11;
	expect_only("1.1 % of the messages were sent more than 1.00 ms late");
}

/* Ten samples beyond it are what a percentile stands on. */
Test(flood_verdict, a_percentile_needs_its_samples)
{
	expect_valid(99);
	verdict_judge(&result, 99.9);
	expect_told("p99.9 needs 10,000 samples, and has 1,000");
	/* the largest is the largest */
	expect_valid(100);
}

Test(flood_verdict, errors_are_named)
{
	result.n_errors = 2;
	snprintf(result.first_error, sizeof result.first_error,
		 "reset: connection reset by peer");
	expect_only("2 errors, the first: reset: connection reset by peer");
}

Test(flood_verdict, corrupt_messages_are_named)
{
	result.n_corrupt = 1;
	snprintf(result.first_corruption, sizeof result.first_corruption,
		 "connection 1, message 2: lost");
	expect_only("1 corrupt message, the first: connection 1, message 2: "
		    "lost");
}

Test(flood_verdict, too_many_unanswered_are_too_many)
{
	result.n_messages = 990;
	result.n_unanswered = 10;
	expect_valid(0);
	result.n_unanswered = 30;
	expect_only("30 messages (2.9 %) never answered");
}

/* More than those in flight cannot be missing, so few of them are many. */
Test(flood_verdict, a_closed_loop_is_judged_by_what_is_in_flight)
{
	settings.rate = 0;
	settings.n_connections = 25;
	settings.pipeline = 8;
	result.n_messages = 100000;
	result.n_unanswered = 2;
	expect_valid(0);
	result.n_unanswered = 3;
	expect_only("3 messages (1.5 % of those in flight) never answered");
}

Test(flood_verdict, a_run_that_was_cut_short_says_so)
{
	result.is_owed_too_much = true;
	expect_only("cut short: more than 500 messages were owed");
}

Test(flood_verdict, no_answer_at_all_is_no_measurement)
{
	result.n_messages = 0;
	expect_only("no message was answered in the measured time");
	settings.mode = MODE_SINK;
	expect_only("no message was transferred");
}

/* Three connections, one of which hangs. */
Test(flood_verdict, a_connection_without_an_answer_is_told)
{
	uint64_t counts[] = {500, 0, 500};

	result.fairness = (struct result_fairness){.counts = counts, .n = 3};
	/* an open loop asks all in turn */
	expect_valid(0);
	settings.rate = 0;
	expect_only("1 of 3 connections got no answer in the measured time");
	result.fairness = (struct result_fairness){0};
}

Test(flood_verdict, what_was_never_sent_is_told)
{
	result.n_unsent = 7;
	expect_only("7 messages that were due were never sent");
}

/* A rival's fault is a fault of the comparison, and it needs its rounds. */
Test(flood_verdict, a_comparison_is_as_valid_as_its_rival)
{
	settings.rival.text = "there";
	verdict_judge(&result, 0);
	result.comparison.n_rounds = 8;
	verdict_judge_comparison(&result);
	cr_expect(result.verdict.is_valid);
	verdict_add(&result.comparison.rival, "2 errors");
	verdict_judge_comparison(&result);
	expect_told("there: 2 errors");
	verdict_judge(&result, 0);
	result.comparison = (struct result_comparison){.n_rounds = 7};
	verdict_judge_comparison(&result);
	expect_told("7 rounds on each are too few to compare: 8 are needed");
}

Test(flood_verdict, fewer_messages_than_asked_are_too_few)
{
	settings.n_messages = 2000;
	expect_only("1,000 of 2,000 messages in the time that -d allows");
	/* it is known to have been stopped */
	result.is_interrupted = true;
	expect_valid(0);
}

Test(flood_verdict, has_room_for_all_reasons_there_are)
{
	struct verdict verdict = {.is_valid = true};

	for (int i = 0; i < 2 * VERDICT_MAX_REASONS; i++)
		verdict_add(&verdict, "reason %d", i);
	cr_expect_eq(verdict.n_reasons, VERDICT_MAX_REASONS);
	cr_expect_not(verdict.is_valid);
	cr_expect_str_eq(verdict.reasons[VERDICT_MAX_REASONS - 1], "reason 11");
}
