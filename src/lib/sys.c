/* The only access to the kernel: each function is one call, and its error a
 * negative errno. Comments say where a function differs from the bare call. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* musl is often installed without the kernel's headers. These numbers are the
 * kernel's stable interface: include/uapi/linux/sockios.h, and
 * scripts/syscall.tbl, where 441 holds for every architecture except alpha. */
#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif
#ifndef SIOCOUTQNSD
#define SIOCOUTQNSD 0x894B
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* Failures are out of line, so that success costs one call and one compare. */
__attribute__((cold, noinline)) static int failure(void)
{
	return -errno;
}

/* The result of a non-blocking socket call. */
__attribute__((cold, noinline)) static int failure_of_socket(void)
{
	return errno == EINTR ? -EAGAIN : -errno;
}

void *weir_sys_alloc(size_t n_bytes)
{
	return malloc(n_bytes);
}

void weir_sys_free(void *p)
{
	free(p);
}

void weir_sys_release_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

uint64_t weir_sys_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * WEIR_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t weir_sys_thread_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * WEIR_NS_PER_S + (uint64_t)t.tv_nsec;
}

int weir_sys_epoll_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd >= 0 ? fd : failure();
}

int weir_sys_epoll_add(int epoll_fd, int fd, uint32_t events, void *ptr)
{
	struct epoll_event e = {.events = events, .data.ptr = ptr};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : failure();
}

int weir_sys_epoll_mod(int epoll_fd, int fd, uint32_t events, void *ptr)
{
	struct epoll_event e = {.events = events, .data.ptr = ptr};

	return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e) == 0 ? 0 : failure();
}

int weir_sys_epoll_del(int epoll_fd, int fd)
{
	return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL) == 0 ? 0
								 : failure();
}

/* In whole ms, rounded up: a timer must not fire early, and rounding down would
 * spin for the last ms. */
static int wait_ms(int epoll_fd, struct epoll_event *events, int max_events,
		   int64_t timeout_ns)
{
	int64_t ms =
		timeout_ns / WEIR_NS_PER_MS + (timeout_ns % WEIR_NS_PER_MS > 0);

	while (ms > INT_MAX) {
		int n = epoll_wait(epoll_fd, events, max_events, INT_MAX);

		if (n != 0)
			return n;
		ms -= INT_MAX;
	}
	return epoll_wait(epoll_fd, events, max_events, (int)ms);
}

/* Each call finds out anew whether the kernel lacks epoll_pwait2: remembering
 * it would take a global, and only old kernels or a sandbox pay for it. */
static __attribute__((noinline)) int wait_timed(int epoll_fd,
						struct epoll_event *events,
						int max_events,
						int64_t timeout_ns)
{
	/* a struct __kernel_timespec, which is 64 bits wide everywhere */
	const int64_t timeout[2] = {timeout_ns / WEIR_NS_PER_S,
				    timeout_ns % WEIR_NS_PER_S};
	int n;

	if (timeout_ns % WEIR_NS_PER_MS == 0)
		return wait_ms(epoll_fd, events, max_events, timeout_ns);
	n = (int)syscall(SYS_epoll_pwait2, epoll_fd, events, max_events,
			 timeout, NULL, 0);
	if (n < 0 && (errno == ENOSYS || errno == EPERM))
		return wait_ms(epoll_fd, events, max_events, timeout_ns);
	return n;
}

int weir_sys_epoll_wait(int epoll_fd, struct epoll_event *events,
			int max_events, int64_t timeout_ns)
{
	int n;

	if (timeout_ns <= 0)
		n = epoll_wait(epoll_fd, events, max_events,
			       timeout_ns < 0 ? -1 : 0);
	else
		n = wait_timed(epoll_fd, events, max_events, timeout_ns);
	if (n >= 0)
		return n;
	return errno == EINTR ? 0 : failure();
}

int weir_sys_timerfd_open(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd >= 0 ? fd : failure();
}

int weir_sys_timerfd_set(int fd, uint64_t deadline_ns)
{
	struct itimerspec t = {
		.it_value.tv_sec = (time_t)(deadline_ns / WEIR_NS_PER_S),
		.it_value.tv_nsec = (long)(deadline_ns % WEIR_NS_PER_S),
	};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL) == 0
		       ? 0
		       : failure();
}

/* sigprocmask(2) is the calling thread's on Linux; pthread_sigmask(3), which
 * does the same, would cost older glibc programs -lpthread. */
int weir_sys_signalfd_open(int signo, bool *was_blocked)
{
	sigset_t set;
	sigset_t old;
	int fd;

	sigemptyset(&set);
	/* signalfd(2) ignores these two silently */
	if (signo == SIGKILL || signo == SIGSTOP || sigaddset(&set, signo) < 0)
		return -EINVAL;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return failure();
	sigprocmask(SIG_BLOCK, &set, &old);
	*was_blocked = sigismember(&old, signo) == 1;
	return fd;
}

