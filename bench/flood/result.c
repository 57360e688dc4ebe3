/* The result of a run: made empty, and freed. */
#include "result.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "histogram.h"
#include "statistic.h"

static const char *label_of(const struct settings *settings)
{
	if (settings->mode == MODE_SOURCE)
		return "the target talks: throughput alone";
	if (settings->mode == MODE_SINK && settings->rate == 0)
		return "we talk: throughput alone, as our kernel took it";
	if (settings->mode == MODE_SINK)
		return "open loop without answers: lateness is our own";
	if (settings->rate == 0)
		return "closed loop: capacity, not what users feel";
	return settings->is_poisson
		       ? "open loop, Poisson arrivals: what users feel"
		       : "open loop, fixed arrivals: what users feel";
}

static void free_histograms(struct result *result)
{
	free(result->latency);
	free(result->service);
	free(result->lateness);
}

int result_init(struct result *result, const struct settings *settings)
{
	*result = (struct result){
		.settings = settings,
		.label = label_of(settings),
		.latency = malloc(sizeof *result->latency),
		.service = malloc(sizeof *result->service),
		.lateness = malloc(sizeof *result->lateness),
		.messages_per_s = (double)NAN,
		.bytes_out_per_s = (double)NAN,
		.bytes_in_per_s = (double)NAN,
		.cpu_share = (double)NAN,
		.cpu_wait_s = (double)NAN,
		.environment.steal = (double)NAN,
		.fairness.jain = (double)NAN,
		.bytes.acknowledged = -1,
	};
	if (!result->latency || !result->service || !result->lateness) {
		free_histograms(result);
		*result = (struct result){0};
		return -ENOMEM;
	}
	histogram_init(result->latency);
	histogram_init(result->service);
	histogram_init(result->lateness);
	return 0;
}

uint64_t result_count_spoilt(const struct result *result)
{
	uint64_t n = result->n_messages + result->n_drained +
		     result->n_unanswered - result->n_warmup_unanswered +
		     result->n_failed;

	return result->n_asked > n ? result->n_asked - n : 0;
}

uint64_t result_count_lost(const struct result *result)
{
	return result->n_unanswered - result->n_warmup_unanswered;
}

double result_loss(const struct result *result)
{
	return (double)result_count_lost(result) / (double)result->n_asked;
}

void result_judge_fairness(struct result_fairness *fairness)
{
	const uint64_t *counts = fairness->counts;

	fairness->slowest = 0;
	fairness->fastest = 0;
	for (size_t i = 0; i < fairness->n; i++) {
		if (counts[i] < counts[fairness->slowest])
			fairness->slowest = i;
		if (counts[i] > counts[fairness->fastest])
			fairness->fastest = i;
	}
	fairness->least = counts[fairness->slowest];
	fairness->most = counts[fairness->fastest];
	fairness->jain = statistic_jain(counts, fairness->n);
}

void result_free(struct result *result)
{
	free_histograms(result);
	free(result->timeline);
	free(result->fairness.counts);
	free(result->environment.command);
	free(result->comparison.a);
	free(result->comparison.b);
}
