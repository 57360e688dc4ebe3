/* Step 4: members that read slowly.
 *
 *	step4 ADDRESS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum {
	NAME_SIZE = 32,
	LINE_SIZE = 512
};

struct member {
	struct weir_conn conn;
	struct weir_list link; /* in members */
	char nick[NAME_SIZE];
	size_t n_missed; /* lines, since it was last told */
};

static struct weir_list members;

/* A member may be 256 KiB behind. However far behind it is, it may go on
 * talking (NO_THROTTLE); if it takes nothing at all for a minute it is closed
 * (the default of stall_ns). */
static const struct weir_conn_limits limits = {.high = 65536,
					       .max = 262144,
					       .input = LINE_SIZE,
					       .flags = WEIR_CONN_NO_THROTTLE};

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "chat: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* Without room the oldest lines go, down to high, and are counted; not down to
 * low, since then on_pressure would tell a member that reads nothing. */
static void deliver(struct member *m, struct weir_buf *line)
{
	int error = weir_conn_sendbuf(&m->conn, line);

	if (error == -ENOBUFS) {
		m->n_missed += weir_conn_trim(&m->conn, limits.high);
		error = weir_conn_sendbuf(&m->conn, line);
	}
	m->n_missed += error < 0;
}

/* It has caught up, so a word about the gap is read soon. */
static void on_pressure(struct weir_conn *c, bool above)
{
	struct member *m = weir_container_of(c, struct member, conn);
	char text[64];
	int n;

	if (above || m->n_missed == 0)
		return;
	n = snprintf(text, sizeof text, "* you missed %zu lines\n",
		     m->n_missed);
	if (weir_conn_sendall(c, text, (size_t)n) == 0)
		m->n_missed = 0;
}

static void say(const struct member *from, const char *text, size_t n)
{
	char head[NAME_SIZE + 2];
	size_t n_head = (size_t)snprintf(head, sizeof head, "%s: ", from->nick);
	struct weir_buf *line = weir_buf_new(n_head + n);

	if (!line)
		return; /* no memory: the line is lost for everyone */
	memcpy(weir_buf_data(line), head, n_head);
	memcpy((char *)weir_buf_data(line) + n_head, text, n);
	for (struct weir_list *l = members.next; l != &members; l = l->next)
		deliver(weir_container_of(l, struct member, link), line);
	weir_buf_unref(line);
}

/* One line, with its end. */
static void handle_line(struct member *m, const char *line, size_t n)
{
	if (n > 6 && n < NAME_SIZE + 6 && memcmp(line, "/nick ", 6) == 0)
		snprintf(m->nick, sizeof m->nick, "%.*s", (int)n - 7, line + 6);
	else
		say(m, line, n);
}

/* Every whole line that has arrived; the rest is offered again with what
 * follows. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct member *m = weir_container_of(c, struct member, conn);
	const char *line = data;
	const char *stop = line + n;
	const char *end;

	while ((end = memchr(line, '\n', (size_t)(stop - line)))) {
		handle_line(m, line, (size_t)(end + 1 - line));
		line = end + 1;
	}
	return (size_t)(line - (const char *)data);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = weir_container_of(c, struct member, conn);

	weir_list_remove(&m->link);
	free(m);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_loop *loop = weir_listener_loop(l);
	struct member *m = calloc(1, sizeof *m);

	if (!m || weir_conn_open(&m->conn, loop, fd, &events, &limits) < 0) {
		free(m);
		close(fd);
		return;
	}
	snprintf(m->nick, sizeof m->nick, "guest%d", fd);
	weir_list_append(&members, &m->link);
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: chat ADDRESS\n");
		return 2;
	}
	weir_list_init(&members);
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	puts("listening");
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	return 0;
}
