/* Sums over connections, and over endpoints. */
#include "counters.h"

void counters_add_progress(struct counters *counters,
			   const struct weir_progress *progress)
{
	counters->received += progress->received;
	counters->sent += progress->sent;
	counters->dropped += progress->dropped;
	counters->n_short_sends += progress->n_short_sends;
	counters->n_would_blocks += progress->n_would_blocks;
	counters->n_arms += progress->n_arms;
	counters->stalled_ns += progress->stalled_ns;
}

void counters_add(struct counters *counters, const struct counters *other)
{
	counters->n_accepted += other->n_accepted;
	for (int i = 0; i < N_REFUSALS; i++)
		counters->n_refused[i] += other->n_refused[i];
	for (int i = 0; i < WEIR_N_REASONS; i++)
		counters->n_closed[i] += other->n_closed[i];
	counters->received += other->received;
	counters->sent += other->sent;
	counters->dropped += other->dropped;
	counters->n_short_sends += other->n_short_sends;
	counters->n_would_blocks += other->n_would_blocks;
	counters->n_arms += other->n_arms;
	counters->stalled_ns += other->stalled_ns;
	counters->n_unconnected += other->n_unconnected;
	counters->n_unanswered += other->n_unanswered;
	counters->n_missed += other->n_missed;
}
