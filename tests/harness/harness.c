/* Leak checks, sockets, patterns and random numbers for every suite. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

#include "fault.h"

enum {
	PATIENCE_MS = 10000,
	SETTLE_MS = 50,
	N_FDS = 4096
};

static struct {
	bool was_open[N_FDS];
	uint64_t seed;
	uint64_t random;
} state;

void harness_die(const char *format, ...)
{
	va_list args;

	fputs("harness: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (WEIR_SEED=%llu)\n", (unsigned long long)state.seed);
	abort();
}

void must(long result, const char *what)
{
	if (result < 0)
		harness_die("%s: %s", what, strerror(errno));
}

/* -- descriptors -- */

/* Note in is_open which of the first N_FDS descriptors are; how many. */
static int list_fds(bool *is_open)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	int n = 0;

	if (!dir)
		harness_die("no /proc/self/fd: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		long fd = strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		n++;
		if (fd < N_FDS)
			is_open[fd] = true;
	}
	closedir(dir);
	return n;
}

int harness_count_fds(void)
{
	bool is_open[N_FDS] = {false};

	return list_fds(is_open);
}

static void die_of_leak(int fd)
{
	char path[64];
	char target[128] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof target - 1) < 0)
		harness_die("descriptor %d is left open", fd);
	harness_die("descriptor %d is left open: %s", fd, target);
}

void harness_begin(void)
{
	const char *seed = getenv("WEIR_SEED");

	state.seed = seed ? strtoull(seed, NULL, 10) : 1;
	state.random = state.seed ^ UINT64_C(0x9E3779B97F4A7C15);
	fault_reset();
	fault_time_virtual(HARNESS_START_NS);
	list_fds(state.was_open);
}

void harness_end(void)
{
	bool is_open[N_FDS] = {false};
	int fd;

	list_fds(is_open);
	for (fd = 0; fd < N_FDS; fd++)
		if (is_open[fd] && !state.was_open[fd])
			die_of_leak(fd);
	if (fault_n_live() > 0)
		harness_die("%zu pieces of memory, %zu bytes, are leaked",
			    fault_n_live(), fault_n_live_bytes());
}

static void set_buffer(int fd, int option, int n_bytes)
{
	if (n_bytes > 0)
		must(setsockopt(fd, SOL_SOCKET, option, &n_bytes,
				sizeof n_bytes),
		     "setsockopt");
}

void harness_unix_pair(int fd[2], int sndbuf)
{
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			fd),
	     "socketpair");
	set_buffer(fd[0], SO_SNDBUF, sndbuf);
}

/* The listening socket passes its receive buffer on to what it accepts. */
void harness_tcp_pair(int fd[2], int sndbuf)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *addr = (struct sockaddr *)(void *)&name;
	socklen_t len = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(listener, "socket");
	set_buffer(listener, SO_RCVBUF, sndbuf);
	must(bind(listener, addr, len), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, addr, &len), "getsockname");
	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd[0], "socket");
	set_buffer(fd[0], SO_SNDBUF, sndbuf);
	must(connect(fd[0], addr, len), "connect");
	fd[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(fd[1], "accept");
	must(fcntl(fd[0], F_SETFL, O_NONBLOCK), "fcntl");
	close(listener);
	fault_time_settle(SETTLE_MS);
}

static void await(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("nothing moved on descriptor %d for %d ms", fd,
			    PATIENCE_MS);
}

void harness_write(int fd, const void *data, size_t n)
{
	const unsigned char *from = data;

	while (n > 0) {
		ssize_t n_sent = send(fd, from, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n_sent < 0 && errno == EAGAIN) {
			await(fd, POLLOUT);
			continue;
		}
		if (n_sent < 0)
			harness_die("cannot write: %s", strerror(errno));
		from += n_sent;
		n -= (size_t)n_sent;
	}
}

