/* The looks at a peer's pace.
 *
 * EPOLLOUT is no measure: it waits until a third of the kernel's buffer has
 * drained, which may take a healthy but slow reader of an autotuned buffer a
 * quarter of a minute. */
#include "pace.h"

#include <weir/timer.h>

#include "sys.h"

/* A quarter of a limit; four of them are no less than all of it. */
static uint64_t quarter(uint64_t limit_ns)
{
	return limit_ns == WEIR_NEVER ? WEIR_NEVER : limit_ns / 4 + 1;
}

uint64_t weir_pace_period(const struct weir_pace_limits *limits)
{
	uint64_t stall = quarter(limits->stall_ns);
	uint64_t window = quarter(limits->window_ns);

	return stall < window ? stall : window;
}

/* How many bytes the peer took since the last look. */
static uint64_t count_taken(struct weir_pace *pace, int fd, bool is_tcp,
			    uint64_t sent, bool *has_moved)
{
	int unacked = weir_sys_unacked(fd);
	int64_t taken = (int64_t)(sent - pace->look_sent);
	int64_t fallen;

	if (unacked < 0)
		unacked = pace->look_unacked;
	fallen = (int64_t)pace->look_unacked - unacked;
	pace->look_sent = sent;
	pace->look_unacked = unacked;
	if (is_tcp)
		taken += fallen;
	*has_moved = taken > 0 || (!is_tcp && fallen > 0);
	return taken > 0 ? (uint64_t)taken : 0;
}

void weir_pace_begin(struct weir_pace *pace, int fd, uint64_t sent,
		     uint64_t now_ns)
{
	int unacked = weir_sys_unacked(fd);

	*pace = (struct weir_pace){.look_ns = now_ns,
				   .look_sent = sent,
				   .look_unacked = unacked < 0 ? 0 : unacked};
}

static bool is_too_slow(struct weir_pace *pace,
			const struct weir_pace_limits *limits)
{
	double taken;
	double wanted;

	/* A peer that has drained the queue was fast enough. */
	if (!pace->has_drained && pace->window_ns < limits->window_ns)
		return false;
	taken = (double)pace->window_taken * (double)WEIR_NS_PER_S;
	wanted = (double)limits->min_rate * (double)pace->window_ns;
	if (pace->has_drained)
		wanted = 0;
	pace->has_drained = false;
	pace->window_ns = 0;
	pace->window_taken = 0;
	return taken < wanted;
}

enum weir_pace_verdict weir_pace_look(struct weir_pace *pace, int fd,
				      bool is_tcp, uint64_t sent,
				      const struct weir_pace_limits *limits,
				      uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - pace->look_ns;
	uint64_t period_ns = weir_pace_period(limits);
	bool has_moved;

	if (passed_ns > period_ns)
		passed_ns = period_ns;
	pace->look_ns = now_ns;
	pace->window_ns += passed_ns;
	pace->window_taken += count_taken(pace, fd, is_tcp, sent, &has_moved);
	pace->unmoved_ns = has_moved ? 0 : pace->unmoved_ns + passed_ns;
	if (pace->unmoved_ns >= limits->stall_ns)
		return WEIR_PACE_STALLED;
	return is_too_slow(pace, limits) ? WEIR_PACE_TOO_SLOW : WEIR_PACE_FINE;
}
