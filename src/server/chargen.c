/* chargen, RFC 864: lines of 72 characters, each begun one character later in
 * the ring of the 95 that print, as fast as the reader reads and no faster.
 *
 * The ring comes round after 95 lines. One buffer of whole rounds is shared by
 * all connections of a door and sent again and again: so nobody has to
 * remember his place, and one who stalls owes a node in his queue, not a copy.
 * (weir_conn_send would spare him the node, but cost each connection, stalled
 * or not, its place in the round.)
 *
 * One buffer a turn is all that a reader at full speed gets. */
#include "server.h"

#include <errno.h>

enum {
	N_RING = 95,
	N_IN_LINE = 72,
	LINE_SIZE = N_IN_LINE + 2,
	/* as many as fit under any max, which is 64 KiB at the least */
	N_ROUNDS = 65536 / (N_RING * LINE_SIZE)
};

static void write_line(char *line, int first)
{
	for (int i = 0; i < N_IN_LINE; i++)
		line[i] = (char)(' ' + (first + i) % N_RING);
	line[N_IN_LINE] = '\r';
	line[N_IN_LINE + 1] = '\n';
}

static int open_pattern(struct door *door)
{
	const int n_lines = N_ROUNDS * N_RING;
	struct weir_buf *pattern = weir_buf_new((size_t)n_lines * LINE_SIZE);
	char *line;

	if (!pattern)
		return -ENOMEM;
	line = weir_buf_data(pattern);
	for (int i = 0; i < n_lines; i++, line += LINE_SIZE)
		write_line(line, i % N_RING);
	door->state = pattern;
	return 0;
}

static void close_pattern(struct door *door)
{
	weir_buf_unref(door->state);
}

/* Send the pattern once, and ask for on_writable when it is gone. */
static void feed(struct weir_conn *c)
{
	/* no memory: on_pressure says when to try again */
	if (weir_conn_sendbuf(c, client_door(c)->state) == 0)
		(void)weir_conn_send(c, NULL, 0);
}

static void on_open(struct door *door, struct weir_conn *c)
{
	(void)door;
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

/* A peer that has ended its side may well read on: it goes on until the
 * connection is gone, which the next bytes find out. */
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
		   .on_close = server_on_close},
	.open = open_pattern,
	.close = close_pattern,
	.on_open = on_open,
};
