/* The loop: one turn after another, each in the order that loop.h gives.
 *
 * The array that epoll_wait fills is itself the list of watches to dispatch:
 * every watch remembers its slot, and closing one clears the slot if it still
 * points at the watch. No generation counters, no scans.
 *
 * Timers go through one timerfd, so a wait computes no time-out. */
#include "loop.h"

#include <assert.h>
#include <errno.h>

#include "sys.h"

/* Set the timerfd to the earliest deadline. If it is set too early it is left
 * alone: an empty turn now and then is cheaper than a system call for every
 * timer that is moved back. */
static int set_timerfd(struct weir_loop *loop)
{
	uint64_t next_ns = loop->timers ? loop->timers->deadline_ns : 0;
	bool is_early = loop->timerfd_ns != 0 && loop->timerfd_ns <= next_ns;
	int error;

	if (!loop->is_timerfd_done && (next_ns == 0 || is_early))
		return 0;
	error = weir_sys_timerfd_set(loop->timer_watch.fd, next_ns);
	if (error < 0)
		return error;
	loop->timerfd_ns = next_ns;
	loop->is_timerfd_done = false;
	return 0;
}

/* Without the timerfd, wait no longer than until the earliest timer. */
static int64_t timeout_by_clock(struct weir_loop *loop, int64_t timeout_ns)
{
	uint64_t now_ns = weir_sys_now();
	uint64_t next_ns;
	uint64_t left_ns;

	loop->is_timerfd_done = true;
	loop->chores |= WEIR_CHORE_TIMERS;
	if (!loop->timers)
		return timeout_ns;
	next_ns = loop->timers->deadline_ns;
	left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	if (timeout_ns >= 0 && (uint64_t)timeout_ns < left_ns)
		return timeout_ns;
	return left_ns > INT64_MAX ? INT64_MAX : (int64_t)left_ns;
}

/* What to do before the wait; returns how long that may be. */
static __attribute__((noinline)) int64_t prepare(struct weir_loop *loop,
						 int64_t timeout_ns)
{
	unsigned chores = loop->chores;

	loop->chores &= ~(unsigned)(WEIR_CHORE_COMMIT | WEIR_CHORE_TIMERS);
	if (chores & WEIR_CHORE_COMMIT)
		weir_loop_commit_changes(loop);
	if ((chores & WEIR_CHORE_TIMERS) && set_timerfd(loop) < 0)
		timeout_ns = timeout_by_clock(loop, timeout_ns);
	if (loop->chores & (WEIR_CHORE_CLOSE | WEIR_CHORE_DEFERRED)) {
		weir_loop_commit_list(&loop->closes);
		weir_loop_commit_list(&loop->deferred);
		timeout_ns = 0;
	}
	if (loop->chores & (WEIR_CHORE_REST | WEIR_CHORE_RELEASE))
		return 0;
	return timeout_ns;
}

/* -- the harvest -- */

/* n > 0. No user code runs between the wait and the end of the harvest. */
static inline void harvest(struct weir_loop *loop, int n)
{
	const struct epoll_event *event = loop->events;
	const struct epoll_event *end = event + n;
	uint16_t slot = 0;

	do {
		struct weir_watch *watch = event->data.ptr;

		watch->slot = slot++;
	} while (++event < end);
}

static inline void call_timed(struct weir_watch *watch, uint32_t events)
{
	/* The watch may be freed when its callback returns. */
	struct weir_stopwatch *stopwatch = &watch->loop->stopwatch;
	enum weir_work kind = (enum weir_work)watch->kind;

	watch->on_ready(watch, events);
	weir_stopwatch_lap(stopwatch, kind);
}

/* Call at least the watch of event, then the others up to loop->stop, which a
 * callback sets back when the turn has written enough. Returns the first event
 * that is left. */
static inline __attribute__((always_inline)) const struct epoll_event *dispatch(
	struct weir_loop *loop, const struct epoll_event *event, bool is_timed)
{
	do {
		struct weir_watch *watch = event->data.ptr;

		if (watch && is_timed)
			call_timed(watch, event->events);
		else if (watch)
			watch->on_ready(watch, event->events);
		event++;
	} while (event < loop->stop);
	return event;
}

static void note_lap(struct weir_loop *loop, enum weir_work kind)
{
	if (loop->chores & WEIR_CHORE_TIMING)
		weir_stopwatch_lap(&loop->stopwatch, kind);
}

