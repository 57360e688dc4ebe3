/* A chat server: rooms and nicknames; slow members miss the oldest lines and
 * are told how many; silent ones are pinged; SIGTERM lets all of it drain.
 *
 *	/nick NAME, /join ROOM, /quit; every other line is said to the room
 *
 *	chat ADDRESS
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum {
	NAME_SIZE = 32,
	WORD_SIZE = 64, /* of what the server itself says */
	LINE_SIZE = 512
};

struct room {
	struct weir_list link; /* in rooms */
	struct weir_list members;
	char name[NAME_SIZE];
};

struct member {
	struct weir_conn conn;
	struct weir_list link; /* in the room's members */
	struct room *room;     /* NULL: in none */
	char nick[NAME_SIZE];
	size_t n_missed; /* lines, since it was last told */
	struct weir_timer ping;
	bool was_heard; /* in this period */
	bool is_asked;	/* a PING was sent, and not answered */
};

static struct weir_list rooms;
static struct weir_listener listener;
static struct weir_timer deadline;
static const uint64_t ping_ns = 60000000000;
static const uint64_t drain_ns = 10000000000;

/* A member may be 256 KiB behind. However far behind it is, it may go on
 * talking (NO_THROTTLE); if it takes nothing at all for a minute it is closed
 * (the default of stall_ns). */
static const struct weir_conn_limits limits = {.high = 65536,
					       .max = 262144,
					       .input = LINE_SIZE,
					       .linger_ns = 5000000000,
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

static void tell_missed(struct member *m)
{
	char text[WORD_SIZE];
	int n;

	if (m->n_missed == 0)
		return;
	n = snprintf(text, sizeof text, "* you missed %zu lines\n",
		     m->n_missed);
	if (weir_conn_sendall(&m->conn, text, (size_t)n) == 0)
		m->n_missed = 0;
}

/* It has caught up, so a word about the gap is read soon. */
static void on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		tell_missed(weir_container_of(c, struct member, conn));
}

/* All members of the room share one copy of the line. */
static void say(const struct member *from, const char *text, size_t n)
{
	char head[NAME_SIZE + 2];
	size_t n_head = (size_t)snprintf(head, sizeof head, "%s: ", from->nick);
	struct weir_buf *line = weir_buf_new(n_head + n);
	struct weir_list *members = &from->room->members;

	if (!line)
		return; /* no memory: the line is lost for everyone */
	memcpy(weir_buf_data(line), head, n_head);
	memcpy((char *)weir_buf_data(line) + n_head, text, n);
	for (struct weir_list *l = members->next; l != members; l = l->next)
		deliver(weir_container_of(l, struct member, link), line);
	weir_buf_unref(line);
}

static struct room *find_room(const char *name)
{
	struct room *room;

	for (struct weir_list *l = rooms.next; l != &rooms; l = l->next) {
		room = weir_container_of(l, struct room, link);
		if (strcmp(room->name, name) == 0)
			return room;
	}
	room = calloc(1, sizeof *room);
	if (!room)
		return NULL;
	snprintf(room->name, sizeof room->name, "%s", name);
	weir_list_init(&room->members);
	weir_list_append(&rooms, &room->link);
	return room;
}

static void leave(struct member *m)
{
	struct room *room = m->room;

	if (!room)
		return;
	weir_list_remove(&m->link);
	say(m, "* left\n", 7);
	m->room = NULL;
	if (weir_list_is_empty(&room->members)) {
		weir_list_remove(&room->link);
		free(room);
	}
}

static void join(struct member *m, const char *name)
{
	struct room *room = find_room(name);

	if (!room || room == m->room)
		return;
	leave(m);
	m->room = room;
	weir_list_append(&room->members, &m->link);
	say(m, "* is here\n", 10);
}

/* The argument of a command of five characters and a space, if line is that. */
static bool is_command(const char *line, size_t n, const char *name,
		       char argument[NAME_SIZE])
{
	size_t length = n - 1; /* the end of the line */

	if (length <= 6 || length >= 6 + NAME_SIZE ||
	    memcmp(line, name, 6) != 0)
		return false;
	memcpy(argument, line + 6, length - 6);
	argument[length - 6] = '\0';
	return true;
}

