#include "timers.h"

/* The one that is due first, which may be idle. */
static enum timers_index first_of(const struct timers *timers)
{
	size_t first = 0;

	for (size_t i = 1; i < TIMERS_N; i++)
		if (weir_timer_deadline(&timers->all[i]) <
		    weir_timer_deadline(&timers->all[first]))
			first = i;
	return (enum timers_index)first;
}

static void update_next(struct timers *timers)
{
	timers->next_ns = weir_timer_deadline(&timers->all[first_of(timers)]);
}

void timers_arm(struct timers *timers, enum timers_index i,
		uint64_t deadline_ns, weir_timer_fn *on_expire)
{
	timers->on_expire[i] = on_expire;
	weir_timer_arm(&timers->all[i], timers->loop, deadline_ns, on_expire);
	update_next(timers);
}

void timers_cancel(struct timers *timers, enum timers_index i)
{
	weir_timer_cancel(&timers->all[i]);
}

void timers_catch_up(struct timers *timers, uint64_t now_ns)
{
	enum timers_index i = first_of(timers);
	struct weir_timer *timer = &timers->all[i];

	/* one, so that there is an end to it */
	if (weir_timer_deadline(timer) <= now_ns) {
		weir_timer_cancel(timer);
		timers->on_expire[i](timer);
	}
	update_next(timers);
}
