/* Sums over connections. */
#include "service.h"

void tally_add_progress(struct tally *tally,
			const struct weir_progress *progress)
{
	tally->received += progress->received;
	tally->sent += progress->sent;
	tally->dropped += progress->dropped;
	tally->n_short_sends += progress->n_short_sends;
	tally->n_would_blocks += progress->n_would_blocks;
	tally->n_arms += progress->n_arms;
	tally->stalled_ns += progress->stalled_ns;
}

void tally_add(struct tally *tally, const struct tally *other)
{
	tally->n_accepted += other->n_accepted;
	for (int i = 0; i < N_TURNED_AWAY; i++)
		tally->n_turned_away[i] += other->n_turned_away[i];
	for (int i = 0; i < WEIR_N_REASONS; i++)
		tally->n_closed[i] += other->n_closed[i];
	tally->received += other->received;
	tally->sent += other->sent;
	tally->dropped += other->dropped;
	tally->n_short_sends += other->n_short_sends;
	tally->n_would_blocks += other->n_would_blocks;
	tally->n_arms += other->n_arms;
	tally->stalled_ns += other->stalled_ns;
	tally->n_unconnected += other->n_unconnected;
	tally->n_missed += other->n_missed;
}
