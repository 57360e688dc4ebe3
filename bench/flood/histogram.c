/* Only the slots from that of the smallest value to that of the largest can
 * hold anything: whatever walks through a histogram walks through those. */
#include "histogram.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- slots and their values -- */

static unsigned shift_of(size_t slot)
{
	return slot < 2048 ? 0 : (unsigned)(slot >> 10) - 1;
}

static uint64_t first_of(size_t slot)
{
	unsigned shift = shift_of(slot);

	return (uint64_t)(slot - ((size_t)shift << 10)) << shift;
}

static uint64_t last_of(size_t slot)
{
	if (slot == HISTOGRAM_SLOTS - 1)
		return UINT64_MAX;
	return first_of(slot) + (UINT64_C(1) << shift_of(slot)) - 1;
}

/* What a value of this slot is taken for. The overflow has no middle. */
static double middle_of(size_t slot)
{
	uint64_t width = slot == HISTOGRAM_SLOTS - 1
				 ? 0
				 : (UINT64_C(1) << shift_of(slot)) / 2;

	return (double)(first_of(slot) + width);
}

/* -- values in -- */

struct histogram *histogram_new(void)
{
	struct histogram *h = malloc(sizeof *h);

	if (h)
		histogram_init(h);
	return h;
}

void histogram_free(struct histogram *h)
{
	free(h);
}

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof *h);
	h->min = UINT64_MAX;
}

void histogram_clear(struct histogram *h)
{
	size_t from = histogram_slot(h->min);
	size_t to = histogram_slot(h->max);

	if (h->count > 0)
		memset(&h->slots[from], 0, (to - from + 1) * sizeof *h->slots);
	h->count = 0;
	h->min = UINT64_MAX;
	h->max = 0;
}

void histogram_add(struct histogram *h, const struct histogram *other)
{
	size_t to = histogram_slot(other->max);

	if (other->count == 0)
		return;
	for (size_t i = histogram_slot(other->min); i <= to; i++)
		h->slots[i] += other->slots[i];
	h->count += other->count;
	if (other->min < h->min)
		h->min = other->min;
	if (other->max > h->max)
		h->max = other->max;
}

/* -- figures out -- */

uint64_t histogram_count(const struct histogram *h)
{
	return h->count;
}

uint64_t histogram_min(const struct histogram *h)
{
	return h->count > 0 ? h->min : 0;
}

uint64_t histogram_max(const struct histogram *h)
{
	return h->max;
}

uint64_t histogram_overflow(const struct histogram *h)
{
	return h->slots[HISTOGRAM_SLOTS - 1];
}

double histogram_mean(const struct histogram *h)
{
	struct histogram_step step = {0};
	double sum = 0;

	while (histogram_next(h, &step))
		sum += (double)step.n * middle_of(step.next - 1);
	return h->count > 0 ? sum / (double)h->count : 0;
}

double histogram_stddev(const struct histogram *h)
{
	struct histogram_step step = {0};
	double mean = histogram_mean(h);
	double sum = 0;

	while (histogram_next(h, &step)) {
		double off = middle_of(step.next - 1) - mean;

		sum += (double)step.n * off * off;
	}
	return h->count > 0 ? sqrt(sum / (double)h->count) : 0;
}

/* The product of percent and count is taken a few units of rounding too low,
 * so that 99.9 % of 1000 values are 999 of them and never 1000. */
uint64_t histogram_rank(const struct histogram *h, double percent)
{
	double exact = percent * (double)h->count / 100;
	uint64_t rank = (uint64_t)ceil(exact * (1 - 4 * DBL_EPSILON));

	if (rank > h->count)
		return h->count;
	return rank > 0 || h->count == 0 ? rank : 1;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t rank = histogram_rank(h, percent);
	size_t slot = histogram_slot(h->min);
	uint64_t n_upto = 0;

	if (h->count == 0)
		return 0;
	while ((n_upto += h->slots[slot]) < rank)
		slot++;
	if (slot == HISTOGRAM_SLOTS - 1)
		return first_of(slot);
	return last_of(slot) < h->max ? last_of(slot) : h->max;
}

bool histogram_next(const struct histogram *h, struct histogram_step *step)
{
	size_t end = h->count > 0 ? histogram_slot(h->max) + 1 : 0;
	size_t slot = step->next;

	if (slot == 0)
		slot = histogram_slot(h->min);
	while (slot < end && h->slots[slot] == 0)
		slot++;
	if (slot >= end)
		return false;
	step->first = first_of(slot);
	step->last = last_of(slot);
	step->n = h->slots[slot];
	step->n_upto += step->n;
	step->next = slot + 1;
	return true;
}
