/* The heap of a loop's timers by itself, without a clock. */
#ifndef WEIR_LIB_TIMER_H
#define WEIR_LIB_TIMER_H

#include <weir/timer.h>

/* Put timer, idle and with its deadline set, into the heap; the new root. */
struct weir_timer *weir_timer_heap_add(struct weir_timer *root,
				       struct weir_timer *timer);
/* Take timer, which is in the heap, out; the new root, NULL when empty. */
struct weir_timer *weir_timer_heap_remove(struct weir_timer *root,
					  struct weir_timer *timer);

#endif
