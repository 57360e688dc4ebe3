/* Comparing two targets, and where results go. */
#include <criterion/criterion.h>

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"
#include "harness_flood.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_whole, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct flooded run;
static struct known server;

static void stop(struct known *known)
{
	known_stop(known);
	known_forget(known);
}

static struct known fast;
static struct known slow;

static void start_fast_and_slow(void)
{
	known_start(&fast, &(struct known_plan){.size = 64});
	known_start(&slow, &(struct known_plan){.size = 64,
						.n_delays = 1,
						.delays_ns = {20000000}});
}

/* Answers that are held for 20 ms make at most 50 messages a second on a
 * connection; those that are not make more, on any machine. */
Test(flood_whole, compare_finds_the_slower_of_two)
{
	start_fast_and_slow();
	flood(&run, "-c", "2", "-d", "2s", "--warmup", "0", "--compare",
	      slow.address, "--json", "-", fast.address, NULL);
	stop(&fast);
	stop(&slow);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect(flooded_says(&run, "\"significant\": true"));
	cr_expect_lt(flooded_number(&run, "comparison", "ratio"), 1);
	cr_expect_lt(flooded_number(&run, "comparison", "high"), 1);
	/* the other figures are of the first alone */
	cr_expect_gt(flooded_number(&run, "", "messages_per_s"), 100);
	flooded_forget(&run);
}

/* In an open loop it is the latency that differs. */
Test(flood_whole, compare_looks_at_latency_in_an_open_loop)
{
	start_fast_and_slow();
	flood(&run, "-c", "2", "-r", "500", "--late", "1m", "-d", "2s",
	      "--warmup", "0", "--compare", fast.address, "--json", "-",
	      slow.address, NULL);
	stop(&fast);
	stop(&slow);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect(flooded_says(&run, "\"figure\": \"latency p50\""));
	cr_expect(flooded_says(&run, "\"significant\": true"));
	cr_expect_lt(flooded_number(&run, "comparison", "ratio"), 1);
	flooded_forget(&run);
}

Test(flood_whole, compare_needs_both)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "1", "--warmup", "0", "--compare", "127.0.0.1:1",
	      server.address, NULL);
	stop(&server);
	cr_expect_eq(run.status, 2);
	cr_expect_str_eq(run.err,
			 "weir-flood: 127.0.0.1:1: connection refused\n");
	flooded_forget(&run);
}

Test(flood_whole, compare_needs_its_rounds)
{
	const char *arguments[] = {"-d",	"10m", "--warmup", "0",
				   "--compare", NULL,  NULL,	   NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64});
	arguments[5] = server.address;
	arguments[6] = server.address;
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&server.truth->n_samples < 200)
		sched_yield();
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &run);
	stop(&server);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "too few to compare: 8 are needed"));
	flooded_forget(&run);
}

/* -- one verdict -- */

/* The status is also the table's first word and JSON's outcome. */
static void expect_outcome(int status, const char *word, const char *outcome)
{
	char quoted[64];

	snprintf(quoted, sizeof quoted, "\"outcome\": \"%s\"", outcome);
	cr_expect_eq(run.status, status, "%s", run.err);
	cr_expect(flooded_says(&run, quoted), "%s", run.out);
	cr_expect(flooded_says(&run, word), "%s", run.err);
}

Test(flood_whole, a_corrupt_rival_has_failed_in_every_word)
{
	struct known right;
	struct known wrong;

	known_start(&right, &(struct known_plan){.size = 64});
	known_start(&wrong, &(struct known_plan){.size = 64,
						 .fault = KNOWN_CHANGES,
						 .fault_at = 10});
	flood(&run, "-c", "2", "-d", "1s", "--warmup", "0", "--compare",
	      wrong.address, "--json", "-", right.address, NULL);
	stop(&right);
	stop(&wrong);
	expect_outcome(1, "FAILED", "failed");
	flooded_forget(&run);
}

