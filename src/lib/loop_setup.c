/* Making and freeing a loop, and what can be asked of it and set between turns.
 * The turns themselves are in loop.c. */
#include "loop.h"

#include <errno.h>

#include <weir/observer.h>
#include "sys.h"

static void note_timerfd(struct weir_watch *watch, uint32_t events)
{
	(void)events;
	watch->loop->is_timerfd_done = true;
	watch->loop->chores |= WEIR_CHORE_TIMERS;
}

static int open_descriptors(struct weir_loop *loop)
{
	int timer_fd;
	int error;

	loop->epoll_fd = weir_sys_epoll_open();
	if (loop->epoll_fd < 0)
		return loop->epoll_fd;
	timer_fd = weir_sys_timerfd_open();
	error = timer_fd;
	if (error < 0)
		goto close_epoll;
	error = weir_watch_open(&loop->timer_watch, loop, timer_fd, EPOLLIN,
				note_timerfd);
	if (error < 0)
		goto close_timer;
	loop->timer_watch.kind = WEIR_WORK_TIMER;
	loop->n_open = 0;
	return 0;

close_timer:
	weir_sys_close(timer_fd);
close_epoll:
	weir_sys_close(loop->epoll_fd);
	return error;
}

int weir_loop_new(struct weir_loop **loop)
{
	struct weir_loop *l = weir_sys_alloc(sizeof *l);
	int error = -ENOMEM;

	if (!l)
		return error;
	*l = (struct weir_loop){.epoll_fd = -1, .pool.chores = &l->chores};
	weir_list_init(&l->changed);
	weir_list_init(&l->deferred);
	weir_list_init(&l->closes);
	weir_list_init(&l->signals);
	weir_budget_init(&l->budget);
	weir_loop_budget(l, 0, 0);
	l->input = weir_sys_alloc(WEIR_READ_SIZE);
	if (l->input)
		error = open_descriptors(l);
	if (error < 0) {
		weir_sys_free(l->input);
		weir_sys_free(l);
		return error;
	}
	*loop = l;
	return 0;
}

bool weir_loop_ignores_sigpipe(struct weir_loop *loop)
{
	/* between two turns the program may have changed it */
	if (!loop->is_in_turn || loop->sigpipe_asked_in_turn != loop->n_turns) {
		loop->sigpipe_asked_in_turn = loop->n_turns;
		loop->is_sigpipe_ignored = weir_sys_is_sigpipe_ignored();
	}
	return loop->is_sigpipe_ignored;
}

int weir_loop_open_pipe(struct weir_loop *loop, size_t n_bytes)
{
	int error;

	if (loop->has_pipe)
		return 0;
	error = weir_sys_pipe(loop->pipe, n_bytes);
	loop->has_pipe = error == 0;
	return error;
}

void weir_loop_close_pipe(struct weir_loop *loop)
{
	if (!loop->has_pipe)
		return;
	weir_sys_close(loop->pipe[0]);
	weir_sys_close(loop->pipe[1]);
	loop->has_pipe = false;
}

static void close_descriptors(struct weir_loop *loop)
{
	weir_loop_close_pipe(loop);
	weir_sys_close(loop->timer_watch.fd);
	weir_sys_close(loop->epoll_fd);
}

int weir_loop_free(struct weir_loop *loop)
{
	if (!loop)
		return 0;
	if (loop->n_open > 0 || loop->timers)
		return -EBUSY;
	if (!weir_loop_has_forked(loop))
		close_descriptors(loop);
	weir_pool_deinit(&loop->pool);
	weir_sys_free(loop->gather.segment);
	weir_sys_free(loop->gather.spare);
	weir_sys_free(loop->input);
	weir_sys_free(loop);
	return 0;
}

/* No epoll_ctl(2), no timerfd_settime(2): both are shared with the parent. What
 * was harvested is the parent's. */
void weir_loop_after_fork(struct weir_loop *loop)
{
	if (weir_loop_has_forked(loop))
		return;
	close_descriptors(loop);
	loop->epoll_fd = -1;
	loop->timer_watch.fd = -1;
	loop->is_timerfd_done = false;
	loop->n_done = 0;
	loop->n_events = 0;
	loop->is_in_turn = false;
	loop->chores &= ~(unsigned)WEIR_CHORE_REST;
	loop->chores |= WEIR_CHORE_FORKED;
}

int weir_loop_fd(const struct weir_loop *loop)
{
	return loop->epoll_fd;
}

void weir_loop_stats(const struct weir_loop *loop,
		     struct weir_loop_stats *stats)
{
	const struct weir_stopwatch *stopwatch = &loop->stopwatch;

	*stats = (struct weir_loop_stats){
		.n_turns = loop->n_turns,
		.n_queue_bytes = loop->pool.n_used_bytes,
		.n_queue_bytes_peak = weir_pool_most(&loop->pool),
		.n_input_bytes = loop->n_input_bytes,
		.budget_high = loop->budget.high,
		.budget_low = loop->budget.low,
		.longest_turn_ns = stopwatch->longest_ns,
		.longest_turn_in = stopwatch->longest_in};
}

int weir_loop_budget(struct weir_loop *loop, size_t high, size_t low)
{
	if (high == 0)
		high = WEIR_LOOP_DEFAULT_BUDGET;
	if (low == 0)
		low = high - high / 8;
	if (low > high)
		return -EINVAL;
	loop->budget.high = high;
	loop->budget.low = low;
	return 0;
}

void weir_loop_observe(struct weir_loop *loop, struct weir_observer *observer)
{
	loop->observer = observer;
}

void weir_loop_time_turns(struct weir_loop *loop, bool is_wanted)
{
	if (!is_wanted) {
		loop->chores &= ~(unsigned)WEIR_CHORE_TIMING;
		return;
	}
	/* unless it is timing already, what it measures now is no whole turn */
	if (!(loop->chores & WEIR_CHORE_TIMING))
		loop->stopwatch = (struct weir_stopwatch){0};
	loop->stopwatch.longest_ns = 0;
	loop->chores |= WEIR_CHORE_TIMING;
}
