/* The highest rate at which an expectation holds. */
#include <criterion/criterion.h>

#include <math.h>
#include <sched.h>
#include <signal.h>

#include <string.h>

#include "harness.h"
#include "harness_flood.h"
#include "search.h"
#include "test_flood_served.h"

TestSuite(flood_search, .init = harness_begin, .fini = harness_end,
	  .timeout = 110);

static struct search search;

/* Trials of a target that bears so much. */
static void run_search(uint64_t first, uint64_t most, uint64_t capacity)
{
	search_begin(&search, first, most);
	while (search.end == SEARCH_GOES_ON)
		search_take(&search, search.rate <= capacity);
}

Test(flood_search, it_finds_what_a_target_bears_within_two_percent)
{
	for (int i = 0; i < 1000; i++) {
		uint64_t capacity = 1 + harness_random_below(1000000);

		run_search(1 + harness_random_below(100000), 10000000,
			   capacity);
		cr_assert_eq(search.end, SEARCH_FOUND);
		cr_assert_leq(search_held(&search), capacity);
		cr_assert_geq(search_held(&search) + 1 +
				      search_held(&search) / 50,
			      capacity);
		cr_assert_lt(search.n_trials, 50);
	}
}

Test(flood_search, one_failure_is_a_hiccup)
{
	bool has_hiccup = true;

	search_begin(&search, 1000, 10000000);
	while (search.end == SEARCH_GOES_ON) {
		search_take(&search, search.rate <= 5000 && !has_hiccup);
		has_hiccup = !has_hiccup;
	}
	cr_expect_eq(search.end, SEARCH_FOUND);
	cr_expect_geq(search_held(&search), 4900);
}

/* It held by luck, and does not again. */
Test(flood_search, what_is_not_confirmed_is_not_found)
{
	search_begin(&search, 1000, 10000000);
	for (uint64_t highest = 0; search.end == SEARCH_GOES_ON;) {
		bool is_lucky = search.rate > highest && search.rate <= 8000;

		if (search.rate > highest)
			highest = search.rate;
		search_take(&search, search.rate <= 3000 || is_lucky);
	}
	cr_expect_eq(search.end, SEARCH_FOUND);
	cr_expect_leq(search_held(&search), 3000);
	cr_expect_geq(search_held(&search), 2940);
}

Test(flood_search, it_ends_at_the_highest_rate_and_at_the_lowest)
{
	run_search(1000, 5000, 1000000);
	cr_expect_eq(search.end, SEARCH_AT_MOST);
	cr_expect_eq(search_held(&search), 5000);
	run_search(1000, 5000, 0);
	cr_expect_eq(search.end, SEARCH_NONE);
	cr_expect_eq(search_held(&search), 0);
}

Test(flood_search, it_ends_whatever_the_trials_say)
{
	for (int i = 0; i < 100; i++) {
		search_begin(&search, 1000, 10000000);
		while (search.end == SEARCH_GOES_ON)
			search_take(&search, harness_random_below(2));
		cr_assert_leq(search.n_trials, SEARCH_MAX_TRIALS);
	}
}

/* Each answer takes two milliseconds of one server that does nothing else: some
 * 500 a second, however fast this machine is. */
Test(flood_search, the_rate_of_a_target_that_is_known_is_found)
{
	struct known server;
	struct flooded run;
	double rate;

	known_start(&server,
		    &(struct known_plan){.size = 64, .work_ns = 2000000});
	flood(&run, "-c", "4", "-r", "100", "-d", "300ms", "--warmup", "50ms",
	      "--drain", "100ms", "--late", "1s", "--find-rate", "p50<100ms",
	      "--json", "-", server.address, NULL);
	known_stop(&server);
	known_forget(&server);
	rate = flooded_number(&run, "search", "rate_per_s");
	/* a machine that is busy makes it slower, none makes it faster */
	cr_expect_lt(rate, 1200, "%f: %s", rate, run.err);
	/* the figures are those of the trial that held */
	if (!isnan(rate))
		cr_expect_eq(flooded_number(&run, "settings", "rate_per_s"),
			     rate);
	cr_expect(flooded_says(&run, "\"trials\""));
	flooded_forget(&run);
}

Test(flood_search, a_search_that_meets_corruption_has_failed)
{
	struct known server;
	struct flooded run;

	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CHANGES,
						  .fault_at = 20});
	flood(&run, "-c", "2", "-r", "200", "-d", "300ms", "--warmup", "0",
	      "--late", "1m", "--find-rate", "p50<10s", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, 1);
	cr_expect(flooded_says(&run, "\"end\": \"spoilt\""));
	cr_expect_eq(flooded_number(&run, "corrupt_by_kind", "changed"), 1);
	flooded_end(&run, &server);
}

/* The search, until the target has got so many messages. */
static void begin_search(struct flooding *flooding, struct known *server,
			 const char *duration, const char *expected,
			 uint64_t n_messages)
{
	const char *arguments[] = {
		"-c",	       "2",	   "-r",     "200",    "-d",
		duration,      "--warmup", "0",	     "--late", "1m",
		"--find-rate", expected,   "--json", "-",      server->address,
		NULL};

	known_start(server, &(struct known_plan){.size = 64});
	flood_start(flooding, arguments);
	while (*(volatile uint64_t *)&server->truth->n_samples < n_messages)
		sched_yield();
}

/* What was measured until then holds nothing. */
static void interrupt_search(const char *expected, const char *reason)
{
	struct flooding flooding;
	struct known server;
	struct flooded run;

	begin_search(&flooding, &server, "30s", expected, 50);
	kill(flooding.pid, SIGINT);
	flood_wait(&flooding, &run);
	cr_expect_eq(run.status, 3, "%s", run.err);
	cr_expect(flooded_says(&run, "\"end\": \"interrupted\""));
	cr_expect(isnan(flooded_number(&run, "search", "rate_per_s")));
	cr_expect(flooded_says(&run, reason));
	flooded_end(&run, &server);
}

Test(flood_search, a_search_that_is_interrupted_has_found_nothing)
{
	interrupt_search("errors=0", "interrupted before the rate was found");
	interrupt_search("p99<50s", "p99 needs 1,000 samples, and has ");
}

/* It goes in the third; the figures are those of the last that held. */
Test(flood_search, a_search_whose_target_goes_shows_its_trials)
{
	struct flooding flooding;
	struct known server;
	struct flooded run;

	begin_search(&flooding, &server, "300ms", "errors=0", 300);
	known_stop(&server);
	flood_wait(&flooding, &run);
	known_forget(&server);
	cr_expect_eq(run.status, 3, "%s", run.err);
	cr_expect(flooded_says(&run, "\"end\": \"lost\""));
	cr_expect(flooded_says(&run, "the target could not be connected to any "
				     "more"));
	cr_expect_eq(flooded_number(&run, "", "errors"), 0);
	flooded_forget(&run);
}
