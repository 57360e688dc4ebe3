/* Rounds on both targets, right after each other, in an order drawn anew for
 * each pair: whatever drifts, drifts for both alike.
 *
 * What is compared is what the load is about: the rate of a closed loop, the
 * median latency of an open one. */
#include "compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "generator.h"
#include "histogram.h"
#include "result.h"
#include "result_sum.h"
#include "schedule.h"
#include "statistic.h"
#include "verdict.h"

static const uint64_t shortest_round_ns = 20000000;

/* The settings of one round: the whole duration is shared by all of them, and
 * the warm-up too. */
static struct settings settings_of_round(const struct settings *all)
{
	struct settings round = *all;
	uint64_t n = (uint64_t)2 * STATISTIC_ROUNDS;

	round.duration_ns = all->duration_ns / n;
	if (round.duration_ns < shortest_round_ns)
		round.duration_ns = shortest_round_ns;
	round.warmup_ns = all->warmup_ns / n;
	return round;
}

static double figure_of(const struct result *round)
{
	if (round->settings->rate > 0)
		return (double)histogram_percentile(round->latency, 50);
	return round->messages_per_s;
}

/* -- sums -- */

static void add_silence(struct result_silence *all,
			const struct result_silence *round)
{
	size_t n = all->n > round->n ? all->n : round->n;

	if (round->longest_ns > all->longest_ns)
		*all = *round;
	all->n = n;
}

/* NaN until there is a first. */
static void add_wait(struct result *all, const struct result *round)
{
	if (isnan(all->cpu_wait_s))
		all->cpu_wait_s = 0;
	all->cpu_wait_s += round->cpu_wait_s;
}

/* The same connections and peers in every round. */
static void add_peers(struct result *all, const struct result *round)
{
	all->n_connected = round->n_connected;
	all->connecting_s = round->connecting_s;
	all->n_subscribers = round->n_subscribers;
	for (int kind = 0; kind < BAD_N_KINDS; kind++) {
		all->bad[kind].n_peers = round->bad[kind].n_peers;
		if (round->bad[kind].n_made > all->bad[kind].n_made)
			all->bad[kind].n_made = round->bad[kind].n_made;
	}
}

static void add_round(struct result *all, const struct result *round)
{
	result_add(all, round);
	add_silence(&all->silence, &round->silence);
	add_wait(all, round);
	add_peers(all, round);
	all->seconds += round->seconds;
	if (round->peak_owed > all->peak_owed)
		all->peak_owed = round->peak_owed;
}

static void add_fairness(struct result_fairness *all,
			 struct result_fairness *round)
{
	if (all->n != round->n) {
		*all = *round;
		round->counts = NULL;
		return;
	}
	if (all->n == 0)
		return;
	for (size_t i = 0; i < all->n; i++)
		all->counts[i] += round->counts[i];
	result_judge_fairness(all);
}

static void finish_sums(struct result *all)
{
	double n = all->seconds > 0 ? all->seconds : (double)NAN;

	all->messages_per_s = (double)(all->n_messages + all->n_warmup) / n;
	all->bytes_out_per_s = (double)all->bytes.sent / n;
	all->bytes_in_per_s = (double)all->bytes.received / n;
	all->cpu_share = (all->cpu_user_s + all->cpu_system_s) / n;
}

/* -- rounds -- */

/* Both targets: [0] settings->target, [1] settings->rival. */
struct contest {
	struct settings round; /* what one round is to be */
	struct result *sums[2];
	double figures[2]; /* of the round */
	const char *lost;  /* the target that was not there */
};

static enum status run_round(struct contest *contest, bool is_rival)
{
	const struct settings *settings = &contest->round;
	struct result *all = contest->sums[is_rival];
	struct result round;
	const struct target *target =
		is_rival ? &settings->rival : &settings->target;
	enum status status = generator_run(settings, target, NULL, &round);

	if (status == STATUS_GO_ON) {
		contest->figures[is_rival] = figure_of(&round);
		add_round(all, &round);
		add_fairness(&all->fairness, &round.fairness);
		result_take_environment(all, &round);
	} else {
		contest->lost = target->text;
	}
	result_free(&round);
	return status;
}

/* One round on each, in random order. */
static enum status run_pair(struct contest *contest, uint64_t *random)
{
	bool is_rival_first = schedule_random(random) >> 63;
	enum status status;

	contest->round.seed = schedule_random(random) >> 1;
	status = run_round(contest, is_rival_first);
	if (status == STATUS_GO_ON)
		status = run_round(contest, !is_rival_first);
	return status;
}

static enum status run_rounds(struct contest *contest,
			      struct result_comparison *comparison)
{
	uint64_t random = contest->round.seed;
	enum status status = STATUS_GO_ON;

	for (size_t i = 0; i < STATISTIC_ROUNDS; i++) {
		status = run_pair(contest, &random);
		if (status != STATUS_GO_ON ||
		    contest->sums[0]->is_interrupted ||
		    contest->sums[1]->is_interrupted)
			break;
		comparison->a[i] = contest->figures[0];
		comparison->b[i] = contest->figures[1];
		comparison->n_rounds = i + 1;
	}
	/* what has been measured until then is a result */
	if (status != STATUS_REFUSED || comparison->n_rounds == 0)
		return status;
	comparison->lost = contest->lost;
	return STATUS_GO_ON;
}

static void judge(struct result_comparison *comparison)
{
	struct statistic_ratio ratio = statistic_ratio(
		comparison->a, comparison->b, comparison->n_rounds);

	comparison->ratio = ratio.ratio;
	comparison->low = ratio.low;
	comparison->high = ratio.high;
	comparison->p_value = ratio.p_value;
	comparison->is_significant = ratio.is_significant;
	comparison->confidence = STATISTIC_CONFIDENCE;
	comparison->method = STATISTIC_RATIO_METHOD;
}

/* What is wrong with the rival is wrong with the comparison. */
static void judge_rival(struct result_comparison *comparison,
			struct result *rival)
{
	finish_sums(rival);
	verdict_judge(rival, 0);
	comparison->rival = rival->verdict;
	comparison->n_rival_errors = rival->n_errors;
	comparison->n_rival_corrupt = rival->n_corrupt;
}

static enum status compare(struct contest *contest)
{
	struct result *result = contest->sums[0];
	struct result_comparison *comparison = &result->comparison;
	enum status status;

	comparison->a = calloc(STATISTIC_ROUNDS, sizeof(double));
	comparison->b = calloc(STATISTIC_ROUNDS, sizeof(double));
	if (!comparison->a || !comparison->b) {
		complain("%s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	comparison->figure =
		result->settings->rate > 0 ? "latency p50" : "messages_per_s";
	comparison->is_more_better = result->settings->rate == 0;
	generator_hold_interrupts();
	status = run_rounds(contest, comparison);
	result->is_interrupted |= contest->sums[1]->is_interrupted;
	finish_sums(result);
	judge(comparison);
	judge_rival(comparison, contest->sums[1]);
	return status;
}

enum status compare_run(const struct settings *settings, struct result *result)
{
	struct result rival;
	struct contest contest = {.round = settings_of_round(settings),
				  .sums = {result, &rival}};
	enum status status = STATUS_FAILED;
	int error = result_init(result, settings);

	if (result_init(&rival, settings) == 0 && error == 0)
		status = compare(&contest);
	else
		complain("%s", strerror(ENOMEM));
	result_free(&rival);
	return status;
}
