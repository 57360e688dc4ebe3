/* 10,000 subscribers who connect over loopback and never read. */
#ifndef CROWD_H
#define CROWD_H

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resident.h"

enum {
	N_SUBSCRIBERS = 10000,
	KERNEL_SIZE = 4096 /* little of the kernel's memory for each */
};

static struct weir_conn subscribers[N_SUBSCRIBERS];
static int n_subscribers;

static const struct weir_conn_limits limits = {.stall_ns = WEIR_NEVER};

/* What they are opened with. */
static const struct weir_conn_events *subscriber_events;

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	int error = weir_conn_open(&subscribers[n_subscribers++],
				   weir_listener_loop(listener), fd,
				   subscriber_events, &limits);

	(void)peer;
	if (error < 0)
		fail("weir_conn_open", error);
}

/* In a process of their own, since descriptors are limited in each. */
static pid_t start_subscribers(const struct weir_address *address)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int size = KERNEL_SIZE;

		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		if (fd < 0 || connect(fd, &address->sa.any, address->len) < 0)
			fail("connect", -errno);
	}
	for (;;)
		pause();
}

/* Open all of them; the process that holds their other ends is returned. */
static pid_t gather_crowd(struct weir_loop *loop,
			  const struct weir_conn_events *events)
{
	struct weir_listener_options options = {.sndbuf = KERNEL_SIZE};
	struct weir_listener listener = {0};
	struct weir_address address;
	struct rlimit files;
	pid_t pid;
	int error;

	subscriber_events = events;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &address, 1);
	error = weir_listener_open(&listener, loop, &address, &options,
				   on_accept);
	if (error < 0)
		fail("weir_listener_open", error);
	pid = start_subscribers(weir_listener_address(&listener));
	while (n_subscribers < N_SUBSCRIBERS)
		if (weir_loop_turn(loop, 10000000000) == 0)
			fail("a subscriber", -ETIMEDOUT);
	weir_listener_close(&listener);
	return pid;
}

#endif