void harness_read(int fd, void *data, size_t n)
{
	unsigned char *to = data;

	while (n > 0) {
		ssize_t n_read = recv(fd, to, n, MSG_DONTWAIT);

		if (n_read < 0 && errno == EAGAIN) {
			await(fd, POLLIN);
			continue;
		}
		if (n_read <= 0)
			harness_die("cannot read: %s",
				    n_read == 0 ? "end of file"
						: strerror(errno));
		to += n_read;
		n -= (size_t)n_read;
	}
}

size_t harness_drain(int fd, void *data, size_t size)
{
	unsigned char *to = data;
	size_t n_all = 0;
	ssize_t n;

	while (n_all < size &&
	       (n = recv(fd, to + n_all, size - n_all, MSG_DONTWAIT)) > 0)
		n_all += (size_t)n;
	return n_all;
}

size_t harness_stuff(int fd)
{
	static const unsigned char zeros[4096];
	size_t n_all = 0;
	size_t n_try = sizeof zeros;

	/* what refuses a page may have room for a byte */
	while (n_try > 0) {
		ssize_t n = send(fd, zeros, n_try, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			n_all += (size_t)n;
		else if (errno == EAGAIN)
			n_try /= 2;
		else
			harness_die("cannot stuff: %s", strerror(errno));
	}
	return n_all;
}

/* -- bytes that know their place -- */

/* splitmix64's mixing: no period, so no shift of the stream looks right. */
unsigned char harness_byte(uint64_t seed, uint64_t offset)
{
	uint64_t x = offset + seed * UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (unsigned char)(x >> 56);
}

void harness_fill(void *data, size_t n, uint64_t seed, uint64_t offset)
{
	unsigned char *to = data;
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = harness_byte(seed, offset + i);
}

void harness_check(const void *data, size_t n, uint64_t seed, uint64_t offset)
{
	const unsigned char *bytes = data;
	size_t i;

	for (i = 0; i < n; i++)
		if (bytes[i] != harness_byte(seed, offset + i))
			harness_die("stream %llu: byte %llu is 0x%02x, not "
				    "0x%02x",
				    (unsigned long long)seed,
				    (unsigned long long)offset + i, bytes[i],
				    harness_byte(seed, offset + i));
}

size_t harness_peer_read(struct harness_peer *peer, size_t max)
{
	unsigned char data[16384];
	size_t n_all = 0;

	while (n_all < max && !peer->has_ended && peer->error == 0) {
		size_t room = max - n_all;
		ssize_t n = recv(peer->fd, data,
				 room < sizeof data ? room : sizeof data,
				 MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			peer->error = -errno;
		if (n == 0)
			peer->has_ended = true;
		if (n <= 0)
			break;
		harness_check(data, (size_t)n, peer->seed, peer->n_received);
		peer->n_received += (uint64_t)n;
		n_all += (size_t)n;
	}
	return n_all;
}

/* -- random numbers -- */

/* xorshift64* (Marsaglia 2003, Vigna 2016). */
uint64_t harness_random(void)
{
	uint64_t x = state.random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	state.random = x;
	return x * UINT64_C(0x2545F4914F6CDD1D);
}

size_t harness_random_below(size_t n)
{
	return (size_t)(harness_random() % n);
}

/* -- the loop -- */

static bool has_left_over(const struct weir_loop *loop)
{
	return !weir_list_is_empty(&loop->closes) ||
	       !weir_list_is_empty(&loop->deferred);
}

unsigned harness_turn_until_idle(struct weir_loop *loop, unsigned max_turns)
{
	unsigned n_turns = 0;

	for (;;) {
		bool had_work = has_left_over(loop);
		int n = weir_loop_turn(loop, 0);

		n_turns++;
		if (n < 0)
			harness_die("a turn failed: %s", strerror(-n));
		if (n == 0 && !had_work && !has_left_over(loop))
			return n_turns;
		if (n_turns == max_turns)
			harness_die("still busy after %u turns", n_turns);
	}
}
