/* A wakeup is an eventfd: the kernel's counter is all that threads share. The
 * sender reads the descriptor's number alone, which does not change while the
 * wakeup is open. */
#include "sys.h"
#include <weir/wakeup.h>

#include <assert.h>

/* The counter is reset before the call: a send from here on, also during the
 * call, causes another call. */
static void take_all(struct weir_watch *watch, uint32_t events)
{
	struct weir_wakeup *wakeup =
		weir_container_of(watch, struct weir_wakeup, watch);

	(void)events;
	if (weir_sys_eventfd_take(watch->fd) == 1)
		wakeup->on_wakeup(wakeup);
}

int weir_wakeup_open(struct weir_wakeup *wakeup, struct weir_loop *loop,
		     weir_wakeup_fn *on_wakeup)
{
	int fd;
	int error;

	assert(!wakeup->watch.loop);
	fd = weir_sys_eventfd_open();
	if (fd < 0)
		return fd;
	error = weir_watch_open(&wakeup->watch, loop, fd, EPOLLIN, take_all);
	if (error < 0) {
		weir_sys_close(fd);
		return error;
	}
	wakeup->watch.kind = WEIR_WORK_WAKEUP;
	wakeup->on_wakeup = on_wakeup;
	return 0;
}

void weir_wakeup_send(struct weir_wakeup *wakeup)
{
	weir_sys_eventfd_raise(wakeup->watch.fd);
}

void weir_wakeup_close(struct weir_wakeup *wakeup)
{
	if (!wakeup->watch.loop)
		return;
	weir_watch_close(&wakeup->watch);
	weir_sys_close(wakeup->watch.fd);
}
