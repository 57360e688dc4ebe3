/* Times of an open loop; see schedule.h. */
#include "schedule.h"

#include <math.h>

static const uint64_t second_ns = 1000000000;

uint64_t schedule_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void schedule_init(struct schedule *schedule, uint64_t start_ns, uint64_t rate,
		   bool is_poisson, uint64_t seed)
{
	*schedule = (struct schedule){.next_ns = start_ns,
				      .rate = rate,
				      .is_poisson = is_poisson,
				      .random = seed};
}

/* Whole ns, and what is left over carried on: exact for any rate. */
static void advance_fixed(struct schedule *s)
{
	s->next_ns += second_ns / s->rate;
	s->rest += second_ns % s->rate;
	if (s->rest >= s->rate) {
		s->rest -= s->rate;
		s->next_ns++;
	}
}

static void advance_poisson(struct schedule *s)
{
	/* above 0 and at most 1, in steps of 2^-53 */
	double even =
		((double)(schedule_random(&s->random) >> 11) + 1) * 0x1p-53;
	double gap_ns = s->fraction - log(even) * 1e9 / (double)s->rate;
	double whole_ns = floor(gap_ns);

	s->next_ns += (uint64_t)whole_ns;
	s->fraction = gap_ns - whole_ns;
}

void schedule_advance(struct schedule *schedule)
{
	if (schedule->is_poisson)
		advance_poisson(schedule);
	else
		advance_fixed(schedule);
}