Test(flood_whole, too_many_answers_have_failed_in_every_word)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_REPEATS,
						  .fault_at = 10});
	flood(&run, "-c", "1", "-p", "2", "-n", "100", "-d", "2s", "--warmup",
	      "0", "--no-verify", "--drain", "100ms", "--json", "-",
	      server.address, NULL);
	stop(&server);
	expect_outcome(1, "FAILED", "failed");
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 1);
	cr_expect_eq(flooded_number(&run, "corrupt_by_kind", "repeated"), 1);
	flooded_forget(&run);
}

/* Between two rounds, which are 25 ms each. */
Test(flood_whole, a_comparison_that_loses_a_target_shows_its_rounds)
{
	const char *arguments[] = {"-c",	"2",  "-d",	"2s",
				   "--warmup",	"0",  "--json", "-",
				   "--compare", NULL, NULL,	NULL};
	struct flooding flooding;
	struct known rival;

	known_start(&server, &(struct known_plan){.size = 64});
	known_start(&rival, &(struct known_plan){.size = 64});
	arguments[9] = rival.address;
	arguments[10] = server.address;
	flood_start(&flooding, arguments);
	while (*(volatile uint64_t *)&rival.truth->n_accepted < 8)
		sched_yield();
	stop(&rival);
	flood_wait(&flooding, &run);
	stop(&server);
	expect_outcome(3, "INVALID", "invalid");
	cr_expect(flooded_says(&run, "the comparison ends"));
	cr_expect_geq(flooded_number(&run, "comparison", "rounds"), 2);
	cr_expect_lt(flooded_number(&run, "comparison", "rounds"), 40);
	flooded_forget(&run);
}

/* -- logs -- */

/* In an open loop there are three of them. */
Test(flood_whole, logs_have_service_and_lateness_too)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "2", "-r", "1000", "-n", "100", "--late", "1m",
	      "--warmup", "0", "--hlog", "-", server.address, NULL);
	stop(&server);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect(strstr(run.out, "Tag=latency,"));
	cr_expect(strstr(run.out, "Tag=service,"));
	cr_expect(strstr(run.out, "Tag=lateness,"));
	flooded_forget(&run);
}

/* The exit status of a run whose standard output is so. */
static int measure_to(const char *output)
{
	const char *build = getenv("WEIR_BUILD");
	char command[512];
	int status;

	known_start(&server, &(struct known_plan){.size = 64});
	snprintf(command, sizeof command,
		 "%s/weir-flood -c 1 -n 5 --warmup 0 %s 2>/dev/null %s",
		 build ? build : "build", server.address, output);
	status = system(command);
	stop(&server);
	cr_expect(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(flood_whole, a_standard_output_that_takes_nothing_is_an_error)
{
	cr_expect_eq(measure_to(">/dev/null"), 0);
	cr_expect_eq(measure_to(">/dev/full"), 1);
	cr_expect_eq(measure_to(">&-"), 1);
}

Test(flood_whole, percentiles_go_to_a_file)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "2", "-n", "300", "--warmup", "0", "--hgrm", "-",
	      server.address, NULL);
	stop(&server);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect(strstr(run.out, "#[Mean"));
	cr_expect(strstr(run.out, "300"));
	/* and the table where it does not disturb that */
	cr_expect(strstr(run.err, "VALID"));
	flooded_forget(&run);
}

/* As they are over: the last one, which is shorter, too. */
Test(flood_whole, each_second_is_a_line)
{
	const char *second;

	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "2", "-r", "100", "-d", "1800ms", "--warmup", "0",
	      "--late", "1m", "--json-lines", "-", server.address, NULL);
	stop(&server);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(strncmp(run.out, "{\"at_s\": 1.", 11), 0, "%s", run.out);
	second = strchr(run.out, '\n');
	cr_assert_not_null(second);
	cr_assert_eq(strncmp(second + 1, "{\"at_s\": ", 9), 0, "%s", run.out);
	cr_expect_geq(strtod(second + 10, NULL), 1.8, "%s", run.out);
	flooded_forget(&run);
}
