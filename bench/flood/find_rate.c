/* A trial holds if it is valid and what is expected is met. One that is not
 * valid bounds the rate like one that breaches: whether the target or the
 * generator was too slow, nothing is known of that rate. */
#include "find_rate.h"

#include <stdio.h>

#include "clock.h"
#include "expect.h"
#include "histogram.h"
#include "quantity.h"
#include "report_words.h"
#include "result.h"
#include "search.h"
#include "verdict.h"

/* A percentile needs some samples beyond it, and a few to spare. */
static const double samples_beyond = 15;
static const uint64_t longest_trial_ns = 60 * CLOCK_NS_PER_S;

struct finder {
	struct settings *settings;
	struct expect *expect;
	uint64_t duration_ns; /* of a trial, at least */
	struct search search;
	struct result best; /* of the last that held, or else of the last */
	uint64_t best_rate; /* 0: there is none yet */
	uint64_t best_ns;
	bool has_held;
	struct result_search trials; /* so far */
};

static uint64_t trial_time(const struct finder *finder)
{
	double percentile = expect_percentile(finder->expect);
	double n_samples = samples_beyond / (1 - percentile / 100);
	double needed_ns = n_samples / (double)finder->search.rate * 1e9;

	if (percentile >= 100 || needed_ns <= (double)finder->duration_ns)
		return finder->duration_ns;
	if (needed_ns > (double)longest_trial_ns)
		return finder->duration_ns > longest_trial_ns
			       ? finder->duration_ns
			       : longest_trial_ns;
	return (uint64_t)needed_ns;
}

static void describe(struct result_trial *trial, const struct result *result,
		     const struct expect *expect)
{
	const struct histogram *h = result->latency;
	char text[REPORT_TEXT_SIZE] = "";

	*trial = (struct result_trial){
		.rate = result->settings->rate,
		.status = verdict_status(result, expect),
		.seconds = result->seconds,
		.messages_per_s = result->messages_per_s,
		.n_samples = histogram_count(h),
		.p50_ns = histogram_percentile(h, 50),
		.p99_ns = histogram_percentile(h, 99),
		.p999_ns = histogram_percentile(h, 99.9),
		.max_ns = histogram_max(h),
	};
	(void)report_reason(result, expect, 0, text);
	(void)snprintf(trial->reason, sizeof trial->reason, "%.*s",
		       VERDICT_REASON_SIZE - 1, text);
}

static void keep(struct finder *finder, struct result *result, bool holds)
{
	if (finder->has_held && !holds) {
		result_free(result);
		return;
	}
	if (finder->best_rate > 0)
		result_free(&finder->best);
	finder->best = *result;
	finder->best_rate = finder->settings->rate;
	finder->best_ns = finder->settings->duration_ns;
	finder->has_held |= holds;
}

static void take(struct finder *finder, struct result *result)
{
	struct result_search *trials = &finder->trials;
	struct result_trial *trial = &trials->trials[trials->n_trials++];
	bool holds;

	verdict_judge(result, expect_percentile(finder->expect));
	(void)expect_judge(finder->expect, result);
	describe(trial, result, finder->expect);
	holds = trial->status == STATUS_DONE && !result->is_interrupted;
	search_take(&finder->search, holds);
	if (result->is_interrupted)
		finder->search.end = SEARCH_INTERRUPTED;
	if (trial->status == STATUS_FAILED) {
		finder->search.end = SEARCH_SPOILT;
		finder->has_held = false;
	}
	keep(finder, result, holds);
}

static enum status try_rate(struct finder *finder,
			    const struct generator_events *events)
{
	struct settings *settings = finder->settings;
	struct result result;
	enum status status;

	settings->rate = finder->search.rate;
	settings->duration_ns = trial_time(finder);
	status = generator_run(settings, &settings->target, events, &result);
	if (status == STATUS_GO_ON) {
		take(finder, &result);
		return status;
	}
	result_free(&result);
	finder->search.end = SEARCH_LOST;
	return finder->trials.n_trials > 0 ? STATUS_GO_ON : status;
}

/* The last that failed where the search came to its end. */
static const struct result_trial *find_bound(const struct finder *finder)
{
	const struct result_search *trials = &finder->trials;

	for (size_t i = trials->n_trials; i-- > 0;)
		if (trials->trials[i].rate == finder->search.failed &&
		    trials->trials[i].status != STATUS_DONE)
			return &trials->trials[i];
	return NULL;
}

static void explain(struct finder *finder)
{
	const struct result_trial *bound = find_bound(finder);
	struct result_search *trials = &finder->trials;
	char rate[QUANTITY_TEXT_SIZE];

	trials->end = finder->search.end;
	trials->rate = search_held(&finder->search);
	if (bound)
		(void)snprintf(trials->why, sizeof trials->why, "at %s %.150s",
			       quantity_format_rate(rate, (double)bound->rate),
			       bound->reason);
}

/* A search that came to no end has not found anything. */
static void conclude(struct finder *finder, struct result *result)
{
	enum search_end end = finder->search.end;

	explain(finder);
	*result = finder->best;
	result->search = finder->trials;
	finder->settings->rate = finder->best_rate;
	finder->settings->duration_ns = finder->best_ns;
	(void)expect_judge(finder->expect, result);
	if (end == SEARCH_TRIALS)
		verdict_add(&result->verdict,
			    "no rate was confirmed in %d trials",
			    SEARCH_MAX_TRIALS);
	else if (end == SEARCH_LOST)
		verdict_add(&result->verdict,
			    "the target could not be connected to any more");
	else if (end == SEARCH_INTERRUPTED)
		verdict_add(&result->verdict,
			    "interrupted before the rate was found");
}

enum status find_rate_run(struct settings *settings, struct expect *expect,
			  const struct generator_events *events,
			  struct result *result)
{
	struct finder finder = {.settings = settings,
				.expect = expect,
				.duration_ns = settings->duration_ns};
	enum status status = STATUS_GO_ON;

	generator_hold_interrupts();
	search_begin(&finder.search, settings->rate, SETTINGS_MAX_RATE);
	while (status == STATUS_GO_ON && finder.search.end == SEARCH_GOES_ON)
		status = try_rate(&finder, events);
	if (finder.trials.n_trials == 0)
		return status;
	conclude(&finder, result);
	return status;
}
