/* A plain epoll server, on which six of the strategies run: one thread, level-
 * triggered, non-blocking sockets. It echoes with a bare send: 64 bytes for
 * somebody who waits for them always have room. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "strategy.h"

enum {
	N_EVENTS = 64,
	READ_SIZE = 4096
};

struct plain {
	const struct strategy *strategy;
	struct stage *stage;
	int epoll_fd;
	struct guest *guests; /* stage->n_audience of them */
	unsigned n_accepted;
	unsigned n_gone;
};

void guest_wait_for_room(struct guest *guest, bool is_waiting)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = guest};

	if (guest->is_waiting == is_waiting)
		return;
	guest->is_waiting = is_waiting;
	if (is_waiting)
		event.events |= EPOLLOUT;
	(void)epoll_ctl(guest->epoll_fd, EPOLL_CTL_MOD, guest->fd, &event);
}

void guest_finish(struct guest *guest)
{
	guest_wait_for_room(guest, false);
	(void)shutdown(guest->fd, SHUT_WR);
}

void guest_drop(struct guest *guest)
{
	if (guest->queue)
		stage_queued(guest->stage, 0);
	free(guest->queue);
	guest->queue = NULL;
	(void)close(guest->fd);
	guest->fd = -1;
}

static void accept_guest(struct plain *plain)
{
	struct guest *guest = &plain->guests[plain->n_accepted];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = guest};
	int fd = accept4(plain->stage->listener_fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	*guest = (struct guest){
		.fd = fd, .stage = plain->stage, .epoll_fd = plain->epoll_fd};
	if (plain->strategy->is_always_armed)
		event.events |= EPOLLOUT;
	(void)epoll_ctl(plain->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (++plain->n_accepted == plain->stage->n_audience)
		(void)epoll_ctl(plain->epoll_fd, EPOLL_CTL_DEL,
				plain->stage->listener_fd, NULL);
}

static void receive(struct plain *plain, struct guest *guest)
{
	char data[READ_SIZE];
	ssize_t n = recv(guest->fd, data, sizeof data, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		guest_drop(guest);
	} else if (data[0] != '?') {
		(void)send(guest->fd, data, (size_t)n, MSG_NOSIGNAL);
	} else {
		guest->data = plain->stage->debt;
		guest->n = plain->stage->n_debt;
		plain->strategy->give(guest);
	}
}

static void dispatch(struct plain *plain, const struct epoll_event *event)
{
	struct guest *guest = event->data.ptr;

	if (!guest) {
		accept_guest(plain);
		return;
	}
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(plain, guest);
	if (guest->fd >= 0 && (event->events & EPOLLOUT))
		plain->strategy->on_writable(guest);
	if (guest->fd < 0)
		plain->n_gone++;
}

static int turn(struct plain *plain)
{
	struct epoll_event events[N_EVENTS];
	int n = epoll_wait(plain->epoll_fd, events, N_EVENTS, -1);

	for (int i = 0; i < n; i++)
		dispatch(plain, &events[i]);
	return n < 0 && errno != EINTR ? errno : 0;
}

void plain_serve(const struct strategy *strategy, struct stage *stage)
{
	struct plain plain = {.strategy = strategy, .stage = stage};
	struct epoll_event event = {.events = EPOLLIN};

	plain.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	plain.guests = calloc(stage->n_audience, sizeof *plain.guests);
	if (!plain.guests)
		stage->error = ENOMEM;
	else if (plain.epoll_fd < 0 ||
		 epoll_ctl(plain.epoll_fd, EPOLL_CTL_ADD, stage->listener_fd,
			   &event) < 0)
		stage->error = errno;
	while (!stage->error && plain.n_gone < stage->n_audience)
		stage->error = turn(&plain);
	free(plain.guests);
	if (plain.epoll_fd >= 0)
		(void)close(plain.epoll_fd);
	(void)close(stage->listener_fd);
}
