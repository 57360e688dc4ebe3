/* The timers of a run, which are also looked at between two answers. */
#include "load.h"

static void update_look(struct load *load)
{
	const struct weir_timer *timers[] = {
		&load->phase_timer, &load->tick_timer, &load->pace_timer};

	load->look_ns = WEIR_NEVER;
	for (size_t i = 0; i < 3; i++)
		if (weir_timer_is_armed(timers[i]) &&
		    timers[i]->deadline_ns < load->look_ns)
			load->look_ns = timers[i]->deadline_ns;
}

void load_arm(struct load *load, struct weir_timer *timer, uint64_t deadline_ns,
	      weir_timer_fn *on_expire)
{
	weir_timer_arm(timer, load->loop, deadline_ns, on_expire);
	update_look(load);
}

/* The one of the three that is due first; NULL: none is. */
static struct weir_timer *first_due(struct load *load, uint64_t now_ns)
{
	struct weir_timer *timers[] = {&load->pace_timer, &load->tick_timer,
				       &load->phase_timer};
	struct weir_timer *first = NULL;

	for (size_t i = 0; i < 3; i++)
		if (weir_timer_is_armed(timers[i]) &&
		    timers[i]->deadline_ns <= now_ns &&
		    (!first || timers[i]->deadline_ns < first->deadline_ns))
			first = timers[i];
	return first;
}

void load_catch_up(struct load *load, uint64_t now_ns)
{
	struct weir_timer *timer = first_due(load, now_ns);

	/* one, so that there is an end to it */
	if (timer) {
		weir_timer_cancel(timer);
		timer->on_expire(timer);
	}
	update_look(load);
}
