#include "test_server_live.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST_SIZE = 512
};

void live_start(struct live *live, const char *at, const char *option)
{
	served_start(&live->s, at, "--sndbuf=8K", option, "echo=127.0.0.1:0",
		     NULL);
	served_address(&live->s, "metrics", live->metrics);
	served_address(&live->s, "echo", live->echo);
}

void live_start_here(struct live *live, const char *option)
{
	live_start(live, "--metrics=127.0.0.1:0", option);
}

int live_ask(struct live *live, const char *line, const char *fields,
	     int rcvbuf)
{
	char request[REQUEST_SIZE];
	int fd = dial(live->metrics, rcvbuf);
	int n = snprintf(request, sizeof request, "%s HTTP/1.1\r\n%s\r\n", line,
			 fields);

	harness_write(fd, request, (size_t)n);
	return fd;
}

int live_status(struct live *live, const char *path, const char *fields)
{
	char line[REQUEST_SIZE];
	char *answer = live->answer;
	size_t n = 0;
	ssize_t n_read;
	int fd;

	snprintf(line, sizeof line, "GET %s", path);
	fd = live_ask(live, line, fields, 0);
	while ((n_read = recv(fd, answer + n, LIVE_ANSWER_SIZE - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	cr_assert_eq(n_read, 0, "%s", strerror(errno));
	answer[n] = '\0';
	close(fd);
	return atoi(answer + strlen("HTTP/1.1 "));
}

const char *live_json(struct live *live)
{
	cr_assert_eq(live_status(live, "/connections.json", ""), 200);
	return strstr(live->answer, "\r\n\r\n") + 4;
}
