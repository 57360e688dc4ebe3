/* The timers of a run, which are also looked at between two answers. */
#include "load.h"

/* The one that is due first, which may be idle. */
static enum load_timer first(const struct load *load)
{
	size_t first = 0;

	for (size_t i = 1; i < LOAD_N_TIMERS; i++)
		if (weir_timer_deadline(&load->timers[i]) <
		    weir_timer_deadline(&load->timers[first]))
			first = i;
	return (enum load_timer)first;
}

static void update_look(struct load *load)
{
	load->look_ns = weir_timer_deadline(&load->timers[first(load)]);
}

void load_arm(struct load *load, struct weir_timer *timer, uint64_t deadline_ns,
	      weir_timer_fn *on_expire)
{
	load->on_expire[timer - load->timers] = on_expire;
	weir_timer_arm(timer, load->loop, deadline_ns, on_expire);
	update_look(load);
}

void load_catch_up(struct load *load, uint64_t now_ns)
{
	enum load_timer i = first(load);
	struct weir_timer *timer = &load->timers[i];

	/* one, so that there is an end to it */
	if (weir_timer_deadline(timer) <= now_ns) {
		weir_timer_cancel(timer);
		load->on_expire[i](timer);
	}
	update_look(load);
}