/* At least one timer runs, however much this turn has written. */
static void run_timers(struct weir_loop *loop)
{
	size_t enough = weir_loop_spent(loop) + WEIR_TURN_BYTES;

	loop->timers_ran_ns = weir_loop_fresh_now(loop);
	while (loop->timers &&
	       loop->timers->deadline_ns <= loop->timers_ran_ns &&
	       weir_loop_spent(loop) < enough) {
		struct weir_timer *timer = loop->timers;

		weir_timer_cancel(timer);
		weir_loop_spend(loop, WEIR_CALL_BYTES);
		timer->on_expire(timer);
	}
	loop->timers_ran_ns = 0;
	note_lap(loop, WEIR_WORK_TIMER);
}

/* The timerfd may be ready behind events that epoll has not reported yet, or
 * behind the rest of a long harvest: read the clock instead. */
static void run_timers_between(struct weir_loop *loop)
{
	if (loop->timers &&
	    loop->timers->deadline_ns <= weir_loop_fresh_now(loop))
		run_timers(loop);
}

/* Dispatch the rest of the harvest in pieces, and run due timers in between. */
static void dispatch_rest(struct weir_loop *loop)
{
	while (loop->n_done < loop->n_events) {
		const struct epoll_event *event = loop->events + loop->n_done;

		loop->stop = event + WEIR_PIECE_EVENTS;
		if (loop->stop > loop->events + loop->n_events)
			loop->stop = loop->events + loop->n_events;
		if (loop->chores & WEIR_CHORE_TIMING)
			event = dispatch(loop, event, true);
		else
			event = dispatch(loop, event, false);
		loop->n_done = (unsigned)(event - loop->events);
		run_timers_between(loop);
		if (loop->stop == loop->events)
			return;
	}
}

/* Call each watch of list once, until the turn has written enough; the rest
 * goes first in the next turn. Watches put on it meanwhile wait for the next
 * turn too, so two watches cannot keep each other going within one. Returns
 * whether there is a rest. */
static bool run_deferred(struct weir_loop *loop, struct weir_list *list,
			 enum weir_chores chore)
{
	size_t enough = weir_loop_spent(loop) + WEIR_TURN_BYTES;
	struct weir_list now;
	struct weir_list *link;

	loop->chores &= ~(unsigned)chore;
	weir_list_init(&now);
	weir_list_move_all(&now, list);
	while (weir_loop_spent(loop) < enough && (link = weir_list_pop(&now))) {
		struct weir_watch *watch =
			weir_container_of(link, struct weir_watch, work);
		bool is_refused = watch->wanted == WEIR_REFUSED;

		watch->due = WEIR_DUE_NOTHING;
		if (is_refused)
			watch->wanted = 0;
		if (watch->wanted != watch->committed)
			weir_watch_put(watch, WEIR_DUE_COMMIT);
		watch->on_ready(watch, is_refused ? WEIR_REFUSED : 0);
	}
	if (weir_list_is_empty(&now))
		return false;
	loop->chores |= chore;
	weir_list_move_all(&now, list);
	weir_list_move_all(list, &now);
	return true;
}

/* -- turns -- */

/* It takes the longer, the more there is to give back (0.1 ms a MiB), so it has
 * a turn in which nothing else is done. A loop that is always busy does it all
 * the same. */
static void release_memory(struct weir_loop *loop)
{
	const unsigned work =
		WEIR_CHORE_CLOSE | WEIR_CHORE_DEFERRED | WEIR_CHORE_REST;

	if ((loop->n_events > 0 || (loop->chores & work)) &&
	    ++loop->n_turns_unreleased < WEIR_RELEASE_TURNS)
		return;
	loop->n_turns_unreleased = 0;
	loop->chores &= ~(unsigned)WEIR_CHORE_RELEASE;
	weir_pool_release(&loop->pool);
	note_lap(loop, WEIR_WORK_MEMORY);
}

/* After the dispatch. Work that is raised from here on waits for the next
 * turn. */
static __attribute__((noinline)) void tidy(struct weir_loop *loop)
{
	if (loop->is_timerfd_done)
		run_timers(loop);
	if (loop->chores & WEIR_CHORE_CLOSE) {
		run_deferred(loop, &loop->closes, WEIR_CHORE_CLOSE);
		note_lap(loop, WEIR_WORK_CLOSE);
	}
	/* after a fork the rest is the parent's */
	if (weir_loop_has_forked(loop))
		return;
	if (loop->chores & WEIR_CHORE_DEFERRED) {
		loop->is_behind = run_deferred(loop, &loop->deferred,
					       WEIR_CHORE_DEFERRED);
		note_lap(loop, WEIR_WORK_FLUSH);
	}
	loop->chores &= ~(unsigned)WEIR_CHORE_REST;
	if (loop->n_done < loop->n_events)
		loop->chores |= WEIR_CHORE_REST;
	if (loop->chores & WEIR_CHORE_RELEASE)
		release_memory(loop);
}

