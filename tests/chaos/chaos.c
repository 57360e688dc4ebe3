/* weir-server's kernel on a bad day, which repeats: linked in front of the
 * system calls of sys.c, this shortens them, interrupts them, says that there
 * is nothing, no room or no memory, and comes late, all of it from the seed in
 * WEIR_CHAOS. Nothing here may lose a byte: each call may do this at any time.
 *
 * Each kind of call has a rate of its own, from never to every second call, so
 * that no two seeds are alike. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum kind {
	SEND,
	RECEIVE,
	ACCEPT,
	CONNECT,
	WAIT,
	CLOSE,
	READ,
	N_KINDS
};

enum {
	MAX_IOV = 64,
	MAX_DELAY_NS = 2000000
};

/* xorshift64*, never 0. */
static _Thread_local uint64_t state;
/* Of 64 calls of a kind so many are hit. */
static _Thread_local unsigned rates[N_KINDS];

static uint64_t dice(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545F4914F6CDD1DU) >> 16;
}

/* Each thread has its own sequence, by the order in which they begin. */
static void begin(void)
{
	static const unsigned choices[] = {0, 1, 4, 16, 32};
	static atomic_uint n_threads;
	const char *seed = getenv("WEIR_CHAOS");
	size_t i;

	state = (seed ? strtoull(seed, NULL, 10) : 0) * 1000 +
		atomic_fetch_add(&n_threads, 1) + 1;
	state *= 0x9E3779B97F4A7C15U;
	for (i = 0; i < N_KINDS; i++)
		rates[i] = choices[dice() % 5];
}

static bool is_hit(enum kind kind)
{
	if (state == 0)
		begin();
	return dice() % 64 < rates[kind];
}

/* A failure is one of these, or 0: the call is made, but short. */
static int pick(const int *errors, size_t n)
{
	return errors[dice() % n];
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static size_t shorten(size_t n)
{
	return n > 1 ? 1 + dice() % (n - 1) : n;
}

static const int of_stream[] = {0, 0, EAGAIN, EINTR};
/* A stream that the kernel has no memory for may end (docs/design.md). */
static const int of_datagram[] = {0, EAGAIN, EINTR, ENOBUFS};

/* -- bytes -- */

ssize_t __real_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recv(int fd, void *data, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t n, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
		    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
		    struct timespec *timeout);
ssize_t __real_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n);

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	int error;

	if (!is_hit(SEND))
		return __real_send(fd, data, n, flags);
	error = pick(of_stream, 4);
	return error ? fail(error) : __real_send(fd, data, shorten(n), flags);
}

/* Only as far into the vector as a random byte. */
static ssize_t send_part(int fd, const struct msghdr *message, int flags)
{
	struct iovec iov[MAX_IOV];
	struct msghdr part = *message;
	size_t n = 0;
	size_t i;

	for (i = 0; i < message->msg_iovlen && i < MAX_IOV; i++) {
		iov[i] = message->msg_iov[i];
		n += iov[i].iov_len;
	}
	part.msg_iov = iov;
	part.msg_iovlen = 0;
	n = shorten(n);
	for (i = 0; n > 0; i++) {
		if (iov[i].iov_len > n)
			iov[i].iov_len = n;
		n -= iov[i].iov_len;
		part.msg_iovlen++;
	}
	return __real_sendmsg(fd, &part, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	int error;

	if (!is_hit(SEND))
		return __real_sendmsg(fd, message, flags);
	error = pick(of_stream, 4);
	return error ? fail(error) : send_part(fd, message, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t n, int flags)
{
	int error;

	if (!is_hit(RECEIVE))
		return __real_recv(fd, data, n, flags);
	error = pick(of_stream, 4);
	return error ? fail(error) : __real_recv(fd, data, shorten(n), flags);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	int error;

	if (!is_hit(SEND))
		return __real_sendmmsg(fd, messages, n, flags);
	error = pick(of_datagram, 4);
	return error ? fail(error)
		     : __real_sendmmsg(fd, messages, (unsigned)shorten(n),
				       flags);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
		    struct timespec *timeout)
{
	int error;

	if (!is_hit(RECEIVE))
		return __real_recvmmsg(fd, messages, n, flags, timeout);
	error = pick(of_stream, 4);
	return error ? fail(error)
		     : __real_recvmmsg(fd, messages, (unsigned)shorten(n),
				       flags, timeout);
}

/* Of eventfds and signalfds, which are never short. */
ssize_t __wrap_read(int fd, void *data, size_t n)
{
	return is_hit(READ) ? fail(EINTR) : __real_read(fd, data, n);
}

/* -- connections and waiting -- */

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int max,
		      int ms);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max,
		      int ms);
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	static const int errors[] = {EAGAIN, EINTR, ECONNABORTED, ENOBUFS};

	return is_hit(ACCEPT) ? fail(pick(errors, 4))
			      : __real_accept4(fd, address, len, flags);
}

/* An interrupted connect goes on (connect(2)). */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int result = __real_connect(fd, address, len);

	return result == 0 && is_hit(CONNECT) ? fail(EINTR) : result;
}

/* Before or after it the thread is away. */
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int max, int ms)
{
	if (is_hit(WAIT)) {
		const struct timespec delay = {
			.tv_nsec = (long)(dice() % MAX_DELAY_NS)};

		if (dice() % 4 == 0)
			return fail(EINTR);
		nanosleep(&delay, NULL);
		max = (int)shorten((size_t)max);
	}
	return __real_epoll_wait(epoll_fd, events, max, ms);
}

/* The descriptor is gone all the same. */
int __wrap_close(int fd)
{
	int result = __real_close(fd);

	return result == 0 && is_hit(CLOSE) ? fail(EINTR) : result;
}
