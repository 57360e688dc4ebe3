/* A reader at a tenth of its writer's speed, on one echo connection, and a
 * second connection that plays ping-pong meanwhile.
 *
 *	trickle ADDRESS MIB
 *
 * It goes in steps. In each the writer offers 640 KiB of random bytes to the
 * kernel, which takes what it has room for; the reader takes at most 64 KiB;
 * and the second connection has one message of 64 bytes echoed. So whoever
 * echoes owes the reader from the first steps to the last. Every byte that
 * comes back is compared. Prints the steps (as many echoes the second
 * connection had) and in how many of them the kernel took less than was
 * offered, and keeps the connections until its standard input ends.
 * Exit status 1: a wrong byte, a broken connection, no progress; 2: set-up. */
#include <poll.h>
#include <stdbool.h>
#include <sys/random.h>

#include "dial.h"

enum {
	READ_SIZE = 65536,
	OFFER_SIZE = 10 * READ_SIZE,
	PING_SIZE = 64
};

static unsigned char answer[READ_SIZE];

static unsigned char *random_bytes(size_t n)
{
	unsigned char *data = malloc(n);
	size_t n_filled = 0;

	if (!data)
		die(2, "malloc", strerror(errno));
	while (n_filled < n) {
		ssize_t more = getrandom(data + n_filled, n - n_filled, 0);

		if (more < 0)
			die(2, "getrandom", strerror(errno));
		n_filled += (size_t)more;
	}
	return data;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many of the n bytes the kernel had room for. */
static size_t put(int fd, const unsigned char *data, size_t n)
{
	ssize_t n_put = send(fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n_put < 0 && errno != EAGAIN)
		die(1, "send", strerror(errno));
	return n_put < 0 ? 0 : (size_t)n_put;
}

/* How many of the next n bytes, which must be those at data, were there. */
static size_t take(int fd, const unsigned char *data, size_t n)
{
	ssize_t n_got = recv(fd, answer, n, MSG_DONTWAIT);

	if (n_got == 0 || (n_got < 0 && errno != EAGAIN))
		die(1, "recv", n_got < 0 ? strerror(errno) : "ended early");
	if (n_got > 0 && memcmp(answer, data, (size_t)n_got) != 0)
		die(1, "echo", "a byte is not what was sent");
	return n_got < 0 ? 0 : (size_t)n_got;
}

static void wait_for(int fd, bool is_writing)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	if (is_writing)
		pollfd.events |= POLLOUT;
	if (poll(&pollfd, 1, PATIENCE_S * 1000) <= 0)
		die(1, "echo", "no progress");
}

static void transfer(int fd, int other, const unsigned char *data, size_t n_all)
{
	size_t n_sent = 0;
	size_t n_received = 0;
	size_t n_steps = 0;
	size_t n_short = 0;

	while (n_received < n_all) {
		size_t offer = smaller(n_all - n_sent, OFFER_SIZE);
		size_t n_put = offer > 0 ? put(fd, data + n_sent, offer) : 0;
		size_t n_got = take(fd, data + n_received,
				    smaller(n_all - n_received, READ_SIZE));

		n_steps++;
		n_short += n_put < offer;
		n_sent += n_put;
		n_received += n_got;
		if (offer > 0 && n_sent == n_all)
			shutdown(fd, SHUT_WR);
		say(other, data, PING_SIZE);
		check_echo(other, data, answer, PING_SIZE);
		if (n_put == 0 && n_got == 0)
			wait_for(fd, n_sent < n_all);
	}
	if (recv(fd, answer, 1, 0) != 0)
		die(1, "echo", "the end does not follow");
	printf("%zu %zu\n", n_steps, n_short);
}

int main(int argc, char **argv)
{
	size_t n_all = argc == 3 ? strtoul(argv[2], NULL, 10) << 20 : 0;

	if (n_all == 0)
		die(2, "usage", "trickle ADDRESS MIB");
	transfer(dial(argv[1]), dial(argv[1]), random_bytes(n_all), n_all);
	wait_for_end_of_input();
	return 0;
}