static inline int wait_for_events(struct weir_loop *loop, int64_t timeout_ns)
{
	return weir_sys_epoll_wait(loop->epoll_fd, loop->events,
				   WEIR_MAX_EVENTS, timeout_ns);
}

static inline void begin_turn(struct weir_loop *loop)
{
	loop->n_turns++;
	loop->knows_now = false;
	loop->is_in_turn = true;
}

static void serve_rest(struct weir_loop *loop)
{
	dispatch_rest(loop);
	if (loop->chores != 0)
		tidy(loop);
	loop->is_in_turn = false;
}

/* The turn after a wait that returned no event, many, or an error. */
static __attribute__((noinline)) int serve(struct weir_loop *loop, int n)
{
	if (n < 0)
		return n;
	begin_turn(loop);
	if (n > 0)
		harvest(loop, n);
	loop->n_done = 0;
	loop->n_events = (unsigned)n;
	serve_rest(loop);
	return n;
}

/* A turn that is timed, or one that does not wait because events are left or
 * the loop has no descriptors any more. */
static __attribute__((noinline)) int turn_with_care(struct weir_loop *loop,
						    int64_t timeout_ns)
{
	struct weir_stopwatch *stopwatch = &loop->stopwatch;
	const unsigned without_wait = WEIR_CHORE_REST | WEIR_CHORE_FORKED;
	bool is_timed = loop->chores & WEIR_CHORE_TIMING;
	int n = (int)(loop->n_events - loop->n_done);

	if (is_timed)
		weir_stopwatch_begin_turn(stopwatch);
	if (!(loop->chores & without_wait)) {
		timeout_ns = prepare(loop, timeout_ns);
		note_lap(loop, WEIR_WORK_COMMIT);
		n = wait_for_events(loop, timeout_ns);
		if (is_timed)
			weir_stopwatch_begin_lap(stopwatch);
		n = serve(loop, n);
	} else {
		begin_turn(loop);
		serve_rest(loop);
	}
	if (is_timed && n >= 0)
		weir_stopwatch_end_turn(stopwatch);
	return n;
}

/* Timing is a chore, so a turn without chores need not check for it. */
static inline int turn(struct weir_loop *loop, int64_t timeout_ns)
{
	const unsigned uncommon =
		WEIR_CHORE_TIMING | WEIR_CHORE_REST | WEIR_CHORE_FORKED;
	const struct epoll_event *event;
	int n;

	if (__builtin_expect(loop->chores != 0, 0)) {
		if (loop->chores & uncommon)
			return turn_with_care(loop, timeout_ns);
		timeout_ns = prepare(loop, timeout_ns);
	}
	n = wait_for_events(loop, timeout_ns);
	/* n - 1: so that 0 goes there too */
	if (__builtin_expect((unsigned)n - 1 >= WEIR_PIECE_EVENTS, 0))
		return serve(loop, n);
	begin_turn(loop);
	harvest(loop, n);
	loop->stop = loop->events + n;
	event = dispatch(loop, loop->events, false);
	if (loop->chores != 0) {
		loop->n_done = (unsigned)(event - loop->events);
		loop->n_events = (unsigned)n;
		tidy(loop);
	}
	loop->is_in_turn = false;
	return n;
}

int64_t weir_loop_prepare(struct weir_loop *loop)
{
	assert(!loop->is_in_turn);
	if (loop->chores == 0 || weir_loop_has_forked(loop))
		return -1;
	return prepare(loop, -1);
}

int weir_loop_turn(struct weir_loop *loop, int64_t timeout_ns)
{
	assert(!loop->is_in_turn);
	return turn(loop, timeout_ns);
}

int weir_loop_run(struct weir_loop *loop)
{
	int n = 0;

	assert(!loop->is_in_turn);
	if (weir_loop_has_forked(loop))
		return -EBADF;
	/* it may be another thread than before, with its own CPU time */
	loop->stopwatch.cpu_ns = 0;
	while (n >= 0 && !loop->is_stopping &&
	       (loop->n_open > 0 || loop->timers))
		n = turn(loop, -1);
	loop->is_stopping = false;
	weir_pool_release(&loop->pool);
	return n < 0 ? n : 0;
}

void weir_loop_stop(struct weir_loop *loop)
{
	loop->is_stopping = true;
}

uint64_t weir_loop_fresh_now(struct weir_loop *loop)
{
	loop->now_ns = weir_sys_now();
	loop->knows_now = true;
	return loop->now_ns;
}

uint64_t weir_loop_now(struct weir_loop *loop)
{
	if (!loop->knows_now || !loop->is_in_turn)
		return weir_loop_fresh_now(loop);
	return loop->now_ns;
}
