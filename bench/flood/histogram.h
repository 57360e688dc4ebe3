/* A histogram of times: 3 significant decimal digits from 1 ns to an hour, in
 * an array of fixed size.
 *
 * Values are counted in slots, laid out as HdrHistogram's for 3 digits: 2048
 * slots of 1 ns, then 1024 more for every doubling, so a slot is never wider
 * than a 1024th of its values. Recording is a few instructions, allocates
 * nothing, and loses nothing: 0 is a value, and what is above an hour is
 * counted in the last slot, so that no percentile leaves it out.
 *
 * A percentile is the nearest rank: percentile p is the smallest value that at
 * least p percent of all recorded values do not exceed, and percentile 0 the
 * smallest of all. It is told as the highest value of its slot, but never
 * above the largest value recorded: so it is exact below 2048 ns, and at most
 * 0.1 % too high above. In the overflow it is HISTOGRAM_TOP_NS, and to be read
 * as "an hour or more". Mean and standard deviation take each value for the
 * middle of its slot; minimum and maximum are exact, the overflow's too.
 *
 * Example:
 *
 *	static struct histogram h;
 *
 *	histogram_init(&h);
 *	histogram_record(&h, 42000);
 *	printf("%" PRIu64 " ns\n", histogram_percentile(&h, 99.9));
 */
#ifndef FLOOD_HISTOGRAM_H
#define FLOOD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the overflow begins: the first edge of a slot above an hour, which is
 * an hour and 1.3 s. */
#define HISTOGRAM_TOP_NS (UINT64_C(1677) << 31)

enum {
	HISTOGRAM_SLOTS = (31 << 10) + 1677 + 1 /* the last is the overflow */
};

/* 261 KiB: keep it static, or on the heap. */
struct histogram {
	uint64_t count;
	uint64_t min; /* UINT64_MAX while empty; read it by histogram_min */
	uint64_t max;
	uint64_t slots[HISTOGRAM_SLOTS];
};

/* An empty one on the heap, to be freed; NULL: there is no memory. */
struct histogram *histogram_new(void);
/* NULL: nothing to do. */
void histogram_free(struct histogram *h);
/* The same for one of the caller's own: to be called before all else. */
void histogram_init(struct histogram *h);

/* Forget all values. It touches only what was used, so once for each second
 * and connection is cheap. */
void histogram_clear(struct histogram *h);

/* The slot of a value. */
static inline size_t histogram_slot(uint64_t ns)
{
	unsigned shift = 53 - (unsigned)__builtin_clzll(ns | 2047);
	size_t slot = ((size_t)shift << 10) + (size_t)(ns >> shift);

	return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

/* The same value n times. */
static inline void histogram_record_n(struct histogram *h, uint64_t ns,
				      uint64_t n)
{
	h->slots[histogram_slot(ns)] += n;
	h->count += n;
	if (ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
}

static inline void histogram_record(struct histogram *h, uint64_t ns)
{
	histogram_record_n(h, ns, 1);
}

/* As if all that other recorded had been recorded here too. */
void histogram_add(struct histogram *h, const struct histogram *other);

/* All of these are 0 of an empty histogram. */
uint64_t histogram_count(const struct histogram *h);
uint64_t histogram_min(const struct histogram *h);
uint64_t histogram_max(const struct histogram *h);
double histogram_mean(const struct histogram *h);
double histogram_stddev(const struct histogram *h);
/* percent is from 0 to 100: 99.9, say. */
uint64_t histogram_percentile(const struct histogram *h, double percent);
/* Its rank: how many of the values count into it, from 1 to all. */
uint64_t histogram_rank(const struct histogram *h, double percent);
/* How many were HISTOGRAM_TOP_NS or more. */
uint64_t histogram_overflow(const struct histogram *h);

/* One slot that holds values, of those from first to last. */
struct histogram_step {
	uint64_t first;
	uint64_t last;	 /* UINT64_MAX: the overflow */
	uint64_t n;	 /* in this slot */
	uint64_t n_upto; /* in this one and in all before it */
	size_t next;	 /* where to go on */
};

/* Step through the slots that are not empty, upwards; begin with a zeroed
 * step. False: there are no more.
 *
 *	struct histogram_step step = {0};
 *
 *	while (histogram_next(&h, &step))
 *		plot(step.first, step.n);
 */
bool histogram_next(const struct histogram *h, struct histogram_step *step);

#endif
