/* The least an echo can cost: level-triggered epoll, one recv and one send,
 * and no queue. A peer that reads slower than it writes is closed at the first
 * short send, so this is no server to use; it is the floor to compare with. */
#include <sys/epoll.h>

#include "listen.h"

enum {
	N_EVENTS = 256
};

static char block[READ_SIZE];

static void accept_all(int epoll_fd, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		no_delay(fd);
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			close(fd);
	}
}

static void echo(int fd)
{
	ssize_t n = recv(fd, block, sizeof block, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(fd, block, (size_t)n, MSG_NOSIGNAL) < n)
		close(fd);
}

int main(int argc, char **argv)
{
	struct epoll_event events[N_EVENTS];
	struct epoll_event event = {.events = EPOLLIN};
	int listener = listen_on("raw_epoll", port_of(argc, argv));
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	event.data.fd = listener;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, N_EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				accept_all(epoll_fd, listener);
			else
				echo(events[i].data.fd);
	}
}
