/* Known delays, and what weir-flood says of them.
 *
 * Whatever else runs on the machine only adds to a latency, here as in truth.
 * So each figure is held against what the server wrote down itself: a message
 * cannot have been answered sooner than it was held, nor have taken longer than
 * from the answer before it to the message after it. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "harness_flood.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_open_loop, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct known server;
static struct flooded run;
static double truths[KNOWN_MAX_SAMPLES];
static size_t n_truths;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The nearest rank, as weir-flood has it. */
static double percentile(double percent)
{
	size_t rank = (size_t)ceil(percent / 100 * (double)n_truths);

	qsort(truths, n_truths, sizeof *truths, compare);
	return truths[rank > 0 ? rank - 1 : 0];
}

static const struct {
	const char *name;
	double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}};

/* Each figure of histogram against those of truths: at least, or at most, with
 * 2 % to spare. */
static void expect_bound(const char *histogram, bool is_lower, size_t from)
{
	for (size_t i = from; i < 4; i++) {
		double truth = percentile(percentiles[i].percent);
		double told =
			flooded_number(&run, histogram, percentiles[i].name);

		if (is_lower)
			cr_expect_geq(told, 0.98 * truth, "%s %s: %f < %f",
				      histogram, percentiles[i].name, told,
				      truth);
		else
			cr_expect_leq(told, 1.02 * truth, "%s %s: %f > %f",
				      histogram, percentiles[i].name, told,
				      truth);
	}
}

/* -- a closed loop -- */

static void take_held(void)
{
	const struct known_truth *truth = server.truth;

	n_truths = 0;
	for (size_t i = 0; i < truth->n_samples; i++)
		truths[n_truths++] = (double)(truth->samples[i].answered_ns -
					      truth->samples[i].arrived_ns);
}

/* The longest that message i can have taken: it was sent after the answer
 * before it, and the next one of its connection came after its own. Infinite
 * where there is no such message. */
static double longest(size_t i)
{
	const struct known_truth *truth = server.truth;
	uint32_t connection = truth->samples[i].connection;
	size_t before = i;
	size_t after = i + 1;

	while (before > 0 &&
	       truth->samples[before - 1].connection != connection)
		before--;
	while (after < truth->n_samples &&
	       truth->samples[after].connection != connection)
		after++;
	if (before == 0 || after == truth->n_samples)
		return INFINITY;
	return (double)(truth->samples[after].arrived_ns -
			truth->samples[before - 1].answered_ns);
}

static void take_longest(void)
{
	n_truths = 0;
	for (size_t i = 0; i < server.truth->n_samples; i++)
		truths[n_truths++] = longest(i);
}

/* Four of five answers take 20 ms, one takes 100: p50 is 20, p90 is 100. */
Test(flood_open_loop, fixed_delays_are_told_within_two_percent)
{
	const uint64_t ms = 1000000;

	known_start(&server,
		    &(struct known_plan){.size = 64,
					 .n_delays = 4,
					 .delays_ns = {20 * ms, 20 * ms,
						       20 * ms, 100 * ms}});
	flood(&run, "-c", "20", "-n", "1000", "--warmup", "0", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 1000);
	cr_expect_geq(flooded_number(&run, "latency_ns", "min"), 20e6);
	take_held();
	cr_expect_eq(n_truths, 1000);
	expect_bound("latency_ns", true, 0);
	take_longest();
	/* 40 of 1000 are not known, so not the upper ones */
	for (size_t i = 0; i < 2; i++)
		cr_expect_leq(
			flooded_number(&run, "latency_ns", percentiles[i].name),
			1.02 * percentile(percentiles[i].percent));
	cr_expect_eq(flooded_number(&run, "service_ns", "p99"),
		     flooded_number(&run, "latency_ns", "p99"));
	cr_expect(isnan(flooded_number(&run, "lateness_ns", "p99")));
	flooded_end(&run, &server);
}

/* -- an open loop -- */

/* When message i was answered, less when it was due, which is i / rate after a
 * start that the least late of all arrivals shows. */
static void take_open_loop(double rate, uint64_t n)
{
	const struct known_truth *truth = server.truth;
	double start_ns = INFINITY;

	n_truths = 0;
	cr_assert_eq(truth->n_samples, n);
	for (size_t i = 0; i < n; i++) {
		double arrived_ns = (double)truth->samples[i].arrived_ns;

		start_ns = fmin(start_ns, arrived_ns - (double)i * 1e9 / rate);
	}
	for (size_t i = 0; i < n; i++)
		truths[n_truths++] = (double)truth->samples[i].answered_ns -
				     start_ns - (double)i * 1e9 / rate;
}

/* The server stands still for a fifth of the run. Who only counts from the
 * actual send, or waits with sending, sees one slow message; here all that were
 * due in that time have their part of it: p90 is half of the freeze. */
