/* The loop: one turn after another, each in the order that loop.h gives.
 *
 * The array that epoll_wait fills is itself the list of watches to dispatch:
 * every watch remembers its slot, and closing one clears the slot if it still
 * points at the watch. No generation counters, no scans.
 *
 * Timers go through one timerfd, so a wait computes no time-out. */
#include "loop.h"

#include <assert.h>

#include "sys.h"

int weir_watch_open(struct weir_watch *watch, struct weir_loop *loop, int fd,
		    uint32_t events, weir_watch_fn *on_ready)
{
	int error = 0;

	assert(!watch->loop);
	if (events != 0)
		error = weir_sys_epoll_add(loop->epoll_fd, fd, events, watch);
	if (error < 0)
		return error;
	*watch = (struct weir_watch){.loop = loop,
				     .on_ready = on_ready,
				     .fd = fd,
				     .wanted = events,
				     .committed = events};
	loop->n_open++;
	return 0;
}

static void put_on_list(struct weir_watch *watch, enum weir_due due)
{
	struct weir_loop *loop = watch->loop;

	weir_list_remove(&watch->work);
	watch->due = (uint8_t)due;
	if (due == WEIR_DUE_COMMIT) {
		weir_list_append(&loop->changed, &watch->work);
		loop->chores |= WEIR_CHORE_COMMIT;
	} else if (due == WEIR_DUE_DEFERRED) {
		weir_list_append(&loop->deferred, &watch->work);
		loop->chores |= WEIR_CHORE_DEFERRED;
	} else {
		weir_list_append(&loop->closes, &watch->work);
		loop->chores |= WEIR_CHORE_CLOSE;
	}
}

int weir_watch_set(struct weir_watch *watch, uint32_t events)
{
	struct weir_loop *loop = watch->loop;

	if (watch->committed == 0 && events != 0) {
		int error = weir_sys_epoll_add(loop->epoll_fd, watch->fd,
					       events, watch);

		if (error < 0)
			return error;
		watch->committed = events;
	}
	watch->wanted = events;
	if (watch->wanted != watch->committed && watch->due == WEIR_DUE_NOTHING)
		put_on_list(watch, WEIR_DUE_COMMIT);
	return 0;
}

void weir_watch_close(struct weir_watch *watch)
{
	struct weir_loop *loop = watch->loop;

	if (!loop)
		return;
	if (watch->committed != 0)
		weir_sys_epoll_del(loop->epoll_fd, watch->fd);
	if (loop->events[watch->slot].data.ptr == watch)
		loop->events[watch->slot].data.ptr = NULL;
	weir_list_remove(&watch->work);
	watch->loop = NULL;
	loop->n_open--;
}

void weir_watch_defer_close(struct weir_watch *watch)
{
	if (watch->due != WEIR_DUE_CLOSE)
		put_on_list(watch, WEIR_DUE_CLOSE);
}

void weir_watch_defer(struct weir_watch *watch)
{
	if (watch->due < WEIR_DUE_DEFERRED)
		put_on_list(watch, WEIR_DUE_DEFERRED);
}

/* The kernel refused to change the interest: take the watch out of epoll, so
 * that it cannot spin, and tell it in the next deferred calls. */
static void refuse(struct weir_watch *watch)
{
	weir_sys_epoll_del(watch->loop->epoll_fd, watch->fd);
	watch->committed = 0;
	watch->wanted = WEIR_REFUSED;
	weir_watch_defer(watch);
}

static void commit(struct weir_watch *watch)
{
	int epoll_fd = watch->loop->epoll_fd;

	if (watch->wanted == watch->committed)
		return;
	if (watch->wanted == 0)
		weir_sys_epoll_del(epoll_fd, watch->fd);
	else if (weir_sys_epoll_mod(epoll_fd, watch->fd, watch->wanted, watch) <
		 0) {
		refuse(watch);
		return;
	}
	watch->committed = watch->wanted;
}

static void commit_changes(struct weir_loop *loop)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&loop->changed))) {
		struct weir_watch *watch =
			weir_container_of(link, struct weir_watch, work);

		watch->due = WEIR_DUE_NOTHING;
		commit(watch);
	}
}

/* A watch in deferred or closes may have changed its interest. */
static void commit_deferred(const struct weir_list *list)
{
	struct weir_list *link = list->next;

	for (; link != list; link = link->next) {
		struct weir_watch *watch =
			weir_container_of(link, struct weir_watch, work);

		if (watch->wanted != WEIR_REFUSED)
			commit(watch);
	}
}

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
		commit_changes(loop);
	if ((chores & WEIR_CHORE_TIMERS) && set_timerfd(loop) < 0)
		timeout_ns = timeout_by_clock(loop, timeout_ns);
	if (loop->chores & (WEIR_CHORE_CLOSE | WEIR_CHORE_DEFERRED)) {
		commit_deferred(&loop->closes);
		commit_deferred(&loop->deferred);
		timeout_ns = 0;
	}
	return timeout_ns;
}

/* No user code runs between the wait and the end of the harvest. */
static inline void harvest(struct weir_loop *loop,
			   const struct epoll_event *end)
{
	const struct epoll_event *event = loop->events;
	uint16_t slot = 0;

	for (; event != end; event++) {
		struct weir_watch *watch = event->data.ptr;

		watch->slot = slot++;
	}
}

