/* weir-flood on targets that mislead it, and on runs that end early: what it
 * says is what was, and no run waits for what will not come. */
#include <criterion/criterion.h>

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_flood.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_honesty, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct known server;
static struct flooded run;

/* What was to come after ctrl-C was not due. */
Test(flood_honesty, a_run_that_is_stopped_owes_nothing_of_its_plan)
{
	const char *arguments[] = {"-c",     "1",   "-r",	    "100",
				   "-d",     "20s", "--warmup",	    "0",
				   "--late", "1m",  server.address, NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64});
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&server.truth->n_samples < 20)
		usleep(1000);
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &run);
	cr_expect_eq(run.status, 0, "%s%s", run.out, run.err);
	cr_expect(flooded_says(&run, "interrupted"));
	cr_expect(!flooded_says(&run, "never sent"));
	flooded_end(&run, &server);
}

/* The clock is looked at a little after the last second, which is no reason to
 * tell of one more. */
Test(flood_honesty, the_last_second_is_told_once)
{
	const char *at;
	unsigned n = 0;

	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "1", "-r", "100", "-d", "1s", "--warmup", "0",
	      "--late", "1m", "--json", "-", server.address, NULL);
	at = run.out;
	while ((at = strstr(at + 1, "\"at_s\"")))
		n++;
	/* what comes while draining is told apart */
	cr_expect_eq(n, 1 + (flooded_number(&run, "", "messages_drained") > 0));
	flooded_end(&run, &server);
}

/* One message of thousands, and a quarter of the load. */
Test(flood_honesty, a_connection_that_hangs_in_mid_run_is_seen)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_LOSES,
						  .fault_at = 1000});
	flood(&run, "-c", "4", "-n", "4000", "-d", "5s", "--warmup", "0",
	      "--drain", "100ms", "--no-verify", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "1 message (25.0 % of those in flight) "
				     "never answered"));
	flooded_end(&run, &server);
}

/* Nobody can send that much, so the queues hold the warm-up to the end. */
Test(flood_honesty, a_sink_that_lags_behind_has_taken_nothing)
{
	known_start(&server, &(struct known_plan){.size = 65536});
	flood(&run, "-m", "sink", "-c", "1", "-s", "1M", "-r", "10000000",
	      "--warmup", "10ms", "-d", "10ms", "--drain", "10ms", "--json",
	      "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_lt(flooded_number(&run, "", "messages"), 1e6);
	cr_expect_lt(flooded_number(&run, "", "messages_unanswered"), 1e6);
	cr_expect_lt(flooded_number(&run, "", "messages_drained"), 1e6);
	flooded_end(&run, &server);
}

/* The target says that it dropped the one line that its publisher waits for. */
Test(flood_honesty, a_missed_line_is_not_waited_for)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .is_broadcast = true,
						  .fault = KNOWN_MISSES,
						  .fault_at = 50});
	flood(&run, "-m", "broadcast", "-c", "3", "-n", "200", "-d", "30s",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages_sent"), 200);
	cr_expect_eq(flooded_number(&run, "broadcast", "missed"), 1);
	cr_expect_lt(flooded_number(&run, "", "seconds"), 30);
	flooded_end(&run, &server);
}

/* What is wrong has been answered all the same. */
Test(flood_honesty, a_wrong_answer_to_a_visit_is_not_waited_for)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CHANGES,
						  .fault_at = 5});
	flood(&run, "-m", "connect", "-c", "1", "-n", "20", "-d", "30s",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 1);
	cr_expect_eq(flooded_number(&run, "corrupt_by_kind", "changed"), 1);
	cr_expect_lt(flooded_number(&run, "", "seconds"), 30);
	flooded_end(&run, &server);
}

/* However many others there are. */
static void stall_one(const char *rate)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_STALLS,
						  .fault_at = 500});
	/* -n is never reached: a closed loop stands in for an open one's rate */
	flood(&run, "-c", "120", rate ? "-r" : "-n", rate ? rate : "10000000",
	      "-d", "1500ms", "--warmup", "0", "--drain", "700ms", "--json",
	      "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "was silent for"));
	cr_expect_eq(flooded_number(&run, "healthy", "silent"), 1);
	cr_expect_geq(flooded_number(&run, "healthy", "most_silent_ns"), 200e6);
	cr_expect_leq(flooded_number(&run, "healthy", "most_silent"), 119);
	flooded_end(&run, &server);
}

