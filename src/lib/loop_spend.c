/* What a turn writes.
 *
 * Once a turn has written enough, a long flush waits for its connection's
 * deferred call, while the others are served as before; the calls that are left
 * go first in the next turn. Where callbacks write too much at once the
 * dispatch itself is cut, and its rest goes first. */
#include "loop.h"

void weir_loop_spend(struct weir_loop *loop, size_t n_bytes)
{
	if (loop->spent_in_turn != loop->n_turns) {
		loop->spent_in_turn = loop->n_turns;
		loop->n_spent = 0;
		loop->n_spent_at_once = 0;
	}
	loop->n_spent += n_bytes;
}

void weir_loop_spend_at_once(struct weir_loop *loop, size_t n_bytes)
{
	weir_loop_spend(loop, n_bytes);
	loop->n_spent_at_once += n_bytes;
	if (loop->n_spent_at_once < WEIR_TURN_BYTES || !loop->is_in_turn)
		return;
	loop->stop = loop->events;
	loop->chores |= WEIR_CHORE_REST;
}

bool weir_loop_is_busy_writing(const struct weir_loop *loop)
{
	return loop->is_behind || weir_loop_spent(loop) >= WEIR_TURN_BYTES;
}
