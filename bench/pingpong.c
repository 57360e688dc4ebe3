/* The other side of the measurements of an echo server: one message in flight
 * on each of many connections, round after round, every byte compared.
 *
 *	pingpong ADDRESS CONNECTIONS ROUNDS SIZE
 *
 * It takes the connections in turn: receives the echo, sends the next message
 * at once. A server that is slower than this has a message ready on nearly
 * every connection each time it looks. At the end it prints how many echoes
 * came, and keeps the connections until its standard input ends.
 * Exit status 1: a wrong byte or a broken connection; 2: set-up. */
#include <sys/resource.h>

#include "dial.h"

enum {
	MAX_SIZE = 65536 /* the kernel's buffers must hold one message */
};

static unsigned char message[MAX_SIZE];
static unsigned char answer[MAX_SIZE];

static size_t number(const char *text, size_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n == 0 || n > max)
		die(2, text, "not a number in range");
	return n;
}

/* Each round and each connection has messages of its own. */
static void compose(size_t connection, size_t round, size_t size)
{
	for (size_t i = 0; i < size; i++)
		message[i] = (unsigned char)(connection * 7 + round * 13 + i);
}

static void begin_round(int fd, size_t connection, size_t round, size_t size)
{
	compose(connection, round, size);
	say(fd, message, size);
}

static void play(const int *fds, size_t n, size_t n_rounds, size_t size)
{
	for (size_t i = 0; i < n; i++)
		begin_round(fds[i], i, 0, size);
	for (size_t round = 0; round < n_rounds; round++)
		for (size_t i = 0; i < n; i++) {
			compose(i, round, size);
			check_echo(fds[i], message, answer, size);
			if (round + 1 < n_rounds)
				begin_round(fds[i], i, round + 1, size);
		}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	size_t n, n_rounds, size;
	int *fds;

	if (argc != 5)
		die(2, "usage", "pingpong ADDRESS CONNECTIONS ROUNDS SIZE");
	n = number(argv[2], 1000000);
	n_rounds = number(argv[3], 1000000000);
	size = number(argv[4], MAX_SIZE);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	fds = calloc(n, sizeof *fds);
	if (!fds)
		die(2, "calloc", strerror(errno));
	for (size_t i = 0; i < n; i++)
		fds[i] = dial(argv[1]);
	play(fds, n, n_rounds, size);
	printf("%zu\n", n * n_rounds);
	wait_for_end_of_input();
	free(fds);
	return 0;
}