Test(flood_honesty, one_dead_connection_of_many_is_told)
{
	stall_one(NULL);
	stall_one("2000");
}

/* 400 visits, of which one in so many is reset at once, and all others take
 * 5 ms at least. */
static void reset_visits(uint64_t every)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .n_delays = 1,
						  .delays_ns = {5000000},
						  .fault = KNOWN_RESETS,
						  .fault_at = every,
						  .fault_every = every});
	flood(&run, "-m", "connect", "-c", "10", "-n", "400", "--warmup", "0",
	      "--json", "-", server.address, NULL);
	cr_expect_eq(flooded_number(&run, "", "messages_failed"), 400 / every);
	cr_expect_eq(flooded_number(&run, "errors_by_cause", "reset"),
		     400 / every);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"),
		     400 - 400 / every);
	cr_expect_geq(flooded_number(&run, "latency_ns", "min"), 5e6);
}

Test(flood_honesty, a_visit_that_failed_was_not_fast)
{
	reset_visits(50);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "8 of 400 visits (2.0 %) failed, the "
				     "first: reset: "));
	flooded_end(&run, &server);
	reset_visits(200);
	cr_expect_eq(run.status, 0, "%s", run.err);
	flooded_end(&run, &server);
}

/* Hundreds of MB are asked for, and nobody reads: the socket's buffers are all
 * that goes out, whatever our own queue takes. */
Test(flood_honesty, bytes_out_are_those_that_the_kernel_took)
{
	double sent;

	known_start(&server, &(struct known_plan){.size = 65536});
	kill(server.pid, SIGSTOP);
	flood(&run, "-m", "sink", "-c", "1", "-s", "64K", "-r", "10000", "-d",
	      "500ms", "--warmup", "0", "--drain", "10ms", "--late", "1m",
	      "--json", "-", server.address, NULL);
	sent = flooded_number(&run, "healthy", "bytes_sent");
	cr_expect_gt(sent, 1e5);
	cr_expect_lt(sent,
		     flooded_number(&run, "healthy", "bytes_accepted") - 5e6);
	cr_expect_leq(flooded_number(&run, "", "bytes_out_per_s") *
			      flooded_number(&run, "", "seconds"),
		      sent + 1);
	cr_expect_leq(flooded_number(&run, "timeline", "bytes_out"), sent);
	cr_expect(!flooded_says(&run, "accepted, "));
	flooded_end(&run, &server);
}

/* All of it in messages that were sent in the warm-up. What of it was in the
 * measured time is told. */
Test(flood_honesty, a_silence_that_began_in_the_warm_up_is_told)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .freeze_at = 5,
						  .freeze_ns = 1600000000});
	flood(&run, "-c", "4", "-d", "1700ms", "--warmup", "600ms", "--json",
	      "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "began before the measurement"));
	cr_expect_geq(flooded_number(&run, "", "warmup_wait_ns"), 990e6);
	cr_expect_leq(flooded_number(&run, "", "warmup_wait_ns"), 1500e6);
	flooded_end(&run, &server);
}

/* It shares one CPU with its target, and with a process that never rests. */
Test(flood_honesty, the_wait_for_a_cpu_is_told)
{
	cpu_set_t one;
	pid_t busy;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	busy = fork();
	cr_assert_geq(busy, 0);
	if (busy == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (volatile unsigned i = 0;; i++)
			;
	}
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "4", "-d", "1s", "--warmup", "0", "--json", "-",
	      server.address, NULL);
	kill(busy, SIGKILL);
	waitpid(busy, NULL, 0);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_gt(flooded_number(&run, "generator", "cpu_wait_s"), 0.01);
	cr_expect(flooded_says(&run, "of the time for one"));
	flooded_end(&run, &server);
}

static double number(const char *key)
{
	return flooded_number(&run, "", key);
}

/* Some answers come while draining, some never, one was changed, and some are
 * of the warm-up. */
Test(flood_honesty, sums_add_up)
{
	known_start(&server,
		    &(struct known_plan){.size = 64,
					 .n_delays = 2,
					 .delays_ns = {100000000, 400000000},
					 .fault = KNOWN_CHANGES,
					 .fault_at = 400});
	flood(&run, "-c", "10", "-r", "1000", "-d", "1200ms", "--warmup",
	      "250ms", "--drain", "300ms", "--json", "-", server.address, NULL);
	cr_expect_gt(number("messages"), 0);
	cr_expect_gt(number("messages_drained"), 0);
	cr_expect_gt(number("messages_warmup"), 0);
	cr_expect_eq(number("messages_spoilt"), 1);
	cr_expect_eq(number("messages_sent"),
		     number("messages") + number("messages_drained") +
			     number("messages_unanswered") -
			     number("messages_warmup_unanswered") +
			     number("messages_failed") +
			     number("messages_spoilt"));
	cr_expect(flooded_says(&run, "answered in time"));
	cr_expect(flooded_says(&run, "(latency of "));
	flooded_end(&run, &server);
}