static inline void dispatch(struct weir_loop *loop,
			    const struct epoll_event *end)
{
	const struct epoll_event *event = loop->events;

	for (; event != end; event++) {
		struct weir_watch *watch = event->data.ptr;

		if (watch)
			watch->on_ready(watch, event->events);
	}
}

/* The same, timed by kind. A watch may be freed when its callback returns. */
static void dispatch_timed(struct weir_loop *loop,
			   const struct epoll_event *end)
{
	const struct epoll_event *event = loop->events;

	for (; event != end; event++) {
		struct weir_watch *watch = event->data.ptr;
		enum weir_work kind;

		if (!watch)
			continue;
		kind = (enum weir_work)watch->kind;
		watch->on_ready(watch, event->events);
		weir_stopwatch_lap(&loop->stopwatch, kind);
	}
}

static void run_timers(struct weir_loop *loop)
{
	loop->timers_ran_ns = weir_loop_now(loop);
	while (loop->timers &&
	       loop->timers->deadline_ns <= loop->timers_ran_ns) {
		struct weir_timer *timer = loop->timers;

		weir_timer_cancel(timer);
		timer->on_expire(timer);
	}
	loop->timers_ran_ns = 0;
}

/* Call each watch of list once. Watches put on it meanwhile wait for the next
 * turn, so two watches cannot keep each other going within one. */
static void run_deferred(struct weir_list *list)
{
	struct weir_list now;
	struct weir_list *link;

	weir_list_init(&now);
	weir_list_move_all(&now, list);
	while ((link = weir_list_pop(&now))) {
		struct weir_watch *watch =
			weir_container_of(link, struct weir_watch, work);
		bool is_refused = watch->wanted == WEIR_REFUSED;

		watch->due = WEIR_DUE_NOTHING;
		if (is_refused)
			watch->wanted = 0;
		if (watch->wanted != watch->committed)
			put_on_list(watch, WEIR_DUE_COMMIT);
		watch->on_ready(watch, is_refused ? WEIR_REFUSED : 0);
	}
}

static void note_lap(struct weir_loop *loop, enum weir_work kind)
{
	if (loop->chores & WEIR_CHORE_TIMING)
		weir_stopwatch_lap(&loop->stopwatch, kind);
}

/* After the dispatch. Work that is raised from here on waits for the next
 * turn. */
static __attribute__((noinline)) void tidy(struct weir_loop *loop)
{
	if (loop->is_timerfd_done) {
		run_timers(loop);
		note_lap(loop, WEIR_WORK_TIMER);
	}
	if (loop->chores & WEIR_CHORE_CLOSE) {
		loop->chores &= ~(unsigned)WEIR_CHORE_CLOSE;
		run_deferred(&loop->closes);
		note_lap(loop, WEIR_WORK_CLOSE);
	}
	if (loop->chores & WEIR_CHORE_DEFERRED) {
		loop->chores &= ~(unsigned)WEIR_CHORE_DEFERRED;
		run_deferred(&loop->deferred);
		note_lap(loop, WEIR_WORK_FLUSH);
	}
}

/* Wait, and harvest; returns epoll_wait's result. */
static inline int begin_turn(struct weir_loop *loop, int64_t timeout_ns)
{
	int n = weir_sys_epoll_wait(loop->epoll_fd, loop->events,
				    WEIR_MAX_EVENTS, timeout_ns);

	if (n < 0)
		return n;
	loop->n_turns++;
	loop->knows_now = false;
	loop->is_in_turn = true;
	harvest(loop, loop->events + n);
	return n;
}

static __attribute__((noinline)) int turn_timed(struct weir_loop *loop,
						int64_t timeout_ns)
{
	struct weir_stopwatch *stopwatch = &loop->stopwatch;
	int n;

	weir_stopwatch_begin_turn(stopwatch);
	timeout_ns = prepare(loop, timeout_ns);
	weir_stopwatch_lap(stopwatch, WEIR_WORK_COMMIT);
	n = begin_turn(loop, timeout_ns);
	if (n < 0)
		return n;
	weir_stopwatch_begin_lap(stopwatch);
	dispatch_timed(loop, loop->events + n);
	tidy(loop);
	loop->is_in_turn = false;
	weir_stopwatch_end_turn(stopwatch);
	return n;
}

/* Timing is a chore, so a turn without chores need not check for it. */
static inline int turn(struct weir_loop *loop, int64_t timeout_ns)
{
	int n;

	if (__builtin_expect(loop->chores != 0, 0)) {
		if (loop->chores & WEIR_CHORE_TIMING)
			return turn_timed(loop, timeout_ns);
		timeout_ns = prepare(loop, timeout_ns);
	}
	n = begin_turn(loop, timeout_ns);
	if (n < 0)
		return n;
	dispatch(loop, loop->events + n);
	if (loop->chores != 0)
		tidy(loop);
	loop->is_in_turn = false;
	return n;
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
	/* it may be another thread than before, with its own CPU time */
	loop->stopwatch.cpu_ns = 0;
	while (n >= 0 && !loop->is_stopping &&
	       (loop->n_open > 0 || loop->timers))
		n = turn(loop, -1);
	loop->is_stopping = false;
	return n < 0 ? n : 0;
}

void weir_loop_stop(struct weir_loop *loop)
{
	loop->is_stopping = true;
}

uint64_t weir_loop_now(struct weir_loop *loop)
{
	if (!loop->knows_now || !loop->is_in_turn) {
		loop->now_ns = weir_sys_now();
		loop->knows_now = true;
	}
	return loop->now_ns;
}
