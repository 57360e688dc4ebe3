#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 64
};

static int give_up(int fd)
{
	int error = errno;

	(void)close(fd);
	return -error;
}

int dial_listen(struct sockaddr_in *address, int sndbuf)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr *any = (struct sockaddr *)address;
	socklen_t len = sizeof *address;
	const int yes = 1;

	if (fd < 0)
		return -errno;
	*address =
		(struct sockaddr_in){.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
	    bind(fd, any, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, any, &len) < 0)
		return give_up(fd);
	return fd;
}

int dial_connect(const struct sockaddr_in *address, int rcvbuf)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int yes = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
	    (rcvbuf > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				      sizeof rcvbuf) < 0) ||
	    connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
		return give_up(fd);
	return fd;
}

int dial_buffer_size(int fd, int option)
{
	int size = 0;
	socklen_t len = sizeof size;

	(void)getsockopt(fd, SOL_SOCKET, option, &size, &len);
	return size;
}
