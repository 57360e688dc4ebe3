/* Bad peers beside the measured ones, and how runs end. */
#include <criterion/criterion.h>

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_flood_served.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_ends, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct known server;
static struct flood_served target;

/* -- bad peers -- */

/* The healthy ones are served beside them, and are reported apart. */
Test(flood_ends, bad_peers_are_reported_apart)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-c", "4", "-d", "1500ms", "--warmup", "0",
	      "--stalled", "2", "--trickle", "1:1K/s", "--reset", "2",
	      "--half-close", "1", "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "healthy", "connections", 4);
	flood_expect(&target.run, "", "errors", 0);
	flood_expect(&target.run, "", "corrupt", 0);
	cr_expect_gt(flooded_number(&target.run, "", "messages"), 0);
	flood_expect(&target.run, "bad_peers/stalled", "peers", 2);
	flood_expect(&target.run, "bad_peers/stalled", "bytes_in", 0);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/stalled", "bytes_out"),
		65536);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/trickle", "bytes_in"),
		0);
	cr_expect_leq(
		flooded_number(&target.run, "bad_peers/trickle", "bytes_in"),
		2048);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/trickle", "bytes_out"),
		65536);
	cr_expect_gt(flooded_number(&target.run, "bad_peers/reset", "rounds"),
		     2);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/half_close", "rounds"),
		1);
	flood_expect(&target.run, "bad_peers/half_close", "short", 0);
	flood_serve_no_more(&target);
}

Test(flood_ends, idle_peers_stay_and_say_nothing)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&target.run, "-c", "1", "-r", "200", "-n", "60", "-d", "30s",
	      "--warmup", "0", "--late", "1m", "--idle", "3", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "bad_peers/idle", "made", 3);
	flood_expect(&target.run, "bad_peers/idle", "connects", 3);
	flood_expect(&target.run, "bad_peers/idle", "bytes_out", 0);
	flood_expect(&target.run, "bad_peers/idle", "cut", 0);
	known_await(&server, 4, 0);
	cr_expect_eq(server.truth->n_accepted, 4);
	flooded_end(&target.run, &server);
}

static void half_close(enum known_fault fault)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = fault,
						  .fault_at = 20,
						  .fault_every = 20});
	flood(&target.run, "-c", "1", "-r", "1", "-d", "900ms", "--warmup", "0",
	      "--drain", "100ms", "--half-close", "1", "--late", "1m", "--json",
	      "-", server.address, NULL);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/half_close", "short"),
		0);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/half_close", "rounds"),
		0);
	flooded_end(&target.run, &server);
}

/* A server that gives back less than it was sent, or else, is told on. */
Test(flood_ends, a_wrong_answer_to_a_half_close_is_told)
{
	half_close(KNOWN_LOSES_BYTES);
	half_close(KNOWN_CHANGES);
}

/* What was asked is what they ask, and its answers are of their own size. */
Test(flood_ends, bad_peers_send_the_request)
{
	known_start(&server, &(struct known_plan){.size = 6, .answer_size = 4});
	flood(&target.run, "-c", "1", "-r", "200", "-n", "100", "-d", "30s",
	      "--warmup", "0", "--late", "1m", "--half-close", "1", "--send",
	      "hello\\n", "--expect-bytes", "4", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "bad_peers/half_close", "short", 0);
	cr_expect_gt(
		flooded_number(&target.run, "bad_peers/half_close", "rounds"),
		0);
	flooded_end(&target.run, &server);
}

Test(flood_ends, resets_reach_the_target)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&target.run, "-c", "1", "-r", "200", "-n", "100", "-d", "30s",
	      "--warmup", "0", "--reset", "1", "--json", "-", server.address,
	      NULL);
	cr_expect_gt(flooded_number(&target.run, "bad_peers/reset", "rounds"),
		     2);
	known_await(&server, 0, 2);
	flooded_end(&target.run, &server);
}

/* -- ends -- */

Test(flood_ends, nobody_there_is_one_line)
{
	flood(&target.run, "127.0.0.1:1", NULL);
	cr_expect_eq(target.run.status, 2);
	cr_expect_str_eq(target.run.err,
			 "weir-flood: 127.0.0.1:1: connection refused\n");
	cr_expect_str_eq(target.run.out, "");
	flooded_forget(&target.run);
}

