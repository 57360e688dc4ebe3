/* Timers: one call at an absolute monotonic time.
 *
 * A timer is embedded by its owner, recovered with weir_container_of; a zeroed
 * timer is idle. Arming and cancelling allocate nothing and cannot fail: the
 * timers of a loop are an intrusive pairing heap (Fredman, Sedgewick, Sleator
 * and Tarjan, 1986). Arming is O(1), cancelling O(log n) amortized.
 *
 * The callback comes from the loop, at or after the deadline, in order of
 * deadlines (equal deadlines: in any order). The timer is idle by then: it may
 * be armed again or freed inside. A timer that is armed from a timer's callback
 * does not join the timers that are due now, even if its time has come: the
 * other ready watches go first.
 *
 * An armed timer keeps weir_loop_run from returning.
 *
 * Example:
 *
 *	#include <weir.h>
 *
 *	struct metronome {
 *		struct weir_timer timer;
 *		struct weir_loop *loop;
 *		int n_left;
 *	};
 *
 *	static void tick(struct weir_timer *timer)
 *	{
 *		struct metronome *m =
 *			weir_container_of(timer, struct metronome, timer);
 *
 *		if (m->n_left-- > 0)
 *			weir_timer_arm(timer, m->loop,
 *				       weir_loop_now(m->loop) + 10000000, tick);
 *	}
 *
 *	int main(void)
 *	{
 *		struct metronome m = {.n_left = 3};
 *
 *		weir_loop_new(&m.loop);
 *		tick(&m.timer);
 *		weir_loop_run(m.loop);
 *		return weir_loop_free(m.loop);
 *	}
 */
#ifndef WEIR_TIMER_H
#define WEIR_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

struct weir_loop;
struct weir_timer;

typedef void weir_timer_fn(struct weir_timer *timer);

/* A deadline that never comes, or a limit that is off. */
#define WEIR_NEVER UINT64_MAX

/* Embedded by its owner; zeroed is idle. The fields are the library's. */
struct weir_timer {
	struct weir_loop *loop; /* NULL: idle */
	weir_timer_fn *on_expire;
	struct weir_timer *child; /* the links of the heap */
	struct weir_timer *next;
	struct weir_timer *prev;
	uint64_t deadline_ns;
};

/* Arm an idle timer, or move an armed one. WEIR_NEVER cancels. */
void weir_timer_arm(struct weir_timer *timer, struct weir_loop *loop,
		    uint64_t deadline_ns, weir_timer_fn *on_expire);

/* Synchronous. Cancelling an idle timer does nothing. */
void weir_timer_cancel(struct weir_timer *timer);

/* False inside its callback, unless it was armed again. */
static inline bool weir_timer_is_armed(const struct weir_timer *timer)
{
	return timer->loop != NULL;
}

/* The earliest time of its call; WEIR_NEVER: it is idle. */
static inline uint64_t weir_timer_deadline(const struct weir_timer *timer)
{
	return timer->loop != NULL ? timer->deadline_ns : WEIR_NEVER;
}

WEIR_DECLARE_END

#endif