/* One line, with its end. */
static void handle_line(struct member *m, const char *line, size_t n)
{
	char argument[NAME_SIZE];

	if (n == 6 && memcmp(line, "/quit\n", 6) == 0) {
		leave(m);
		weir_conn_finish(&m->conn);
	} else if (is_command(line, n, "/nick ", argument)) {
		memcpy(m->nick, argument, sizeof m->nick);
	} else if (is_command(line, n, "/join ", argument)) {
		join(m, argument);
	} else if (m->room) {
		say(m, line, n);
	}
}

/* Every whole line that has arrived; the rest is offered again with what
 * follows. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct member *m = weir_container_of(c, struct member, conn);
	const char *line = data;
	const char *stop = line + n;
	const char *end;

	m->was_heard = true;
	while ((end = memchr(line, '\n', (size_t)(stop - line)))) {
		handle_line(m, line, (size_t)(end + 1 - line));
		line = end + 1;
	}
	return (size_t)(line - (const char *)data);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = weir_container_of(c, struct member, conn);

	leave(m);
	weir_timer_cancel(&m->ping);
	free(m);
	if (weir_list_is_empty(&rooms))
		weir_timer_cancel(&deadline); /* or the loop waits for it */
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

/* A member that is silent is asked whether it is there, and may answer with
 * anything; if it says nothing until the next ping it is gone. */
static void on_ping(struct weir_timer *timer)
{
	struct member *m = weir_container_of(timer, struct member, ping);
	struct weir_loop *loop = weir_conn_loop(&m->conn);

	if (!m->was_heard && m->is_asked) {
		weir_conn_finish(&m->conn);
		return;
	}
	m->is_asked = !m->was_heard;
	if (m->is_asked)
		weir_conn_sendall(&m->conn, "PING\n", 5);
	m->was_heard = false;
	weir_timer_arm(timer, loop, weir_loop_now(loop) + ping_ns, on_ping);
}

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
	join(m, "lobby");
	m->was_heard = true;
	weir_timer_arm(&m->ping, loop, weir_loop_now(loop) + ping_ns, on_ping);
}

/* Nothing can be sent after finish, so what it missed is told before; of what is
 * queued as much goes as the last two words need. */
static void dismiss(struct member *m)
{
	static const char bye[] = "* the server is going down\n";

	if (weir_conn_room(&m->conn) < 2 * WORD_SIZE)
		m->n_missed +=
			weir_conn_trim(&m->conn, limits.max - 2 * WORD_SIZE);
	tell_missed(m);
	weir_conn_sendall(&m->conn, bye, sizeof bye - 1);
	weir_conn_finish(&m->conn);
}

static void abort_member(struct member *m)
{
	weir_conn_abort(&m->conn, true);
}

static void for_each_member(void (*act)(struct member *m))
{
	weir_list_for_each(r, &rooms) {
		struct room *room = weir_container_of(r, struct room, link);

		weir_list_for_each(l, &room->members)
			act(weir_container_of(l, struct member, link));
	}
}

/* One that reads a byte a second would keep us for days. */
static void on_deadline(struct weir_timer *timer)
{
	for_each_member(abort_member);
}

/* No member is accepted any more, each gets what it is owed and a last word,
 * and the loop ends with the last of them. A second SIGTERM finds the signal
 * as it was, and kills. */
static void on_term(struct weir_signal *signal)
{
	struct weir_loop *loop = weir_signal_loop(signal);

	weir_signal_close(signal);
	weir_listener_close(&listener);
	for_each_member(dismiss);
	if (!weir_list_is_empty(&rooms))
		weir_timer_arm(&deadline, loop, weir_loop_now(loop) + drain_ns,
			       on_deadline);
}

int main(int argc, char **argv)
{
	struct weir_signal term = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: chat ADDRESS\n");
		return 2;
	}
	weir_list_init(&rooms);
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	check(weir_signal_open(&term, loop, SIGTERM, on_term), "SIGTERM");
	puts("listening");
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	return weir_loop_free(loop) < 0;
}