/* Halted, it accepts in the kernel alone, and answers nothing. */
Test(flood_ends, a_silent_target_does_not_hold_the_run)
{
	flood_serve(&target, "echo");
	served_halt(&target.served);
	flood(&target.run, "-c", "3", "-d", "200ms", "--warmup", "0", "--drain",
	      "100ms", "--json", "-", target.address, NULL);
	served_go_on(&target.served);
	cr_expect_eq(target.run.status, 3);
	flood_expect(&target.run, "", "messages", 0);
	flood_expect(&target.run, "", "messages_unanswered", 3);
	cr_expect(flooded_says(&target.run, "no message was answered"));
	flood_serve_no_more(&target);
}

/* A connection that hangs from the warm-up on is not overlooked. */
Test(flood_ends, a_message_of_the_warm_up_is_missed_too)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_LOSES,
						  .fault_at = 10});
	flood(&target.run, "-c", "4", "--warmup", "700ms", "-d", "300ms",
	      "--drain", "700ms", "--no-verify", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(target.run.status, 3);
	flood_expect(&target.run, "healthy", "silent", 1);
	cr_expect_geq(flooded_number(&target.run, "healthy", "most_silent_ns"),
		      1000e6);
	flood_expect(&target.run, "", "messages_unanswered", 1);
	flood_expect(&target.run, "", "messages_warmup_unanswered", 1);
	cr_expect_geq(flooded_number(&target.run, "latency_ns", "max"), 1000e6);
	flooded_end(&target.run, &server);
}

/* Every answer of the measured time is in the rate, and only those. */
Test(flood_ends, the_rate_is_of_all_answers_in_the_measured_time)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .n_delays = 1,
						  .delays_ns = {50000000}});
	flood(&target.run, "-c", "10", "--warmup", "125ms", "-d", "700ms",
	      "--json", "-", server.address, NULL);
	cr_expect_float_eq(
		flooded_number(&target.run, "", "bytes_in_per_s"),
		64 * flooded_number(&target.run, "", "messages_per_s"), 1);
	/* what was sent in it is in the latency */
	cr_expect_eq(flooded_number(&target.run, "latency_ns", "count"),
		     flooded_number(&target.run, "", "messages_sent"));
	flooded_end(&target.run, &server);
}

Test(flood_ends, an_answer_that_comes_too_late_is_none)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .n_delays = 1,
						  .delays_ns = {600000000}});
	flood(&target.run, "-c", "2", "--warmup", "0", "-d", "1ms", "--drain",
	      "10s", "--json", "-", server.address, NULL);
	cr_expect_eq(target.run.status, 3);
	cr_expect(flooded_says(&target.run,
			       "no message was answered in the measured "
			       "time"));
	flood_expect(&target.run, "", "messages_drained", 2);
	flooded_end(&target.run, &server);
}

/* It talks without being asked, so that answers come before their questions. */
Test(flood_ends, no_answer_takes_less_than_no_time)
{
	flood_serve(&target, "chargen");
	flood(&target.run, "-c", "2", "-r", "1000", "-n", "200", "-d", "5s",
	      "--warmup", "0", "--drain", "0", "--no-verify", "--late", "1m",
	      "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 1);
	flood_expect(&target.run, "latency_ns", "overflow", 0);
	flood_expect(&target.run, "service_ns", "overflow", 0);
	flood_serve_no_more(&target);
}

/* More than any machine sends: the run ends all the same, and says so. */
Test(flood_ends, a_rate_that_cannot_be_kept_is_told)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-c", "2", "--poisson", "-r", "10000000", "--warmup",
	      "50ms", "-d", "300ms", "--drain", "100ms", "--json", "-",
	      target.address, NULL);
	cr_expect_eq(target.run.status, 3);
	cr_expect(flooded_says(&target.run, "were never sent") ||
		  flooded_says(&target.run, "were owed"));
	cr_expect_lt(flooded_number(&target.run, "", "seconds"), 10);
	flood_serve_no_more(&target);
}

