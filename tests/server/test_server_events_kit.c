/* Viewers. */
#include "test_server_events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

enum {
	ROOM = 1 << 20,
	HEAD_SIZE = 512
};

/* -- requests -- */

int events_ask(const char *address, const char *text, const char **answer)
{
	static char back[ROOM];
	int fd = dial(address, 0);
	size_t n = 0;
	ssize_t n_read;
	int status;

	harness_write(fd, text, strlen(text));
	while ((n_read = recv(fd, back + n, sizeof back - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	if (n_read < 0)
		harness_die("no answer: %s", strerror(errno));
	close(fd);
	back[n] = '\0';
	if (sscanf(back, "HTTP/1.1 %d ", &status) != 1)
		harness_die("no answer: \"%.100s\"", back);
	if (answer)
		*answer = back;
	return status;
}

int events_post(const char *address, const char *content)
{
	size_t n = strlen(content);
	char *text = malloc(n + HEAD_SIZE);
	int status;

	if (!text)
		harness_die("no memory for a request");
	snprintf(text, n + HEAD_SIZE,
		 "POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 address, n, content);
	status = events_ask(address, text, NULL);
	free(text);
	return status;
}

static void write_line(char *line, uint64_t k, size_t size)
{
	int n = snprintf(line, 64, "line %llu ", (unsigned long long)k);

	for (size_t i = (size_t)n; i < size; i++)
		line[n++] = (char)('a' + (k + i) % 26);
	line[n] = '\0';
}

void events_post_lines(const char *address, uint64_t first, uint64_t n,
		       size_t size)
{
	char *content = malloc(n * (size + 64) + 1);
	size_t n_content = 0;
	int status;

	if (!content)
		harness_die("no memory for lines");
	content[0] = '\0';
	for (uint64_t k = first; k < first + n; k++) {
		write_line(content + n_content, k, size);
		n_content += strlen(content + n_content);
		content[n_content++] = '\n';
		content[n_content] = '\0';
	}
	status = events_post(address, content);
	if (status != 204)
		harness_die("lines are answered by %d", status);
	free(content);
}

/* -- viewers -- */

/* By HTTP/1.0, so that no proxy cuts the stream into chunks. */
void viewer_open(struct viewer *viewer, const char *address, int rcvbuf)
{
	char request[HEAD_SIZE];
	int n = snprintf(request, sizeof request,
			 "GET / HTTP/1.0\r\nHost: %s\r\n%s%s%s\r\n", address,
			 viewer->id[0] ? "Last-Event-ID: " : "", viewer->id,
			 viewer->id[0] ? "\r\n" : "");
	const char *head;

	viewer->text = malloc(ROOM);
	viewer->n = 0;
	if (!viewer->text)
		harness_die("no memory for a viewer");
	viewer->fd = dial(address, rcvbuf);
	harness_write(viewer->fd, request, (size_t)n);
	head = viewer_read(viewer, "\r\n\r\n");
	if (strncmp(head, "HTTP/1.1 200 OK\r\n", 17) != 0 ||
	    !strstr(head, "\r\nContent-Type: text/event-stream\r\n"))
		harness_die("no stream: %s", head);
	if (strncmp(viewer_read(viewer, "\n\n"), "retry: ", 7) != 0)
		harness_die("it is not told when to come back");
}

void viewer_close(struct viewer *viewer)
{
	if (!viewer->text)
		return;
	close(viewer->fd);
	free(viewer->text);
	viewer->text = NULL;
}

/* More of the stream. False: it has ended. */
static bool read_more(struct viewer *viewer)
{
	ssize_t n;

	if (viewer->n >= ROOM - 1)
		harness_die("a piece without an end");
	n = recv(viewer->fd, viewer->text + viewer->n, ROOM - 1 - viewer->n, 0);
	if (n < 0)
		harness_die("the stream is broken: %s", strerror(errno));
	viewer->n += (size_t)n;
	return n > 0;
}

/* The length of the piece up to end; SIZE_MAX: the stream has ended. */
static size_t find(struct viewer *viewer, const char *end)
{
	const char *found;

	while (!(found = memmem(viewer->text, viewer->n, end, strlen(end))))
		if (!read_more(viewer))
			return SIZE_MAX;
	return (size_t)(found - viewer->text);
}

static const char *cut_off(struct viewer *viewer, size_t n, size_t n_end)
{
	static char piece[ROOM];

	memcpy(piece, viewer->text, n);
	piece[n] = '\0';
	viewer->n -= n + n_end;
	memmove(viewer->text, viewer->text + n + n_end, viewer->n);
	return piece;
}

const char *viewer_read(struct viewer *viewer, const char *end)
{
	size_t n = find(viewer, end);

	if (n == SIZE_MAX)
		harness_die("the stream has ended in \"%.*s\"", (int)viewer->n,
			    viewer->text);
	return cut_off(viewer, n, strlen(end));
}

static void take_id(struct viewer *viewer, struct event *event,
		    const char *text)
{
	const char *number = strchr(text, '-');

	if (!number || strlen(text) >= sizeof viewer->id)
		harness_die("an id is \"%s\"", text);
	event->n = strtoull(number + 1, NULL, 10);
	strcpy(viewer->id, text);
}

static void take_field(struct viewer *viewer, struct event *event, char *line)
{
	if (strncmp(line, "id: ", 4) == 0)
		take_id(viewer, event, line + 4);
	else if (strncmp(line, "event: ", 7) == 0)
		event->type = line + 7;
	else if (strncmp(line, "data: ", 6) == 0)
		event->data = line + 6;
	else
		harness_die("a field is \"%.100s\"", line);
}

bool viewer_next(struct viewer *viewer, struct event *event)
{
	static char text[ROOM];
	char *rest = text;
	char *line;
	size_t n;

	do {
		n = find(viewer, "\n\n");
		if (n == SIZE_MAX && viewer->n > 0)
			harness_die("the stream ends within an event");
		if (n == SIZE_MAX)
			return false;
		strcpy(text, cut_off(viewer, n, 2));
	} while (text[0] == ':');
	*event = (struct event){.type = "message", .data = ""};
	while ((line = strsep(&rest, "\n")))
		take_field(viewer, event, line);
	return true;
}

void viewer_expect(struct viewer *viewer, uint64_t first, uint64_t n)
{
	static char expected[ROOM];
	struct event event;

	for (uint64_t k = first; k < first + n; k++) {
		if (!viewer_next(viewer, &event))
			harness_die("the stream ends before line %llu",
				    (unsigned long long)k);
		write_line(expected, k, strlen(event.data));
		if (event.n != k || strcmp(event.type, "message") != 0 ||
		    strcmp(event.data, expected) != 0)
			harness_die("instead of line %llu came %s %llu: %s",
				    (unsigned long long)k, event.type,
				    (unsigned long long)event.n, event.data);
	}
}
