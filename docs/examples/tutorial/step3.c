/* Step 3: nicknames, and one copy of each line for all.
 *
 *	step3 ADDRESS
 */
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
};

static struct weir_list members;

/* The longest line: a member that sends a longer one is closed. */
static const struct weir_conn_limits limits = {.input = 512};

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "chat: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static void deliver(struct member *m, struct weir_buf *line)
{
	weir_conn_sendbuf(&m->conn, line);
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

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

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