int weir_sys_signalfd_take(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) > 0)
		return 1;
	return errno == EAGAIN || errno == EINTR ? 0 : failure();
}

int weir_sys_signal_unblock(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	if (sigaddset(&set, signo) < 0)
		return failure();
	return sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 ? 0 : failure();
}

int weir_sys_eventfd_open(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd >= 0 ? fd : failure();
}

/* read and write, not eventfd_read(3) and eventfd_write(3): ThreadSanitizer
 * then sees which thread synchronizes with which. */
void weir_sys_eventfd_raise(int fd)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(fd, &one, sizeof one);

	(void)n;
	errno = saved;
}

int weir_sys_eventfd_take(int fd)
{
	uint64_t n_raised;

	if (read(fd, &n_raised, sizeof n_raised) > 0)
		return 1;
	return errno == EAGAIN || errno == EINTR ? 0 : failure();
}

int weir_sys_wait_writable(int fd, int64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / WEIR_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % WEIR_NS_PER_S),
	};
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int n = ppoll(&pollfd, 1, timeout_ns < 0 ? NULL : &timeout, NULL);

	if (n >= 0)
		return n;
	return errno == EINTR ? 0 : failure();
}

int weir_sys_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd >= 0 ? fd : failure();
}

int weir_sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len) == 0 ? 0 : failure();
}

int weir_sys_listen(int fd, int backlog)
{
	return listen(fd, backlog) == 0 ? 0 : failure();
}

int weir_sys_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int accepted = accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return accepted >= 0 ? accepted : failure_of_socket();
}

int weir_sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (connect(fd, addr, len) == 0)
		return 0;
	/* an interrupted connect goes on by itself (connect(2)) */
	return errno == EINTR ? -EINPROGRESS : failure();
}

int weir_sys_socket_error(int fd)
{
	int value = 0;
	int error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &value);

	return error < 0 ? error : -value;
}

int weir_sys_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return failure();
	return 0;
}

int weir_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getsockname(fd, addr, len) == 0 ? 0 : failure();
}

int weir_sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getpeername(fd, addr, len) == 0 ? 0 : failure();
}

int weir_sys_setsockopt(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0
		       ? 0
		       : failure();
}

int weir_sys_getsockopt(int fd, int level, int option, int *value)
{
	socklen_t len = sizeof *value;

	return getsockopt(fd, level, option, value, &len) == 0 ? 0 : failure();
}

int weir_sys_reset_on_close(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0
		       ? 0
		       : failure();
}

ssize_t weir_sys_recv(int fd, void *data, size_t n_bytes)
{
	ssize_t n = recv(fd, data, n_bytes, MSG_DONTWAIT);

	return n >= 0 ? n : failure_of_socket();
}

ssize_t weir_sys_send(int fd, const void *data, size_t n_bytes)
{
	ssize_t n = send(fd, data, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n >= 0 ? n : failure_of_socket();
}

ssize_t weir_sys_sendv(int fd, const struct iovec *iov, size_t n_iov,
		       bool is_more_to_come)
{
	/* The vector is cast by way of an integer: sendmsg(2) does not write to
	 * it, but struct msghdr, which serves recvmsg(2) too, has no const. Its
	 * length is a size_t in glibc and an int in musl. */
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov};
	ssize_t n;

	message.msg_iovlen = (__typeof__(message.msg_iovlen))n_iov;
	n = sendmsg(fd, &message,
		    MSG_DONTWAIT | MSG_NOSIGNAL |
			    (is_more_to_come ? MSG_MORE : 0));
	return n >= 0 ? n : failure_of_socket();
}

int weir_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n)
{
	int n_received =
		recvmmsg(fd, messages, n, MSG_DONTWAIT | MSG_TRUNC, NULL);

	return n_received >= 0 ? n_received : failure_of_socket();
}

int weir_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n)
{
	int n_sent = sendmmsg(fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n_sent >= 0 ? n_sent : failure_of_socket();
}

int weir_sys_take_error(int fd)
{
	struct msghdr message = {.msg_iov = NULL};

	return recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0
		       ? 0
		       : failure_of_socket();
}

ssize_t weir_sys_pread(int fd, void *data, size_t n_bytes, off_t offset)
{
	ssize_t n;

	do
		n = pread(fd, data, n_bytes, offset);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : failure();
}

bool weir_sys_is_sigpipe_ignored(void)
{
	struct sigaction action;
	sigset_t blocked;

	return sigaction(SIGPIPE, NULL, &action) == 0 &&
	       !(action.sa_flags & SA_SIGINFO) &&
	       action.sa_handler == SIG_IGN &&
	       sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 &&
	       sigismember(&blocked, SIGPIPE) == 0;
}

/* How SIGPIPE was for this thread before it was blocked. */
struct sigpipe {
	bool is_harmless; /* and so it was not blocked */
	bool is_blocked;
	bool is_pending; /* one, which is not ours */
};

/* See weir_sys_signalfd_open. */
static struct sigpipe block_sigpipe(bool is_harmless)
{
	struct sigpipe before = {.is_harmless = is_harmless};
	sigset_t set;
	sigset_t old;

	if (is_harmless)
		return before;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &old);
	before.is_blocked = sigismember(&old, SIGPIPE) == 1;
	before.is_pending = before.is_blocked && sigpending(&set) == 0 &&
			    sigismember(&set, SIGPIPE) == 1;
	return before;
}

