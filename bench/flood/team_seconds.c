#include "team_seconds.h"

#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "result.h"

struct team_second {
	struct result_second sum;
	struct generator_interval interval; /* NULLs: none, or no memory */
	size_t n_members;		    /* that have told it */
};

static bool make_room(struct team_seconds *seconds, size_t i)
{
	struct team_second *all;

	if (i < seconds->n)
		return true;
	all = realloc(seconds->all, (i + 1) * sizeof *all);
	if (!all)
		return false;
	memset(all + seconds->n, 0, (i + 1 - seconds->n) * sizeof *all);
	seconds->all = all;
	seconds->n = i + 1;
	return true;
}

static void add_histogram(struct histogram **sum, const struct histogram *h)
{
	if (!*sum)
		*sum = histogram_new();
	if (*sum)
		histogram_add(*sum, h);
}

void team_seconds_add(struct team_seconds *seconds, size_t i,
		      const struct result_second *second,
		      const struct generator_interval *interval)
{
	struct result_second *sum;

	if (!make_room(seconds, i))
		return;
	sum = &seconds->all[i].sum;
	if (second->at_s > sum->at_s)
		sum->at_s = second->at_s;
	if (second->length_s > sum->length_s)
		sum->length_s = second->length_s;
	sum->n_messages += second->n_messages;
	sum->n_bytes_out += second->n_bytes_out;
	sum->n_bytes_in += second->n_bytes_in;
	sum->n_owed += second->n_owed;
	sum->n_queued += second->n_queued;
	sum->n_lost += second->n_lost;
	sum->n_repeated += second->n_repeated;
	sum->n_reordered += second->n_reordered;
	add_histogram(&seconds->all[i].interval.latency, interval->latency);
	add_histogram(&seconds->all[i].interval.service, interval->service);
	add_histogram(&seconds->all[i].interval.lateness, interval->lateness);
	seconds->all[i].n_members++;
}

static void forget(struct generator_interval *interval)
{
	histogram_free(interval->latency);
	histogram_free(interval->service);
	histogram_free(interval->lateness);
	*interval = (struct generator_interval){0};
}

static void tell(struct team_second *second,
		 const struct generator_events *events)
{
	struct generator_interval *interval = &second->interval;

	/* without memory for them the second has no times */
	if (interval->latency && interval->service && interval->lateness) {
		const struct histogram *h = interval->latency;

		second->sum.n_samples = histogram_count(h);
		second->sum.p50_ns = histogram_percentile(h, 50);
		second->sum.p99_ns = histogram_percentile(h, 99);
		second->sum.max_ns = histogram_max(h);
		if (events && events->on_second)
			events->on_second(events->user, &second->sum, interval);
	}
	forget(interval);
}

void team_seconds_tell(struct team_seconds *seconds, size_t n_members,
		       const struct generator_events *events)
{
	while (seconds->n_told < seconds->n &&
	       seconds->all[seconds->n_told].n_members >= n_members)
		tell(&seconds->all[seconds->n_told++], events);
}

void team_seconds_take(struct team_seconds *seconds, struct result *result)
{
	result->timeline = calloc(seconds->n, sizeof *result->timeline);
	for (size_t i = 0; result->timeline && i < seconds->n; i++)
		result->timeline[result->n_timeline++] = seconds->all[i].sum;
}

void team_seconds_free(struct team_seconds *seconds)
{
	for (size_t i = 0; i < seconds->n; i++)
		forget(&seconds->all[i].interval);
	free(seconds->all);
}
