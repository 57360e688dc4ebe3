/* Step 2: what one says, all hear.
 *
 *	step2 ADDRESS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

struct member {
	struct weir_conn conn;
	struct weir_list link; /* in members */
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

static void say(const char *line, size_t n)
{
	for (struct weir_list *l = members.next; l != &members; l = l->next)
		weir_conn_sendall(
			&weir_container_of(l, struct member, link)->conn, line,
			n);
}

/* Every whole line that has arrived; the rest is offered again with what
 * follows. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const char *line = data;
	const char *stop = line + n;
	const char *end;

	while ((end = memchr(line, '\n', (size_t)(stop - line)))) {
		say(line, (size_t)(end + 1 - line));
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
