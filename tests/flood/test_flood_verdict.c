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
	/* those in flight at a signal had no time for an answer */
	result.is_interrupted = true;
	expect_valid(0);
}

/* Each round of a comparison has them in flight again. */
Test(flood_verdict, rounds_have_as_many_in_flight_each)
{
	settings.rate = 0;
	settings.n_connections = 25;
	settings.pipeline = 8;
	result.comparison.n_rounds = 10;
	result.n_messages = 100000;
	result.n_unanswered = 20;
	expect_valid(0);
	result.n_unanswered = 22;
	expect_only("22 messages (1.1 % of those in flight) never answered");
}

/* A line in flight is owed to each subscriber. */
Test(flood_verdict, lines_in_flight_are_those_of_all_subscribers)
{
	settings.mode = MODE_BROADCAST;
	settings.rate = 0;
	settings.n_publishers = 2;
	settings.pipeline = 5;
	result.n_subscribers = 20;
	result.n_messages = 100000;
	result.n_unanswered = 2;
	expect_valid(0);
	result.n_unanswered = 3;
	expect_only("3 messages (1.5 % of those in flight) never answered");
}

/* Of time-outs a closed loop has any number. */
Test(flood_verdict, one_in_a_hundred_may_be_given_up)
{
	settings.rate = 0;
	settings.n_connections = 5;
	settings.pipeline = 1;
	settings.timeout_ns = 200000000;
	result.n_messages = 990;
	result.n_unanswered = 10;
	result.n_timed_out = 10;
	expect_valid(0);
	result.n_unanswered = 11;
	result.n_timed_out = 11;
	expect_only("11 messages (1.1 %) had no answer within --timeout, 200 "
		    "ms");
}

Test(flood_verdict, one_visit_in_a_hundred_may_fail)
{
	settings.mode = MODE_CONNECT;
	result.n_failed = 10;
	result.n_failed_visits = 10;
	result.n_errors = 10;
	expect_valid(0);
	result.n_failed = 11;
	result.n_failed_visits = 11;
	result.n_errors = 11;
	snprintf(result.first_error, sizeof result.first_error, "reset");
	expect_only("11 of 1,000 visits (1.1 %) failed, the first: reset");
}

Test(flood_verdict, one_datagram_in_a_hundred_may_be_lost)
{
	settings.is_datagram = true;
	settings.timeout_ns = 1000000000;
	result.n_asked = 1000;
	result.n_messages = 970;
	/* those of the warm-up are none of them */
	result.n_warmup_unanswered = 20;
	result.n_unanswered = 30;
	result.n_timed_out = 30;
	expect_valid(0);
	result.n_unanswered = 31;
	expect_only("11 messages were lost (1.1 %)");
	result.datagrams.n_unsent = 2;
	result.datagrams.n_dropped = 3;
	expect_only("11 messages were lost (1.1 %), of which our own socket "
		    "dropped 5");
	settings.expects_loss = true;
	expect_valid(0);
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

/* Twice what the slowest answer took, and no hiccup. */
Test(flood_verdict, a_silence_of_the_warm_up_is_told)
{
	settings.rate = 0;
	result.warmup_wait_ns = 10000000;
	expect_valid(0);
	result.warmup_wait_ns = 11000000;
	expect_only("a silence of 11.0 ms began before the measurement, and is "
		    "not in the latency");
	histogram_record(result.latency, 20000000);
	result.warmup_wait_ns = 39000000;
	expect_valid(0);
	result.warmup_wait_ns = 41000000;
	expect_only("a silence of 41.0 ms began before the measurement, and is "
		    "not in the latency");
	/* an open loop goes on sending */
	settings.rate = 1000;
	expect_valid(0);
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
	/* which is said already, or had no time to be seen */
	result.silence = (struct result_silence){1, 1, 2000000000};
	expect_only("connection 1 was silent for 2.00 s to the end");
	result.silence.n = 0;
	result.is_interrupted = true;
	expect_valid(0);
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
