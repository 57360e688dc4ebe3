/* What the peers share: a listening socket on 127.0.0.1, and the line that
 * says where. */
#ifndef LISTEN_H
#define LISTEN_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 511,
	/* what one read takes at most, as in weir-server */
	READ_SIZE = 65536
};

/* The soft limit on descriptors becomes the hard one, SIGPIPE is ignored. */
static inline int listen_on(const char *name, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((in_port_t)atoi(port))};
	struct sockaddr *sa = (struct sockaddr *)(void *)&at;
	socklen_t len = sizeof at;
	struct rlimit files;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, sa, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, sa, &len) < 0) {
		fprintf(stderr, "%s: 127.0.0.1:%s: %s\n", name, port,
			strerror(errno));
		exit(2);
	}
	fprintf(stderr, "%s: echo listening on 127.0.0.1:%d\n", name,
		ntohs(at.sin_port));
	return fd;
}

static inline void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The only argument. */
static inline const char *port_of(int argc, char **argv)
{
	if (argc == 2)
		return argv[1];
	fprintf(stderr, "usage: %s PORT\n", argv[0]);
	exit(2);
}

#endif
