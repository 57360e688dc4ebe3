/* broadcast: every line that a client sends goes to all the others, whatever
 * their address family and their worker, each of them at his own pace.
 *
 * A line is one buffer for all clients of a worker, and one letter on a board
 * for those of the other workers. It goes to all of them at once: while the
 * board has no room for it, it goes to nobody, and whoever sent it is not
 * read on. Nobody waits for a slow reader: --slow says what becomes of the
 * lines that he has no room for.
 *
 * So a client's own output does not hold its input either. Two of them that
 * write all they have before they read would wait for each other; a client
 * that never reads at all is heard until --stall ends it.
 *
 * A client that ends its side is finished: it has said all, and reads to the
 * end what is on its way. */
#include "server.h"

#include <string.h>

#include "hub.h"
#include "subscriber.h"

enum {
	MAX_LINE = 65536, /* with its end */
	/* What one publisher's lines, or the other workers', may bring about
	 * before the rest of the loop has its turn. */
	MAX_DELIVERIES = 4096
};

_Static_assert(MAX_LINE <= (int)BOARD_MAX_LETTER, "a letter holds a line");

static const char too_long[] = "# line too long\n";

static const char *const consequences[] = {
	[SLOW_DROP_NEWEST] = "new lines are dropped",
	[SLOW_DROP_OLDEST] = "its oldest lines are dropped",
	[SLOW_DISCONNECT] = "it is disconnected",
};

/* A client. */
struct member {
	struct subscriber subscriber;
	uint64_t n_missed;     /* lines, since it last had room */
	struct weir_list link; /* among all of its worker */
	struct weir_list held; /* it has lines to send, and is not read */
};

static struct worker *worker_of(const struct weir_conn *c)
{
	return client_door(c)->worker;
}

/* -- lines to the clients of this worker -- */

/* An episode has two lines in the log, however many lines it costs. */
static void note_missed(struct member *m, struct subscriber_loss loss, size_t n)
{
	struct door *door = client_door(m->subscriber.conn);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed == 0)
		log_say(door->worker, "broadcast %s: no room: %s",
			client_peer(m->subscriber.conn, peer),
			consequences[door->worker->settings->slow]);
	m->n_missed += loss.n_lines;
	door->tally.n_missed += loss.n_lines;
	/* Those that were queued first are counted by their connection. */
	if (loss.is_refused)
		door->tally.dropped += n;
}

static void end_episode(struct member *m)
{
	struct weir_conn *c = m->subscriber.conn;
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed > 0)
		log_say(worker_of(c), "broadcast %s: lines missed: %llu",
			client_peer(c, peer), (unsigned long long)m->n_missed);
	m->n_missed = 0;
}

/* Send line, NULL if there is no memory for its n bytes, to all but from. */
static void deliver(struct branch *branch, struct weir_buf *line, size_t n,
		    const struct weir_conn *from)
{
	struct weir_list *link = branch->members.next;

	for (; link != &branch->members; link = link->next) {
		struct member *m = weir_container_of(link, struct member, link);
		struct subscriber_loss loss;

		if (m->subscriber.conn == from)
			continue;
		loss = subscriber_send(&m->subscriber, line,
				       worker_of(m->subscriber.conn)->settings);
		if (loss.n_lines > 0)
			note_missed(m, loss, n);
	}
	weir_buf_unref(line);
}

/* -- lines from the clients of this worker -- */

/* The size of the line at text, 0 if its end is not there. */
static size_t line_size(const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n < MAX_LINE ? n : MAX_LINE);

	return end ? (size_t)(end + 1 - text) : 0;
}

/* To everybody else; or, while the board is full, to nobody. */
static bool publish(struct weir_conn *c, const char *line, size_t n)
{
	const struct door *door = client_door(c);
	struct branch *branch = hub_branch(door);
	struct board *board = hub_board(door);
	struct weir_buf *buf;

	if (board && !board_write(board, door->worker->number, line, n))
		return false;
	if (branch->n_members == 1)
		return true;
	buf = weir_buf_new(n);
	if (buf)
		memcpy(weir_buf_data(buf), line, n);
	deliver(branch, buf, n, c);
	return true;
}

