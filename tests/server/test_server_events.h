/* Viewers of the events of a running weir-server, which read them as a browser
 * does, and requests. What goes wrong here dies with a message. */
#ifndef TEST_SERVER_EVENTS_H
#define TEST_SERVER_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness_server.h"

enum {
	EVENTS_LINE = 65536, /* the longest, with its newline */
	EVENTS_PATIENCE_S = 60
};

struct viewer {
	int fd;
	char id[64]; /* of the last event */
	char *text;  /* what has come and was not taken; NULL: not open */
	size_t n;
};

struct event {
	const char *type;
	const char *data; /* good until the next call */
	uint64_t n;	  /* the number in its id; 0: it has none */
};

/* Send text and read the answer to the end; its status. The whole answer is in
 * *answer, good until the next call, unless that is NULL. */
int events_ask(const char *address, const char *text, const char **answer);
/* POST / with this content; the status. */
int events_post(const char *address, const char *content);
/* GET / with the id of its last event, if it has one; rcvbuf as dial. */
void viewer_open(struct viewer *viewer, const char *address, int rcvbuf);
/* Read up to the text that ends a piece; it is cut off and good until the next
 * call. */
const char *viewer_read(struct viewer *viewer, const char *end);
/* The next event, past comments. False: the stream has ended, between two. */
bool viewer_next(struct viewer *viewer, struct event *event);
/* Closing one that is not open does nothing. */
void viewer_close(struct viewer *viewer);
/* POST lines first to first + n - 1, each of size bytes or more. */
void events_post_lines(const char *address, uint64_t first, uint64_t n,
		       size_t size);
/* The next events are these lines. */
void viewer_expect(struct viewer *viewer, uint64_t first, uint64_t n);

#endif
