/* A signal is a descriptor to read. Each turn takes one instance, and
 * level-triggered epoll reports the next: a flood of signals cannot hold up the
 * loop. */
#include <weir/signal.h>

#include "loop.h"
#include "sys.h"

#include <assert.h>

static void take_one(struct weir_watch *watch, uint32_t events)
{
	struct weir_signal *signal =
		weir_container_of(watch, struct weir_signal, watch);

	(void)events;
	/* taken elsewhere: by another descriptor or sigwait(3) */
	if (weir_sys_signalfd_take(watch->fd) == 1)
		signal->on_signal(signal);
}

int weir_signal_open(struct weir_signal *signal, struct weir_loop *loop,
		     int number, weir_signal_fn *on_signal)
{
	bool was_blocked;
	int fd;
	int error;

	assert(!signal->watch.loop);
	fd = weir_sys_signalfd_open(number, &was_blocked);
	if (fd < 0)
		return fd;
	error = weir_watch_open(&signal->watch, loop, fd, EPOLLIN, take_one);
	if (error < 0) {
		weir_sys_close(fd);
		if (!was_blocked)
			weir_sys_signal_unblock(number);
		return error;
	}
	signal->watch.kind = WEIR_WORK_SIGNAL;
	signal->on_signal = on_signal;
	signal->number = number;
	signal->was_blocked = was_blocked;
	signal->link = (struct weir_list){0};
	weir_list_append(&loop->signals, &signal->link);
	return 0;
}

/* Another open watcher of the same signal; NULL: there is no other. */
static struct weir_signal *find_other(struct weir_loop *loop, int number)
{
	weir_list_for_each(link, &loop->signals) {
		struct weir_signal *other =
			weir_container_of(link, struct weir_signal, link);

		if (other->number == number)
			return other;
	}
	return NULL;
}

void weir_signal_close(struct weir_signal *signal)
{
	struct weir_loop *loop = signal->watch.loop;
	struct weir_signal *other;

	if (!loop)
		return;
	weir_watch_close(&signal->watch);
	weir_sys_close(signal->watch.fd);
	weir_list_remove(&signal->link);
	if (signal->was_blocked)
		return;
	/* the last one to close restores the state before the first */
	other = find_other(loop, signal->number);
	if (other)
		other->was_blocked = false;
	else
		weir_sys_signal_unblock(signal->number);
}