/* Leave the rest of its input where it is, until the bell. */
static void hold(struct weir_conn *c)
{
	struct member *m = client_state(c);

	weir_conn_pause(c);
	weir_list_append(&hub_branch(client_door(c))->held, &m->held);
}

static void let_go(struct branch *branch)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&branch->held)))
		weir_conn_resume(weir_container_of(link, struct member, held)
					 ->subscriber.conn);
}

static void leave(struct weir_conn *c)
{
	struct member *m = client_state(c);

	subscriber_tell(&m->subscriber);
	weir_conn_finish(c);
}

static void refuse_line(struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_say(worker_of(c), "broadcast %s: a line of more than %d bytes",
		client_peer(c, peer), MAX_LINE);
	subscriber_tell(&((struct member *)client_state(c))->subscriber);
	/* Without room for that its end must tell enough. */
	(void)weir_conn_sendall(c, too_long, sizeof too_long - 1);
	leave(c);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const struct branch *branch = hub_branch(client_door(c));
	const char *text = data;
	size_t n_used = 0;
	size_t n_deliveries = 0;
	size_t n_line;

	while ((n_line = line_size(text + n_used, n - n_used)) > 0) {
		if (n_deliveries >= MAX_DELIVERIES) {
			hold(c);
			weir_wakeup_send(&worker_of(c)->bell);
			return n_used;
		}
		if (!publish(c, text + n_used, n_line)) {
			hold(c);
			return n_used;
		}
		n_used += n_line;
		n_deliveries += branch->n_members;
	}
	if (n - n_used >= MAX_LINE)
		refuse_line(c);
	return n_used;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	char peer[PEER_TEXT_SIZE];

	(void)rest;
	if (n > 0)
		log_say(worker_of(c),
			"broadcast %s: %zu bytes without an end of line "
			"not sent",
			client_peer(c, peer), n);
	leave(c);
}

/* -- lines from the other workers -- */

/* Until about n_deliveries; true: there is more. */
static bool read_board(struct door *door, size_t n_deliveries)
{
	struct branch *branch = hub_branch(door);
	struct board_view view =
		board_open(hub_board(door), door->worker->number);
	struct board_letter letter;
	size_t n = 0;

	while (n < n_deliveries && board_next(&view, &letter)) {
		struct weir_buf *line;

		n += 1 + branch->n_members;
		if (branch->n_members == 0)
			continue;
		line = weir_buf_new(letter.n);
		if (line)
			board_copy(&view, &letter, weir_buf_data(line));
		deliver(branch, line, letter.n, NULL);
	}
	return board_close(&view);
}

static void on_bell(struct door *door)
{
	if (hub_board(door) && read_board(door, MAX_DELIVERIES))
		weir_wakeup_send(&door->worker->bell);
	let_go(hub_branch(door));
}

/* -- clients come and go -- */

static void on_open(struct door *door, struct weir_conn *c)
{
	struct branch *branch = hub_branch(door);
	struct member *m = client_state(c);

	*m = (struct member){.subscriber = {.conn = c}};
	weir_list_append(&branch->members, &m->link);
	branch->n_members++;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	struct member *m = client_state(c);

	if (above)
		return;
	subscriber_tell(&m->subscriber);
	end_episode(m);
}

/* No worker reads its publishers any more: what is on the board is the last
 * that will be there. */
static void on_drain(struct weir_conn *c)
{
	struct door *door = client_door(c);

	while (hub_board(door) && read_board(door, SIZE_MAX))
		;
	leave(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = client_state(c);

	(void)result;
	end_episode(m);
	subscriber_deinit(&m->subscriber);
	weir_list_remove(&m->held);
	weir_list_remove(&m->link);
	hub_branch(client_door(c))->n_members--;
}

size_t broadcast_mail(const struct settings *settings)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_offers; i++)
		if (settings->offers[i].service == &broadcast_service)
			n += BOARD_SIZE;
	return settings->n_workers > 1 ? n : 0;
}

const struct service broadcast_service = {
	.name = "broadcast",
	.address = "127.0.0.1:7011",
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_pressure = on_pressure,
		   .on_close = server_on_close},
	.flags = WEIR_CONN_NO_THROTTLE,
	.state_size = sizeof(struct member),
	.open = hub_open,
	.close = hub_close,
	.on_open = on_open,
	.on_close = on_close,
	.on_bell = on_bell,
	.on_drain = on_drain,
};
