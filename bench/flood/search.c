#include "search.h"

enum {
	GROWTH = 2,
	RETREAT = 4,
	PRECISION = 50, /* a 50th of a rate more or less is the same */
	FAILURES = 2
};

const char *search_end_name(enum search_end end)
{
	static const char *const names[] = {
		[SEARCH_GOES_ON] = "unfinished",
		[SEARCH_FOUND] = "found",
		[SEARCH_AT_MOST] = "at_most",
		[SEARCH_NONE] = "none",
		[SEARCH_TRIALS] = "too_many_trials",
		[SEARCH_LOST] = "lost",
		[SEARCH_INTERRUPTED] = "interrupted",
		[SEARCH_SPOILT] = "spoilt"};

	return names[end];
}

void search_begin(struct search *search, uint64_t rate, uint64_t most)
{
	*search = (struct search){.rate = rate, .most = most};
}

uint64_t search_held(const struct search *search)
{
	return search->n_held ? search->held[search->n_held - 1] : 0;
}

/* Nothing has failed: higher, as long as there is something higher. */
static void climb(struct search *search)
{
	uint64_t held = search_held(search);

	search->rate =
		held < search->most / GROWTH ? GROWTH * held : search->most;
	if (held == search->most && search->is_confirmed)
		search->end = SEARCH_AT_MOST;
}

/* Nothing has held: lower. */
static void retreat(struct search *search)
{
	search->rate = search->failed / RETREAT;
	if (search->rate == 0)
		search->rate = 1;
	if (search->failed == 1)
		search->end = SEARCH_NONE;
}

static void halve(struct search *search)
{
	uint64_t held = search_held(search);
	uint64_t gap = search->failed - held;

	if (gap > 1 && gap > held / PRECISION)
		search->rate = held + gap / 2;
	else if (search->is_confirmed)
		search->end = SEARCH_FOUND;
	else
		search->rate = held;
}

static void choose(struct search *search)
{
	if (search->failed == 0)
		climb(search);
	else if (search->n_held == 0)
		retreat(search);
	else
		halve(search);
}

static void take_held(struct search *search)
{
	search->is_confirmed = search->rate == search_held(search);
	if (!search->is_confirmed)
		search->held[search->n_held++] = search->rate;
}

/* What held once, and has now failed, does not hold. */
static void take_failed(struct search *search)
{
	search->failed = search->rate;
	while (search_held(search) >= search->failed)
		search->n_held--;
	search->is_confirmed = false;
}

void search_take(struct search *search, bool has_held)
{
	search->n_trials++;
	if (has_held)
		take_held(search);
	else if (++search->n_at_rate == FAILURES)
		take_failed(search);
	if (has_held || search->n_at_rate == FAILURES) {
		search->n_at_rate = 0;
		choose(search);
	}
	if (search->end == SEARCH_GOES_ON &&
	    search->n_trials == SEARCH_MAX_TRIALS)
		search->end = SEARCH_TRIALS;
}
