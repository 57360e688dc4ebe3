#include "team_share.h"

#include "clock.h"
#include "settings.h"

/* The i-th of n shares of all. */
static uint64_t share_of(uint64_t all, size_t i, size_t n)
{
	return all / n + (i < all % n);
}

void team_share_out(struct settings *share, const struct settings *all,
		    size_t i, size_t n)
{
	*share = *all;
	share->n_threads = 1;
	share->n_connections = (size_t)share_of(all->n_connections, i, n);
	share->first_connection =
		(uint32_t)(i * (all->n_connections / n) +
			   (i < all->n_connections % n
				    ? i
				    : all->n_connections % n));
	share->rate = share_of(all->rate, i, n);
	share->ramp_rate = share_of(all->ramp_rate, i, n);
	share->n_messages = share_of(all->n_messages, i, n);
	share->max_owed = share_of(all->max_owed, i, n);
	share->connect_rate = share_of(all->connect_rate, i, n);
	for (int kind = 0; kind < BAD_N_KINDS; kind++)
		share->n_bad[kind] = (size_t)share_of(all->n_bad[kind], i, n);
	/* even distances stay even, and random ones differ */
	if (all->rate > 0)
		share->first_ns = i * CLOCK_NS_PER_S / all->rate;
	share->share = i;
}

size_t team_count_members(const struct settings *settings)
{
	uint64_t n = settings->n_threads;

	if (settings->n_connections < n)
		n = settings->n_connections;
	if (settings->rate > 0 && settings->rate < n)
		n = settings->rate;
	if (settings->ramp_rate > 0 && settings->ramp_rate < n)
		n = settings->ramp_rate;
	if (settings->n_messages > 0 && settings->n_messages < n)
		n = settings->n_messages;
	if (settings->connect_rate > 0 && settings->connect_rate < n)
		n = settings->connect_rate;
	if (settings->max_owed < n)
		n = settings->max_owed;
	return (size_t)n;
}
