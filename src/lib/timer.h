/* The heap of a loop's timers alone, without a clock. */
#ifndef WEIR_LIB_TIMER_H
#define WEIR_LIB_TIMER_H

#include <weir/timer.h>

/* Put timer, which is idle and has its deadline, into the heap; returns the
 * root. */
struct weir_timer *weir_timer_heap_add(struct weir_timer *root,
				       struct weir_timer *timer);
/* Take timer out of the heap; returns the root, NULL when it is empty. */
struct weir_timer *weir_timer_heap_remove(struct weir_timer *root,
					  struct weir_timer *timer);

#endif