Test(flood_honesty, one_message_is_no_more_than_one)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "10", "-n", "1", "--warmup", "50ms", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(number("messages"), 1);
	cr_expect_eq(number("messages_sent"), 1);
	cr_expect(isnan(number("messages_per_s")));
	flooded_end(&run, &server);
}

Test(flood_honesty, a_sink_takes_as_many_as_were_asked_for)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-m", "sink", "-c", "3", "-n", "12345", "--warmup", "0",
	      "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("messages"), 12345);
	cr_expect_eq(number("messages_sent"), 12345);
	flooded_end(&run, &server);
}

/* It owes ten answers when we end, and our FIN ends it. */
Test(flood_honesty, late_is_not_corrupt)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .closes_at_fin = true,
						  .n_delays = 1,
						  .delays_ns = {10000000000}});
	flood(&run, "-c", "10", "-d", "300ms", "--warmup", "0", "--drain",
	      "100ms", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 10);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 10);
	cr_expect_geq(flooded_number(&run, "latency_ns", "min"), 400e6);
	cr_expect(flooded_says(&run, "--drain cut the wait for them after "
				     "100 ms"));
	flooded_end(&run, &server);
}

/* Slower at the end than ever before, and than the second that is the least
 * wait: it is waited for, unless --drain is given. */
Test(flood_honesty, draining_takes_as_long_as_answers_take)
{
	known_start(&server, &(struct known_plan){
				     .size = 64,
				     .closes_at_fin = true,
				     .n_delays = 2,
				     .delays_ns = {1200000000, 2300000000}});
	flood(&run, "-c", "2", "-d", "2200ms", "--warmup", "0", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages_drained"), 2);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 0);
	flooded_end(&run, &server);
}

/* Whatever --drain says, and although the target never ends its side. */
Test(flood_honesty, a_signal_ends_the_run_with_a_result)
{
	const char *arguments[] = {"-c",       "4", "-d",	    "10m",
				   "--warmup", "0", "--drain",	    "60m",
				   "--json",   "-", server.address, NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 100});
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&server.truth->n_samples < 103)
		usleep(1000);
	kill(server.pid, SIGSTOP);
	kill(flooding.pid, SIGTERM);
	flood_wait(&flooding, &run);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 4);
	cr_expect(flooded_says(&run, "\"interrupted\": true"));
	flooded_end(&run, &server);
}

/* A refused connection leaves last week's result as it was. */
Test(flood_honesty, a_file_changes_only_when_there_is_a_result)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	char text[8] = {0};
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "last", 4), 4);
	flood(&run, "--json", path, "--html", "/dev/null", "127.0.0.1:1", NULL);
	cr_expect_eq(run.status, 2);
	flooded_forget(&run);
	cr_expect_eq(pread(fd, text, sizeof text, 0), 4);
	cr_expect_str_eq(text, "last");
	close(fd);
	cr_expect_eq(access(path, F_OK), 0);
	unlink(path);
}

Test(flood_honesty, two_names_of_one_file_are_seen_through)
{
	flood(&run, "--json", "/tmp/weir-test-x", "--html",
	      "/tmp/../tmp/./weir-test-x", "unix:@none", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect(flooded_says(&run, "expected as one file only"));
	cr_expect_eq(access("/tmp/weir-test-x", F_OK), -1);
	flooded_forget(&run);
}

Test(flood_honesty, two_results_are_not_written_into_one_file)
{
	flood(&run, "--json", "/dev/null", "--html", "/dev/null", "unix:@none",
	      NULL);
	cr_expect_eq(run.status, 2);
	cr_expect(flooded_says(&run, "/dev/null: expected as one file only"));
	flooded_forget(&run);
}

Test(flood_honesty, there_is_no_percentile_above_100)
{
	flood(&run, "--expect", "p101<5ms", "unix:@none", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect(flooded_says(&run, "expected p0 to p100"));
	flooded_forget(&run);
}
