/* Idle connections: each has one request answered, then all are kept until
 * standard input ends.
 *
 *	hold PROTOCOL ADDRESS CONNECTIONS
 *
 * PROTOCOL is echo (64 bytes), redis (PING) or http (GET /). Prints a line when
 * all have their answers. Exit status 1: a broken connection; 2: set-up. */
#include <sys/resource.h>

#include "dial.h"

static const struct {
	const char *protocol;
	const char *request;
} requests[] = {
	{"echo",
	 "a line of 64 bytes, which is what an echo has to send back ....\n"},
	{"redis", "PING\r\n"},
	{"http", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
};

static const char *find_request(const char *protocol)
{
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		if (strcmp(requests[i].protocol, protocol) == 0)
			return requests[i].request;
	die(2, protocol, "no protocol");
}

/* An answer comes in one piece, or this is enough of it. */
static void open_one(const char *address, const char *request)
{
	char answer[4096];
	int fd = dial(address);
	ssize_t n;

	say(fd, request, strlen(request));
	n = recv(fd, answer, sizeof answer, 0);
	if (n <= 0)
		die(1, "answer", n < 0 ? strerror(errno) : "ended early");
}

int main(int argc, char **argv)
{
	struct rlimit files;
	const char *request;

	if (argc != 4)
		die(2, "usage", "hold PROTOCOL ADDRESS CONNECTIONS");
	request = find_request(argv[1]);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int n = atoi(argv[3]); n > 0; n--)
		open_one(argv[2], request);
	puts("open");
	wait_for_end_of_input();
	return 0;
}