/* After a call that did all it was to do, or not. A SIGPIPE that this call has
 * raised is taken first: when the peer goes in mid-call it raises one, and yet
 * returns the bytes that went before. */
static void unblock_sigpipe(struct sigpipe before, bool is_done)
{
	const struct timespec at_once = {.tv_sec = 0};
	sigset_t set;

	if (before.is_harmless)
		return;
	if (!is_done && !before.is_pending) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		sigtimedwait(&set, NULL, &at_once);
	}
	if (!before.is_blocked)
		(void)weir_sys_signal_unblock(SIGPIPE);
}

ssize_t weir_sys_sendfile(int fd, int file, off_t *offset, size_t n_bytes,
			  bool is_sigpipe_harmless)
{
	struct sigpipe before = block_sigpipe(is_sigpipe_harmless);
	ssize_t n = sendfile(fd, file, offset, n_bytes);

	if (n < 0)
		n = failure_of_socket();
	unblock_sigpipe(before, n == (ssize_t)n_bytes);
	return n;
}

ssize_t weir_sys_splice(int from, int to, size_t n_bytes,
			bool is_sigpipe_harmless)
{
	struct sigpipe before = block_sigpipe(is_sigpipe_harmless);
	ssize_t n = splice(from, NULL, to, NULL, n_bytes,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		n = failure_of_socket();
	unblock_sigpipe(before, n == (ssize_t)n_bytes);
	return n;
}

/* The kernel refuses the size where a user has too many pipes already. */
int weir_sys_pipe(int fds[2], size_t n_bytes)
{
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return failure();
	(void)fcntl(fds[1], F_SETPIPE_SZ, (int)n_bytes);
	return 0;
}

ssize_t weir_sys_read(int fd, void *data, size_t n_bytes)
{
	ssize_t n;

	do
		n = read(fd, data, n_bytes);
	while (n < 0 && errno == EINTR);
	return n >= 0 ? n : failure();
}

/* SO_MEMINFO gives SK_MEMINFO_VARS numbers (linux/sock_diag.h). */
size_t weir_sys_send_room(int fd)
{
#ifdef SO_MEMINFO
	enum {
		SNDBUF = 3,
		WMEM_QUEUED = 5
	};
	uint32_t info[16];
	socklen_t len = sizeof info;

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
	    len > WMEM_QUEUED * sizeof info[0] &&
	    info[SNDBUF] > info[WMEM_QUEUED])
		return info[SNDBUF] - info[WMEM_QUEUED];
#else
	(void)fd;
#endif
	return 0;
}

bool weir_sys_is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

int weir_sys_shutdown_write(int fd)
{
	return shutdown(fd, SHUT_WR) == 0 ? 0 : failure();
}

int weir_sys_close(int fd)
{
	return close(fd) == 0 || errno == EINTR ? 0 : failure();
}

int weir_sys_unread(int fd)
{
	int n;

	return ioctl(fd, FIONREAD, &n) == 0 ? n : failure();
}

int weir_sys_unacked(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : failure();
}

int weir_sys_unsent(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQNSD, &n) == 0 ? n : failure();
}

int weir_sys_lstat(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 ? 0 : failure();
}

int weir_sys_fstat(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 ? 0 : failure();
}

int weir_sys_unlink(const char *path)
{
	return unlink(path) == 0 ? 0 : failure();
}

int weir_sys_open_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : failure();
}

int weir_sys_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : failure();
}

int weir_sys_getaddrinfo(const char *host, const char *port,
			 const struct addrinfo *hints, struct addrinfo **found)
{
	switch (getaddrinfo(host, port, hints, found)) {
	case 0:
		return 0;
	case EAI_NONAME:
	case EAI_NODATA:
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return -ENOENT;
	case EAI_AGAIN:
	case EAI_FAIL:
	case EAI_SYSTEM: /* for example, the resolver's own sockets */
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

void weir_sys_freeaddrinfo(struct addrinfo *found)
{
	freeaddrinfo(found);
}
