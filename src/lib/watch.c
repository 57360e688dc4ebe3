/* Watches: interest in a descriptor, and how it reaches epoll.
 *
 * A change of interest waits in the loop's list until just before the next
 * wait, so a change that is undone within a turn costs nothing. */
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

void weir_watch_put(struct weir_watch *watch, enum weir_due due)
{
	struct weir_loop *loop = watch->loop;

	weir_list_remove(&watch->work);
	watch->due = (uint8_t)due;
	if (due == WEIR_DUE_COMMIT) {
		weir_list_append(&loop->changed, &watch->work);
		loop->chores |= WEIR_CHORE_COMMIT;
	} else if (due == WEIR_DUE_CLOSE) {
		weir_list_append(&loop->closes, &watch->work);
		loop->chores |= WEIR_CHORE_CLOSE;
	} else {
		weir_list_append(&loop->deferred, &watch->work);
		loop->chores |= WEIR_CHORE_DEFERRED;
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
		weir_watch_put(watch, WEIR_DUE_COMMIT);
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
		weir_watch_put(watch, WEIR_DUE_CLOSE);
}

void weir_watch_defer(struct weir_watch *watch)
{
	if (watch->due == WEIR_DUE_FLUSH)
		watch->due = WEIR_DUE_DEFERRED;
	else if (watch->due < WEIR_DUE_DEFERRED)
		weir_watch_put(watch, WEIR_DUE_DEFERRED);
}

void weir_watch_defer_flush(struct weir_watch *watch)
{
	if (watch->due < WEIR_DUE_FLUSH)
		weir_watch_put(watch, WEIR_DUE_FLUSH);
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

void weir_loop_commit_changes(struct weir_loop *loop)
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
void weir_loop_commit_list(const struct weir_list *list)
{
	weir_list_for_each(link, list) {
		struct weir_watch *watch =
			weir_container_of(link, struct weir_watch, work);

		if (watch->wanted != WEIR_REFUSED &&
		    watch->due != WEIR_DUE_FLUSH)
			commit(watch);
	}
}
