/* The virtual clock of fault.h.
 *
 * A virtual timerfd is an eventfd that is written to when its deadline has
 * come: epoll cannot tell it from the real one, which is readable until it is
 * set anew as well. */
#include "fault_inside.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness.h"

enum {
	MAX_TIMERS = 16,
	NS_PER_MS = 1000000
};

struct timer {
	int fd;		      /* 0: none */
	uint64_t deadline_ns; /* 0: disarmed, or its time has come */
};

static struct {
	bool is_virtual;
	int settle_ms;
	uint64_t now_ns;
	uint64_t cpu_ns;
	struct timer timers[MAX_TIMERS];
} state;

void fault_time_virtual(uint64_t start_ns)
{
	state.is_virtual = true;
	state.now_ns = start_ns;
	state.cpu_ns = 1;
}

void fault_time_real(void)
{
	state.is_virtual = false;
}

void fault_time_settle(int ms)
{
	state.settle_ms = ms;
}

uint64_t fault_clock(void)
{
	return state.is_virtual ? state.now_ns : real_now();
}

uint64_t fault_cpu_clock(void)
{
	return state.is_virtual ? state.cpu_ns : real_thread_cpu();
}

uint64_t fault_time_now(void)
{
	return fault_clock();
}

static struct timer *find_timer(int fd)
{
	int i;

	for (i = 0; i < MAX_TIMERS; i++)
		if (state.timers[i].fd == fd)
			return &state.timers[i];
	return NULL;
}

static void expire(struct timer *timer)
{
	timer->deadline_ns = 0;
	if (eventfd_write(timer->fd, 1) < 0)
		harness_die("a virtual timer cannot expire: errno %d", errno);
}

static void expire_due_timers(void)
{
	int i;

	for (i = 0; i < MAX_TIMERS; i++) {
		struct timer *timer = &state.timers[i];

		if (timer->deadline_ns != 0 &&
		    timer->deadline_ns <= state.now_ns)
			expire(timer);
	}
}

void fault_time_advance(uint64_t ns)
{
	state.now_ns += ns;
	expire_due_timers();
}

void fault_time_compute(uint64_t ns)
{
	state.cpu_ns += ns;
	fault_time_advance(ns);
}

int fault_timer_open(void)
{
	struct timer *timer;

	if (!state.is_virtual)
		return real_timerfd_open();
	timer = find_timer(0);
	if (!timer)
		harness_die("more than %d virtual timers", MAX_TIMERS);
	timer->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (timer->fd < 0)
		harness_die("no virtual timer: errno %d", errno);
	timer->deadline_ns = 0;
	return timer->fd;
}

int fault_timer_set(int fd, uint64_t deadline_ns)
{
	struct timer *timer = find_timer(fd);
	eventfd_t unread;

	if (!timer)
		return real_timerfd_set(fd, deadline_ns);
	eventfd_read(fd, &unread); /* -1 when there is nothing to forget */
	timer->deadline_ns = deadline_ns;
	expire_due_timers();
	return 0;
}

void fault_timer_close(int fd)
{
	struct timer *timer = find_timer(fd);

	if (timer)
		*timer = (struct timer){0};
}

/* UINT64_MAX: there is none. */
static uint64_t earliest_deadline(void)
{
	uint64_t earliest = UINT64_MAX;
	int i;

	for (i = 0; i < MAX_TIMERS; i++) {
		uint64_t ns = state.timers[i].deadline_ns;

		if (ns != 0 && ns < earliest)
			earliest = ns;
	}
	return earliest;
}

int fault_wait(int epoll_fd, struct epoll_event *events, int max_events,
	       int64_t timeout_ns)
{
	const int64_t settle_ns = (int64_t)state.settle_ms * NS_PER_MS;
	uint64_t until = UINT64_MAX;

	if (!state.is_virtual)
		return real_epoll_wait(epoll_fd, events, max_events,
				       timeout_ns);
	if (timeout_ns >= 0)
		until = state.now_ns + (uint64_t)timeout_ns;
	for (;;) {
		uint64_t next = earliest_deadline();
		int n = real_epoll_wait(epoll_fd, events, max_events,
					settle_ns);

		if (n != 0 || state.now_ns == until)
			return n;
		if (next > until)
			next = until;
		if (next == UINT64_MAX)
			harness_die("the loop would wait for ever: nothing is "
				    "ready, and no timer is set");
		if (next > state.now_ns)
			state.now_ns = next;
		expire_due_timers();
	}
}

int fault_wait_writable(int fd, int64_t timeout_ns)
{
	const int64_t settle_ns = (int64_t)state.settle_ms * NS_PER_MS;
	int n;

	if (!state.is_virtual)
		return real_wait_writable(fd, timeout_ns);
	n = real_wait_writable(fd, settle_ns);
	if (n != 0)
		return n;
	if (timeout_ns < 0)
		harness_die("descriptor %d would be waited for for ever", fd);
	fault_time_advance((uint64_t)timeout_ns);
	return 0;
}
