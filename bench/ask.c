/* Who asks a giver: batches of requests on one connection, one batch after the
 * other's answers.
 *
 *	ask ADDRESS BATCHES REQUESTS BYTES PAUSE
 *
 * A batch is so many requests in one send, each for so many bytes. The answers
 * are read 64 KiB at most at a time, with a pause of so many microseconds
 * before each read. Exit status 1: a broken connection; 2: set-up. */
#include "dial.h"

enum {
	REQUEST_SIZE = 8,
	MAX_REQUESTS = 64
};

static char block[65536];

static void ask(int fd, int n_requests, unsigned n_bytes)
{
	char text[MAX_REQUESTS * REQUEST_SIZE + 1];

	for (int i = 0; i < n_requests; i++)
		sprintf(text + i * REQUEST_SIZE, "%08x", n_bytes);
	say(fd, text, (size_t)n_requests * REQUEST_SIZE);
}

static void receive(int fd, size_t n, useconds_t pause_us)
{
	while (n > 0) {
		size_t size = n < sizeof block ? n : sizeof block;
		ssize_t n_got;

		if (pause_us > 0)
			usleep(pause_us);
		n_got = recv(fd, block, size, 0);
		if (n_got <= 0)
			die(1, "recv",
			    n_got < 0 ? strerror(errno) : "ended early");
		n -= (size_t)n_got;
	}
}

int main(int argc, char **argv)
{
	int n_batches, n_requests, fd;
	unsigned n_bytes;

	if (argc != 6)
		die(2, "usage", "ask ADDRESS BATCHES REQUESTS BYTES PAUSE");
	n_batches = atoi(argv[2]);
	n_requests = atoi(argv[3]);
	n_bytes = (unsigned)strtoul(argv[4], NULL, 10);
	if (n_requests < 1 || n_requests > MAX_REQUESTS)
		die(2, argv[3], "not a number in range");
	fd = dial(argv[1]);
	while (n_batches-- > 0) {
		ask(fd, n_requests, n_bytes);
		receive(fd, (size_t)n_requests * n_bytes,
			(useconds_t)atoi(argv[5]));
	}
	return 0;
}