/* A backlog that is full, and a server that does not accept. */
Test(flood_ends, connecting_ends_at_its_deadline)
{
	flood_serve(&target, "echo");
	served_halt(&target.served);
	flood(&target.run, "-c", "2000", "-d", "100ms", "--warmup", "0",
	      "--drain", "0", "--connect-timeout", "300ms", "--json", "-",
	      target.address, NULL);
	served_go_on(&target.served);
	cr_expect_eq(target.run.status, 3);
	cr_expect_gt(flooded_number(&target.run, "errors_by_cause",
				    "connect_timeout"),
		     0);
	flood_serve_no_more(&target);
}

/* The result so far, as soon as it is asked for. */
Test(flood_ends, ctrl_c_prints_the_result_so_far)
{
	const char *arguments[] = {"-d",     "10m", "--warmup", "0",
				   "--json", "-",   NULL,	NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64});
	arguments[6] = server.address;
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&server.truth->n_samples < 200)
		sched_yield();
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &target.run);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	cr_expect(flooded_says(&target.run, "\"interrupted\": true"));
	cr_expect_geq(flooded_number(&target.run, "", "messages"), 100);
	cr_expect_lt(flooded_number(&target.run, "", "seconds"), 50);
	flooded_end(&target.run, &server);
}

/* Whatever is due when it comes was to leave within the next hour. */
Test(flood_ends, what_is_due_at_a_signal_has_missed_nothing)
{
	const char *arguments[] = {"-c",     "1",   "-r",	    "10000000",
				   "--late", "60m", "--warmup",	    "0",
				   "--json", "-",   server.address, NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64});
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&server.truth->n_samples < 100)
		sched_yield();
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &target.run);
	flood_expect(&target.run, "generator", "unsent", 0);
	flooded_end(&target.run, &server);
}

Test(flood_ends, a_message_that_cannot_be_counted_on_is_not_asked)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-n", "100", "--warmup", "0", "--expect",
	      "p99.99<1m", "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 3);
	cr_expect(flooded_says(&target.run,
			       "p99.99 needs 100,000 samples, and has "
			       "100"));
	flood_serve_no_more(&target);
}

Test(flood_ends, a_breached_expectation_is_status_4)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-n", "2000", "--warmup", "0", "--expect",
	      "p50<1ns,errors=0", target.address, NULL);
	cr_expect_eq(target.run.status, 4, "%s", target.run.err);
	flood_serve_no_more(&target);
}

/* As many as a load generator is asked for. */
Test(flood_ends, many_connections_work)
{
	const char *n = served_is_sanitized() ? "300" : "3000";

	flood_serve(&target, "echo");
	flood(&target.run, "-c", n, "-n", "20000", "--warmup", "0", "--json",
	      "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 20000);
	cr_expect_eq(flooded_number(&target.run, "healthy", "connected"),
		     strtod(n, NULL));
	flood_serve_no_more(&target);
}

/* An answer that others have waited longer for may still come. */
Test(flood_ends, a_wait_that_others_had_too_is_no_silence)
{
	known_start(&server,
		    &(struct known_plan){.size = 64,
					 .n_delays = 2,
					 .delays_ns = {1300000000, 30000000000},
					 .closes_at_fin = true});
	flood(&target.run, "-c", "1", "-d", "2200ms", "--warmup", "0",
	      "--drain", "100ms", "--json", "-", server.address, NULL);
	flood_expect(&target.run, "", "messages", 1);
	flood_expect(&target.run, "", "messages_unanswered", 1);
	flood_expect(&target.run, "healthy", "silent", 0);
	flooded_end(&target.run, &server);
}

/* What waits in our own queue is owed to it. */
Test(flood_ends, a_target_that_takes_nothing_is_not_sent_to_for_ever)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int listener = harness_listen(&address, 8);
	char text[KNOWN_ADDRESS_SIZE];

	flood(&target.run, "-m", "sink", "-c", "1", "-s", "1M", "-r", "100",
	      "-d", "30s", "--warmup", "0", "--drain", "0", "--late", "1m",
	      "--max-owed", "50", "--json", "-",
	      weir_address_format(&address, text, sizeof text), NULL);
	cr_expect_eq(target.run.status, 3);
	cr_expect(flooded_says(&target.run, "cut short: more than 50 messages "
					    "were owed"));
	cr_expect_lt(flooded_number(&target.run, "", "seconds"), 30);
	close(listener);
	flooded_forget(&target.run);
}
