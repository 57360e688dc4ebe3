/* Each wrapper counts one call, and is otherwise the function it wraps: the
 * linker has renamed that one to __real_. */
#include "calls.h"

#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* See sys.c: musl may be installed without the kernel's headers. */
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static _Thread_local struct calls *counted;

void calls_count(struct calls *calls)
{
	counted = calls;
}

static void count(void)
{
	if (counted)
		atomic_fetch_add_explicit(&counted->n_calls, 1,
					  memory_order_relaxed);
}

static void count_wakeups(const struct epoll_event *events, int n)
{
	uint64_t n_writable = 0;

	for (int i = 0; i < n; i++)
		n_writable += (events[i].events & EPOLLOUT) != 0;
	if (counted && n_writable > 0)
		atomic_fetch_add_explicit(&counted->n_wakeups, n_writable,
					  memory_order_relaxed);
}

/* -- bytes -- */

ssize_t __real_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recv(int fd, void *data, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t n, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	count();
	return __real_send(fd, data, n, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	count();
	return __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t n, int flags)
{
	count();
	return __real_recv(fd, data, n, flags);
}

/* -- waiting -- */

int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int max,
		      int ms);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max,
		      int ms);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
	count();
	return __real_epoll_ctl(epoll_fd, op, fd, event);
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int ms)
{
	int n;

	count();
	n = __real_epoll_wait(epoll_fd, events, max, ms);
	count_wakeups(events, n);
	return n;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
			   struct itimerspec *old)
{
	count();
	return __real_timerfd_settime(fd, flags, value, old);
}

/* The library's way to epoll_pwait2, which C libraries of its time lack. */
long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list list;
	long n;

	va_start(list, number);
	for (size_t i = 0; i < sizeof a / sizeof *a; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	count();
	n = __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_epoll_pwait2)
		count_wakeups((const struct epoll_event *)a[1], (int)n);
	return n;
}

/* -- descriptors -- */

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_setsockopt(int fd, int level, int option, const void *value,
		      socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value,
		      socklen_t len);
int __real_getsockopt(int fd, int level, int option, void *value,
		      socklen_t *len);
int __wrap_getsockopt(int fd, int level, int option, void *value,
		      socklen_t *len);
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	count();
	return __real_accept4(fd, address, len, flags);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value,
		      socklen_t len)
{
	count();
	return __real_setsockopt(fd, level, option, value, len);
}

int __wrap_getsockopt(int fd, int level, int option, void *value,
		      socklen_t *len)
{
	count();
	return __real_getsockopt(fd, level, option, value, len);
}

int __wrap_shutdown(int fd, int how)
{
	count();
	return __real_shutdown(fd, how);
}

int __wrap_close(int fd)
{
	count();
	return __real_close(fd);
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list list;
	long value;

	va_start(list, command);
	value = va_arg(list, long);
	va_end(list);
	count();
	return __real_fcntl(fd, command, value);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *value;

	va_start(list, request);
	value = va_arg(list, void *);
	va_end(list);
	count();
	return __real_ioctl(fd, request, value);
}