Test(flood_open_loop, a_freeze_shows_in_the_tail_in_full)
{
	const double freeze_ns = 400e6;

	known_start(&server,
		    &(struct known_plan){.size = 64,
					 .freeze_at = 700,
					 .freeze_ns = (uint64_t)freeze_ns});
	flood(&run, "-c", "1", "-r", "1000", "-n", "2000", "--warmup", "0",
	      "--drain", "10s", "--late", "1m", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 2000);
	/* never skipped: all 400 of it, but for what rounding takes */
	cr_expect_geq(flooded_number(&run, "latency_ns", "max"),
		      0.98 * freeze_ns);
	cr_expect_geq(flooded_number(&run, "latency_ns", "p99"),
		      0.98 * (freeze_ns - 20e6));
	cr_expect_geq(flooded_number(&run, "latency_ns", "p90"),
		      0.98 * (freeze_ns - 200e6));
	take_open_loop(1000, 2000);
	expect_bound("latency_ns", true, 1);
	/* what answers wait for the generator it says itself, more or less */
	for (size_t i = 0; i < n_truths; i++)
		truths[i] += flooded_number(&run, "lateness_ns", "max");
	expect_bound("latency_ns", false, 1);
	flooded_end(&run, &server);
}

Test(flood_open_loop, the_rate_is_kept_whatever_the_server_does)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .freeze_at = 50,
						  .freeze_ns = 300000000});
	flood(&run, "-c", "2", "-r", "2000", "-d", "1s", "--warmup", "0",
	      "--drain", "10s", "--late", "1m", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(flooded_number(&run, "", "messages_sent"), 2000);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 2000);
	cr_expect_eq(flooded_number(&run, "lateness_ns", "count"), 2000);
	cr_expect_eq(flooded_number(&run, "service_ns", "count"), 2000);
	cr_expect_eq(server.truth->n_samples, 2000);
	flooded_end(&run, &server);
}

/* Latency is lateness and service together, message by message, so also on
 * average. */
Test(flood_open_loop, latency_is_lateness_and_service)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "2", "-r", "1000", "--poisson", "-n", "500",
	      "--warmup", "0", "--late", "1m", "--json", "-", server.address,
	      NULL);
	cr_expect_float_eq(flooded_number(&run, "latency_ns", "mean"),
			   flooded_number(&run, "lateness_ns", "mean") +
				   flooded_number(&run, "service_ns", "mean"),
			   0.002 * flooded_number(&run, "latency_ns", "mean"));
	flooded_end(&run, &server);
}

/* After message 50 of 200 silence: the ages of all the others are told. */
Test(flood_open_loop, messages_without_an_answer_tell_their_age)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 51});
	flood(&run, "-c", "1", "-r", "1000", "-n", "200", "-d", "1s",
	      "--warmup", "0", "--drain", "200ms", "--late", "1m",
	      "--no-verify", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "150 messages (75.0 %) never answered"));
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 150);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 200);
	/* the first that was not answered was due 950 ms before the draining
	 * began, the last 800 */
	cr_expect_geq(flooded_number(&run, "latency_ns", "max"), 1100e6);
	cr_expect_geq(flooded_number(&run, "latency_ns", "p50"), 1000e6);
	flooded_end(&run, &server);
}

Test(flood_open_loop, owing_too_much_cuts_the_run_short)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 1});
	flood(&run, "-c", "2", "-r", "10000", "-d", "30s", "--max-owed", "500",
	      "--warmup", "0", "--no-verify", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "cut short: more than 500 messages were "
				     "owed"));
	cr_expect_eq(flooded_number(&run, "", "messages_sent"), 501);
	cr_expect_eq(flooded_number(&run, "generator", "peak_owed"), 501);
	cr_expect_lt(flooded_number(&run, "", "seconds"), 20);
	flooded_end(&run, &server);
}

/* Warming up loads the target, and is not told. */
Test(flood_open_loop, the_warm_up_is_not_counted)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .freeze_at = 10,
						  .freeze_ns = 200000000});
	flood(&run, "-c", "1", "-r", "500", "--warmup", "1s", "-n", "100",
	      "--late", "1m", "--json", "-", server.address, NULL);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 100);
	cr_expect_geq(server.truth->n_samples, 500);
	cr_expect_leq(server.truth->n_samples, 601);
	flooded_end(&run, &server);
}

/* 100 a second in the first half, 300 in the other; before it 100. */
Test(flood_open_loop, a_ramp_begins_with_the_measurement)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "2", "-r", "100", "--ramp", "300", "--steps", "2",
	      "-d", "1s", "--warmup", "500ms", "--late", "1m", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_geq(flooded_number(&run, "", "messages_sent"), 198);
	cr_expect_leq(flooded_number(&run, "", "messages_sent"), 202);
	cr_expect_geq(server.truth->n_samples, 247);
	cr_expect_leq(server.truth->n_samples, 253);
	known_stop(&server);
	known_forget(&server);
	flooded_forget(&run);
}
