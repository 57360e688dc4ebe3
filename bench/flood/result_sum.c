#include "result_sum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "result.h"

static void add_counts(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

static void add_faults(struct result *all, const struct result *part)
{
	if (all->n_errors == 0)
		memcpy(all->first_error, part->first_error,
		       sizeof all->first_error);
	if (all->n_corrupt == 0)
		memcpy(all->first_corruption, part->first_corruption,
		       sizeof all->first_corruption);
	add_counts(all->errors, part->errors, FAILURE_N);
	add_counts(all->corrupt, part->corrupt, CHECKER_N_CORRUPTIONS);
	all->n_errors += part->n_errors;
	all->n_corrupt += part->n_corrupt;
	all->n_late += part->n_late;
	all->n_reconnects += part->n_reconnects;
	all->n_renewals += part->n_renewals;
	all->n_timed_out += part->n_timed_out;
	all->n_unsent += part->n_unsent;
	all->n_unanswered += part->n_unanswered;
	all->n_failed += part->n_failed;
	all->n_failed_visits += part->n_failed_visits;
	all->is_interrupted |= part->is_interrupted;
	all->is_owed_too_much |= part->is_owed_too_much;
	all->is_drain_cut |= part->is_drain_cut;
	if (part->drain_ns > all->drain_ns)
		all->drain_ns = part->drain_ns;
	if (part->warmup_wait_ns > all->warmup_wait_ns)
		all->warmup_wait_ns = part->warmup_wait_ns;
}

static void add_bad(struct result_bad *all, const struct result_bad *part)
{
	all->n_connects += part->n_connects;
	all->n_connect_errors += part->n_connect_errors;
	all->n_rounds += part->n_rounds;
	all->n_short += part->n_short;
	all->n_bytes_out += part->n_bytes_out;
	all->n_bytes_in += part->n_bytes_in;
	all->n_cut += part->n_cut;
}

static void add_datagrams(struct result_datagrams *all,
			  const struct result_datagrams *part)
{
	all->n_repeated += part->n_repeated;
	all->n_reordered += part->n_reordered;
	all->n_overdue += part->n_overdue;
	all->n_unsent += part->n_unsent;
	all->n_dropped += part->n_dropped;
}

static void add_bytes(struct result_bytes *all, const struct result_bytes *part)
{
	all->accepted += part->accepted;
	all->sent += part->sent;
	all->received += part->received;
	if (part->acknowledged >= 0)
		all->acknowledged =
			(all->acknowledged < 0 ? 0 : all->acknowledged) +
			part->acknowledged;
}

void result_add(struct result *all, const struct result *part)
{
	add_faults(all, part);
	all->n_asked += part->n_asked;
	all->n_messages += part->n_messages;
	all->n_warmup += part->n_warmup;
	all->n_warmup_unanswered += part->n_warmup_unanswered;
	all->n_drained += part->n_drained;
	all->n_sent += part->n_sent;
	all->n_missed += part->n_missed;
	histogram_add(all->latency, part->latency);
	histogram_add(all->service, part->service);
	histogram_add(all->lateness, part->lateness);
	add_bytes(&all->bytes, &part->bytes);
	add_datagrams(&all->datagrams, &part->datagrams);
	all->cpu_user_s += part->cpu_user_s;
	all->cpu_system_s += part->cpu_system_s;
	for (int kind = 0; kind < BAD_N_KINDS; kind++)
		add_bad(&all->bad[kind], &part->bad[kind]);
}

void result_take_environment(struct result *all, struct result *part)
{
	if (all->environment.command)
		return;
	all->environment = part->environment;
	part->environment.command = NULL;
}

/* -- threads -- */

/* Its connections come behind those of the threads before it. */
static void append_fairness(struct result_fairness *all,
			    const struct result_fairness *share)
{
	size_t n = all->n + share->n;
	uint64_t *counts;

	if (share->n == 0)
		return;
	counts = realloc(all->counts, n * sizeof *counts);
	if (!counts)
		return;
	memcpy(counts + all->n, share->counts, share->n * sizeof *counts);
	all->counts = counts;
	all->n = n;
}

static void add_silences(struct result_silence *all,
			 const struct result_silence *share)
{
	size_t n = all->n + share->n;

	if (share->longest_ns > all->longest_ns)
		*all = *share;
	all->n = n;
}

/* The thread that was busiest, or waited longest, is where it pinches; not a
 * number is less than any. */
static void add_load(struct result *all, const struct result *share)
{
	all->seconds = fmax(all->seconds, share->seconds);
	all->cpu_share = fmax(all->cpu_share, share->cpu_share);
	all->cpu_wait_s = fmax(all->cpu_wait_s, share->cpu_wait_s);
	all->peak_owed += share->peak_owed;
}

void result_add_share(struct result *all, struct result *share)
{
	result_add(all, share);
	append_fairness(&all->fairness, &share->fairness);
	add_silences(&all->silence, &share->silence);
	add_load(all, share);
	all->n_connected += share->n_connected;
	all->connecting_s = fmax(all->connecting_s, share->connecting_s);
	for (int kind = 0; kind < BAD_N_KINDS; kind++) {
		all->bad[kind].n_peers += share->bad[kind].n_peers;
		all->bad[kind].n_made += share->bad[kind].n_made;
	}
	/* bytes of the measured time alone */
	if (share->seconds > 0) {
		all->bytes_out_per_s =
			(isnan(all->bytes_out_per_s) ? 0
						     : all->bytes_out_per_s) +
			share->bytes_out_per_s * share->seconds;
		all->bytes_in_per_s =
			(isnan(all->bytes_in_per_s) ? 0 : all->bytes_in_per_s) +
			share->bytes_in_per_s * share->seconds;
	}
	result_take_environment(all, share);
}

void result_finish_shares(struct result *all)
{
	double n = all->seconds > 0 ? all->seconds : (double)NAN;

	all->messages_per_s = (double)(all->n_messages + all->n_warmup) / n;
	all->bytes_out_per_s /= n;
	all->bytes_in_per_s /= n;
	if (all->fairness.n > 0)
		result_judge_fairness(&all->fairness);
}
