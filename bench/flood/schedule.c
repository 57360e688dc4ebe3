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

/* From 0 at the beginning of the ramp to 1 at its end. */
static double progress_of(const struct schedule *s)
{
	const struct schedule_ramp *ramp = &s->ramp;
	double n_steps = (double)ramp->n_steps;
	double done;

	if (s->next_ns <= ramp->start_ns)
		return 0;
	done = (double)(s->next_ns - ramp->start_ns) / (double)ramp->length_ns;
	if (ramp->n_steps < 2)
		return fmin(done, 1);
	return fmin(floor(done * n_steps) / (n_steps - 1), 1);
}

double schedule_rate(const struct schedule *s)
{
	double rate = (double)s->rate;

	if (s->ramp.rate > 0)
		rate += ((double)s->ramp.rate - rate) * progress_of(s);
	return rate;
}

/* How far it is to the next of messages whose mean distance is 1. */
static double draw(struct schedule *s)
{
	/* above 0 and at most 1, in steps of 2^-53 */
	double even =
		((double)(schedule_random(&s->random) >> 11) + 1) * 0x1p-53;

	return -log(even);
}

static void advance_by(struct schedule *s, double distance)
{
	double gap_ns = s->fraction + distance * 1e9 / schedule_rate(s);
	double whole_ns = floor(gap_ns);

	s->next_ns += (uint64_t)whole_ns;
	s->fraction = gap_ns - whole_ns;
}

void schedule_advance(struct schedule *schedule)
{
	if (schedule->is_poisson)
		advance_by(schedule, draw(schedule));
	else if (schedule->ramp.rate > 0)
		advance_by(schedule, 1);
	else
		advance_fixed(schedule);
}
