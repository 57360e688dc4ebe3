/* Both ends of a relay: the clients that connect to it, and the target that it
 * connects to.
 *
 *	relayed messages RELAY TARGET PID CONNECTIONS N
 *	relayed bulk RELAY TARGET PID MIB
 *
 * TARGET is the address on which the relay expects its target; PID is the
 * relay's process. Messages: N of 64 bytes in all, one in flight on each
 * connection, each sent back by the target and compared. Prints the CPU time of
 * the relay in us for one, both ways. Bulk: MIB from one client to the target,
 * which counts them without a copy. Prints the CPU time in ms a GiB. Beside
 * either, the time on the clock for the same. */
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>

#include "cpu.h"
#include "dial.h"

enum {
	MAX_CONNECTIONS = 1000,
	SIZE = 64,
	PIECE = 262144 /* of bulk */
};

static int clients[MAX_CONNECTIONS];
static int targets[MAX_CONNECTIONS];
static size_t n_connections;
static size_t n_bulk;
static unsigned char buffer[PIECE];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int listen_on(const char *text)
{
	struct weir_address at;
	int on = 1;
	int n = weir_address_resolve(text, WEIR_ADDRESS_LISTEN, &at, 1);
	int fd;

	if (n < 0)
		die(2, text, weir_address_error(n));
	fd = socket(at.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, &at.sa.any, at.len) < 0 ||
	    listen(fd, MAX_CONNECTIONS) < 0)
		die(2, text, strerror(errno));
	return fd;
}

/* The relay may not listen yet. */
static int dial_patiently(const char *text)
{
	double patience = now() + PATIENCE_S;
	int fd = try_to_dial(text);

	while (fd < 0 && now() < patience) {
		usleep(50000);
		fd = try_to_dial(text);
	}
	return fd >= 0 ? fd : dial(text);
}

/* One after the other, so that clients[i] is relayed to targets[i]. */
static void join(const char *relay, const char *target, size_t n)
{
	int listener = listen_on(target);
	int on = 1;

	if (n == 0 || n > MAX_CONNECTIONS)
		die(2, "connections", "not in range");
	for (n_connections = 0; n_connections < n; n_connections++) {
		int fd;

		clients[n_connections] = dial_patiently(relay);
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			die(1, "accept", strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		targets[n_connections] = fd;
	}
	close(listener);
}

/* -- messages -- */

static void send_back(int fd)
{
	unsigned char message[SIZE * 4];
	ssize_t n = recv(fd, message, sizeof message, MSG_DONTWAIT);

	if (n > 0)
		say(fd, message, (size_t)n);
}

/* Until the process ends. */
static void *echo(void *unused)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	(void)unused;
	for (size_t i = 0; i < n_connections; i++) {
		struct epoll_event event = {.events = EPOLLIN,
					    .data.fd = targets[i]};

		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, targets[i], &event);
	}
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++)
			send_back(events[i].data.fd);
	}
	return NULL;
}

static void ask(size_t connection, size_t round)
{
	unsigned char message[SIZE];

	memset(message, (int)(connection + round), SIZE);
	say(clients[connection], message, SIZE);
}

static void check(size_t connection, size_t round)
{
	unsigned char message[SIZE];
	unsigned char answer[SIZE];

	memset(message, (int)(connection + round), SIZE);
	check_echo(clients[connection], message, answer, SIZE);
}

static void play(size_t n_rounds)
{
	for (size_t i = 0; i < n_connections; i++)
		ask(i, 0);
	for (size_t round = 0; round < n_rounds; round++)
		for (size_t i = 0; i < n_connections; i++) {
			check(i, round);
			if (round + 1 < n_rounds)
				ask(i, round + 1);
		}
}

/* -- bulk -- */

static void *pour(void *unused)
{
	size_t n_left = n_bulk;

	while (n_left > 0) {
		size_t n = n_left < PIECE ? n_left : PIECE;
		ssize_t sent = send(clients[0], buffer, n, MSG_NOSIGNAL);

		if (sent < 0)
			die(1, "send", strerror(errno));
		n_left -= (size_t)sent;
	}
	return unused;
}

static void take(void)
{
	static unsigned char unused[PIECE];
	size_t n_left = n_bulk;

	while (n_left > 0) {
		ssize_t n = recv(targets[0], unused, PIECE, MSG_TRUNC);

		if (n <= 0)
			die(1, "recv", n < 0 ? strerror(errno) : "ended early");
		n_left -= (size_t)n;
	}
}

static void start(pthread_t *thread, void *(*run)(void *))
{
	int error = pthread_create(thread, NULL, run, NULL);

	if (error != 0)
		die(2, "pthread_create", strerror(error));
}

static void measure_messages(const char *pid, size_t n)
{
	size_t n_rounds = n / n_connections + 1;
	double began;
	double cpu;
	pthread_t thread;

	start(&thread, echo);
	play(20);
	began = now();
	cpu = cpu_of(pid);
	play(n_rounds);
	cpu = cpu_of(pid) - cpu;
	n = n_rounds * n_connections;
	printf("%.3f %.3f\n", cpu * 1e6 / (double)n,
	       (now() - began) * 1e6 / (double)n);
}

static void pass(size_t n)
{
	pthread_t thread;

	n_bulk = n;
	start(&thread, pour);
	take();
	pthread_join(thread, NULL);
}

static void measure_bulk(const char *pid, size_t n_mib)
{
	double began;
	double cpu;
	double n_gib = (double)n_mib / 1024;

	pass(64 * (size_t)1048576);
	began = now();
	cpu = cpu_of(pid);
	pass(n_mib * 1048576);
	cpu = cpu_of(pid) - cpu;
	printf("%.1f %.1f\n", cpu * 1e3 / n_gib, (now() - began) * 1e3 / n_gib);
}

int main(int argc, char **argv)
{
	bool is_bulk = argc == 6 && strcmp(argv[1], "bulk") == 0;

	if (!is_bulk && argc != 7)
		die(2, "usage", "see the source");
	join(argv[2], argv[3], is_bulk ? 1 : strtoul(argv[5], NULL, 10));
	if (is_bulk)
		measure_bulk(argv[4], strtoul(argv[5], NULL, 10));
	else
		measure_messages(argv[4], strtoul(argv[6], NULL, 10));
	return 0;
}
