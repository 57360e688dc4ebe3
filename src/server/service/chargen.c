/* chargen, RFC 864: lines of 72 characters, each starting one character later
 * in the cycle of the 95 printable ones, as fast as the client reads.
 *
 * The lines repeat after 95. One buffer of whole cycles is shared by all
 * connections of an endpoint and sent again and again, so a connection keeps no
 * position, and a stalled one costs a queue node instead of a copy.
 * (weir_conn_send would save that node, at the cost of a position in every
 * connection.)
 *
 * A client that reads at full speed gets one buffer a turn. */
#include <errno.h>

#include "client.h"

enum {
	N_RING = 95,
	N_IN_LINE = 72,
	LINE_SIZE = N_IN_LINE + 2,
	/* as many as fit under the smallest max, 64 KiB */
	N_ROUNDS = 65536 / (N_RING * LINE_SIZE)
};

static void write_line(char *line, int first)
{
	for (int i = 0; i < N_IN_LINE; i++)
		line[i] = (char)(' ' + (first + i) % N_RING);
	line[N_IN_LINE] = '\r';
	line[N_IN_LINE + 1] = '\n';
}

static int open_pattern(struct endpoint *endpoint)
{
	const int n_lines = N_ROUNDS * N_RING;
	struct weir_buf *pattern = weir_buf_new((size_t)n_lines * LINE_SIZE);
	char *line;

	if (!pattern)
		return -ENOMEM;
	line = weir_buf_data(pattern);
	for (int i = 0; i < n_lines; i++, line += LINE_SIZE)
		write_line(line, i % N_RING);
	endpoint->state = pattern;
	return 0;
}

static void close_pattern(struct endpoint *endpoint)
{
	weir_buf_unref(endpoint->state);
}

/* Send the pattern once, and request on_writable when it is gone. */
static void feed(struct weir_conn *c)
{
	/* without memory: on_pressure says when to try again */
	if (weir_conn_sendbuf(c, client_endpoint(c)->state) == 0)
		(void)weir_conn_send(c, NULL, 0);
}

static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	(void)endpoint;
	feed(c);
}

static void on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		feed(c);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

/* A peer that has ended its side may still read: continue until a send
 * fails. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	(void)c;
	(void)rest;
	(void)n;
}

const struct service chargen_service = {
	.name = "chargen",
	.address = "127.0.0.1:7019",
	.is_endless = true,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_writable = feed,
		   .on_pressure = on_pressure,
		   .on_close = client_on_close},
	.open = open_pattern,
	.close = close_pattern,
	.on_open = on_open,
};
