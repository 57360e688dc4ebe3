/* Lines as Server-Sent Events, as the HTML standard has them. An event's id says
 * which line of which channel it is, so that a browser that lost its connection
 * tells what it has. This writes and parses text; events.c has the
 * connections. */
#ifndef SSE_H
#define SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "EPOCH-N": line N, counted from 1, of the channel that began at EPOCH. */
struct sse_id {
	uint64_t epoch;
	uint64_t n;
};

/* At most what sse_write writes for this line. */
size_t sse_size(const char *line, size_t n);
/* Write the event of a line, with its newline at the end; returns its size. A
 * CR ends a line of a browser, as LF does: within a line it becomes a newline
 * of the event's data, and in front of the newline it is left out. */
size_t sse_write(char *to, const struct sse_id *id, const char *line, size_t n);
/* False: it is no such id. */
bool sse_parse_id(const char *text, size_t n, struct sse_id *id);

#endif
