/* weir-flood against a server that hurts one message: it is found out, named,
 * and the run has failed. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "result.h"
#include "harness.h"
#include "harness_flood.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_integrity, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct known server;
static struct flooded run;

/* 300 messages, of which number 100 is hurt. */
static void measure(enum known_fault fault, const char *pipeline)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = fault,
						  .fault_at = 100});
	flood(&run, "-c", "1", "-p", pipeline, "-n", "300", "-d", "2s",
	      "--warmup", "0", "--drain", "200ms", "--json", "-",
	      server.address, NULL);
}

/* Exactly that was found, and nothing else. */
static void expect_found(enum known_fault fault, const char *pipeline,
			 enum checker_corruption kind)
{
	measure(fault, pipeline);
	cr_expect_eq(run.status, 1, "status %d: %s", run.status, run.err);
	for (int i = 0; i < CHECKER_N_CORRUPTIONS; i++) {
		const char *name =
			checker_corruption_name((enum checker_corruption)i);

		cr_expect_eq(flooded_number(&run, "corrupt_by_kind", name),
			     (int)kind == i, "-p %s: %s: %s", pipeline, name,
			     run.err);
	}
	cr_expect(flooded_says(&run, "connection 0, message 99: "));
	flooded_end(&run, &server);
}

Test(flood_integrity, a_right_server_is_right)
{
	measure(KNOWN_RIGHT, "4");
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_eq(flooded_number(&run, "", "messages"), 300);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 300);
	flooded_end(&run, &server);
}

Test(flood_integrity, a_changed_byte_is_found)
{
	expect_found(KNOWN_CHANGES, "1", CHECKER_CHANGED);
	expect_found(KNOWN_CHANGES, "4", CHECKER_CHANGED);
}

Test(flood_integrity, lost_bytes_are_found)
{
	expect_found(KNOWN_LOSES_BYTES, "1", CHECKER_LOST);
	expect_found(KNOWN_LOSES_BYTES, "4", CHECKER_LOST);
}

Test(flood_integrity, a_lost_message_is_found)
{
	expect_found(KNOWN_LOSES, "4", CHECKER_LOST);
}

/* Nothing came after it that would tell. */
Test(flood_integrity, a_message_without_an_answer_is_late_and_not_corrupt)
{
	measure(KNOWN_LOSES, "1");
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 1);
	flooded_end(&run, &server);
}

Test(flood_integrity, repeated_bytes_are_found)
{
	expect_found(KNOWN_REPEATS_BYTES, "4", CHECKER_REPEATED);
}

Test(flood_integrity, a_repeated_message_is_found)
{
	expect_found(KNOWN_REPEATS, "4", CHECKER_REPEATED);
}

Test(flood_integrity, messages_out_of_order_are_found)
{
	measure(KNOWN_REORDERS, "4");
	cr_expect_eq(run.status, 1);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 1);
	cr_expect_eq(flooded_number(&run, "corrupt_by_kind", "reordered"), 1);
	flooded_end(&run, &server);
}

Test(flood_integrity, bytes_out_of_order_are_found)
{
	expect_found(KNOWN_SWAPS_BYTES, "1", CHECKER_REORDERED);
	expect_found(KNOWN_SWAPS_BYTES, "4", CHECKER_REORDERED);
}

/* Zeros look like the beginning of a message wherever one looks. */
Test(flood_integrity, rubbish_of_any_length_does_not_hold_the_run)
{
	known_start(&server, &(struct known_plan){.size = 1 << 20,
						  .fault = KNOWN_ZEROES,
						  .fault_at = 2});
	flood(&run, "-c", "1", "-p", "4", "-s", "1M", "-n", "8", "-d", "30s",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 1);
	cr_expect_gt(flooded_number(&run, "corrupt_by_kind", "changed"), 0);
	flooded_end(&run, &server);
}

/* Whoever asks not to look, does not see. */
Test(flood_integrity, unverified_bytes_are_only_counted)
{
	known_start(&server, &(struct known_plan){.size = 5,
						  .fault = KNOWN_CHANGES,
						  .fault_at = 100});
	flood(&run, "-c", "1", "-s", "5", "--no-verify", "-n", "300",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages"), 300);
	cr_expect(flooded_says(&run, "\"verified\": false"));
	flooded_end(&run, &server);
}

/* -- other ends -- */

/* What is never answered has its age in the latency: the message that waited
 * for the rest of the second, and of the draining. */
Test(flood_integrity, silence_has_an_age)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 100});
	flood(&run, "-c", "1", "-d", "1s", "--warmup", "0", "--drain", "300ms",
	      "--no-verify", "--json", "-", server.address, NULL);
	cr_expect_eq(flooded_number(&run, "", "messages"), 99);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 1);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 100);
	cr_expect_geq(flooded_number(&run, "latency_ns", "max"), 300e6);
	flooded_end(&run, &server);
}

