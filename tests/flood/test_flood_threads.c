/* A run of several threads is one run: its figures are of all of them, and what
 * is wrong in one is wrong. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "harness_flood.h"

TestSuite(flood_threads, .init = harness_begin, .fini = harness_end,
	  .timeout = 60);

static struct known server;
static struct flooded run;

static double number(const char *within, const char *key)
{
	return flooded_number(&run, within, key);
}

Test(flood_threads, share_connections_and_messages)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .n_delays = 1,
						  .delays_ns = {5000000}});
	flood(&run, "-t", "3", "-c", "7", "-n", "205", "--warmup", "0",
	      "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 205);
	cr_expect_eq(number("", "messages_sent"), 205);
	cr_expect_eq(number("", "corrupt"), 0);
	cr_expect_eq(number("latency_ns", "count"), 205);
	cr_expect_geq(number("latency_ns", "min"), 5e6);
	cr_expect_eq(number("healthy", "connected"), 7);
	cr_expect_eq(number("healthy", "bytes_received"), 205 * 64);
	cr_expect_leq(number("healthy", "slowest_messages"), 205 / 7);
	cr_expect_geq(number("healthy", "fastest_messages"), 205 / 7);
	cr_expect_leq(number("healthy", "fastest"), 6);
	cr_expect_eq(server.truth->n_samples, 205);
	cr_expect_eq(server.truth->n_accepted, 7);
	flooded_end(&run, &server);
}

/* And none is sent twice in a moment, as those of three loops would be, which
 * makes 20 of 30. A pause of a second makes up to 15. */
Test(flood_threads, share_a_rate)
{
	const struct known_sample *samples;
	size_t n_close = 0;

	known_start(&server, &(struct known_plan){.size = 64});
	samples = server.truth->samples;
	flood(&run, "-t", "3", "-c", "6", "-r", "15", "-d", "2s", "--warmup",
	      "0", "--late", "1m", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages_sent"), 30);
	cr_expect_eq(number("lateness_ns", "count"), 30);
	cr_expect_eq(number("generator", "unsent"), 0);
	for (size_t i = 1; i < server.truth->n_samples; i++)
		n_close += samples[i].arrived_ns - samples[i - 1].arrived_ns <
			   1000000;
	cr_expect_lt(n_close, 18, "%zu", n_close);
	flooded_end(&run, &server);
}

/* The messages of each second are those of all threads. */
Test(flood_threads, have_one_timeline)
{
	double sum = 0;
	unsigned n = 0;

	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-t", "2", "-c", "4", "-r", "200", "-d", "2s", "--warmup",
	      "0", "--late", "1m", "--json-lines", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	for (const char *line = run.out; *line; line = strchr(line, '\n') + 1) {
		sum += strtod(strstr(line, "\"messages\": ") + 12, NULL);
		n++;
	}
	cr_expect_geq(n, 2);
	cr_expect_leq(n, 3);
	/* one of them has 200 */
	cr_expect_geq(sum, 250);
	cr_expect_leq(sum, 400);
	flooded_end(&run, &server);
}

Test(flood_threads, what_is_wrong_in_one_is_wrong)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CHANGES,
						  .fault_at = 100});
	flood(&run, "-t", "2", "-c", "2", "-n", "200", "--warmup", "0",
	      "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 1);
	cr_expect_eq(number("corrupt_by_kind", "changed"), 1);
	cr_expect(flooded_says(&run, "FAILED"));
	flooded_end(&run, &server);
}

Test(flood_threads, a_silent_connection_of_one_is_told)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_STALLS,
						  .fault_at = 500});
	flood(&run, "-t", "4", "-c", "4", "-r", "1000", "-d", "1500ms",
	      "--warmup", "0", "--drain", "700ms", "--late", "1m", "--json",
	      "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_eq(number("healthy", "silent"), 1);
	cr_expect_leq(number("healthy", "most_silent"), 3);
	cr_expect(flooded_says(&run, "was silent for"));
	flooded_end(&run, &server);
}

Test(flood_threads, end_together_when_one_is_owed_too_much)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_STALLS,
						  .fault_at = 1});
	flood(&run, "-t", "2", "-c", "2", "-r", "500", "-d", "50s", "--warmup",
	      "0", "--drain", "10ms", "--max-owed", "100", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "cut short: more than 100 messages"));
	cr_expect_lt(number("", "seconds"), 50);
	flooded_end(&run, &server);
}

Test(flood_threads, end_by_one_signal)
{
	const char *arguments[] = {"-t",       "3",   "-c",	      "6",
				   "-d",       "10m", "-r",	      "300",
				   "--warmup", "0",   "--late",	      "1m",
				   "--json",   "-",   server.address, NULL};
	struct flooding flooding;

	known_start(&server, &(struct known_plan){.size = 64});
	arguments[14] = server.address;
	flood_start(&flooding, arguments);
	/* the last of them are not answered yet */
	while (*(volatile uint64_t *)&server.truth->n_samples < 200)
		usleep(1000);
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &run);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect(flooded_says(&run, "\"interrupted\": true"));
	cr_expect_geq(number("", "messages"), 100);
	cr_expect_eq(number("healthy", "connected"), 6);
	flooded_end(&run, &server);
}

Test(flood_threads, nobody_there_is_one_line)
{
	flood(&run, "-t", "3", "-c", "9", "127.0.0.1:1", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect_str_eq(run.err, "weir-flood: 127.0.0.1:1: connection "
				  "refused\n");
	flooded_forget(&run);
}

/* The others measure on, and it is said. */
Test(flood_threads, bring_their_bad_peers)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-t", "2", "-c", "2", "-r", "200", "-n", "100", "-d", "30s",
	      "--warmup", "0", "--late", "1m", "--reset", "3", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("bad_peers/reset", "peers"), 3);
	cr_expect_eq(number("bad_peers/reset", "made"), 3);
	cr_expect_gt(number("bad_peers/reset", "rounds"), 3);
	flooded_end(&run, &server);
}

/* In the modes without answers too. */
Test(flood_threads, make_any_kind_of_run)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-m", "sink", "-t", "2", "-c", "3", "-n", "1001",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 1001);
	flooded_forget(&run);
	flood(&run, "-m", "connect", "-t", "2", "-c", "3", "-n", "51",
	      "--warmup", "0", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 51);
	flooded_end(&run, &server);
}