Test(flood_integrity, a_reset_is_an_error)
{
	measure(KNOWN_RESETS, "1");
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "errors_by_cause", "reset"), 1);
	cr_expect_eq(flooded_number(&run, "", "errors"), 1);
	cr_expect_eq(flooded_number(&run, "", "messages"), 99);
	flooded_end(&run, &server);
}

Test(flood_integrity, an_end_in_mid_run_is_an_error)
{
	measure(KNOWN_CLOSES, "1");
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "", "errors"), 1);
	cr_expect_eq(flooded_number(&run, "", "messages"), 99);
	flooded_end(&run, &server);
}

/* The reset comes while what is queued is still to be sent. */
Test(flood_integrity, a_reset_after_an_end_is_the_same_error)
{
	known_start(&server,
		    &(struct known_plan){.size = 1 << 20,
					 .fault = KNOWN_ENDS_AND_RESETS,
					 .fault_at = 2});
	flood(&run, "-c", "1", "-p", "16", "-s", "1M", "-n", "1000", "-d", "5s",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "", "errors"), 1);
	cr_expect_eq(flooded_number(&run, "errors_by_cause", "closed"), 1);
	flooded_end(&run, &server);
}

/* -- broadcast -- */

/* 100 lines of one publisher, -c connections in all, line 50 is hurt on its
 * way to the last subscriber. Open loop: it must not wait for what is lost. */
static void publish(enum known_fault fault)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .is_broadcast = true,
						  .fault = fault,
						  .fault_at = 50});
	flood(&run, "-m", "broadcast", "-c", "4", "-n", "100", "-r", "1000",
	      "-d", "10s", "--warmup", "0", "--drain", "1s", "--late", "1m",
	      "--json", "-", server.address, NULL);
}

static void expect_line_found(enum known_fault fault,
			      enum checker_corruption kind)
{
	publish(fault);
	cr_expect_eq(run.status, 1, "status %d: %s", run.status, run.err);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 1, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "corrupt_by_kind",
				    checker_corruption_name(kind)),
		     1, "%s", run.err);
	flooded_end(&run, &server);
}

Test(flood_integrity, every_subscriber_gets_every_line)
{
	publish(KNOWN_RIGHT);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages") +
			     flooded_number(&run, "", "messages_drained"),
		     300);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 300);
	cr_expect_eq(flooded_number(&run, "", "messages_sent"), 100);
	cr_expect_eq(flooded_number(&run, "broadcast", "missed"), 0);
	flooded_end(&run, &server);
}

Test(flood_integrity, a_lost_line_is_found)
{
	expect_line_found(KNOWN_LOSES, CHECKER_LOST);
}

Test(flood_integrity, a_repeated_line_is_found)
{
	expect_line_found(KNOWN_REPEATS, CHECKER_REPEATED);
}

Test(flood_integrity, lines_out_of_order_are_found)
{
	expect_line_found(KNOWN_REORDERS, CHECKER_REORDERED);
}

Test(flood_integrity, a_changed_line_is_found)
{
	expect_line_found(KNOWN_CHANGES, CHECKER_CHANGED);
}

/* A server that says so may drop lines. */
Test(flood_integrity, missed_lines_are_counted_apart)
{
	publish(KNOWN_MISSES);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_eq(flooded_number(&run, "broadcast", "missed"), 1);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 299);
	flooded_end(&run, &server);
}

/* One that has left is owed nothing of what is published after that. */
Test(flood_integrity, a_subscriber_that_is_gone_is_owed_no_more)
{
	publish(KNOWN_TURNS_AWAY);
	cr_expect_eq(run.status, 3, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "errors"), 1);
	cr_expect_geq(flooded_number(&run, "", "messages_unanswered"), 1);
	cr_expect_leq(flooded_number(&run, "generator", "peak_owed"), 300);
	flooded_end(&run, &server);
}
