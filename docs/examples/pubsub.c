/* Publishers and subscribers on one shared log. Every client may be both:
 *
 *	SUB		from now on, send me what others publish
 *	UNSUB		no more of it
 *	PUB TEXT	publish TEXT
 *
 * Each command is answered by +OK or -ERR. A subscriber reads TEXT lines; one
 * that is a megabyte behind misses the oldest, and reads "* N lines missing" in
 * their place. A text is stored once, however many subscribers wait for it.
 *
 *	pubsub ADDRESS
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum {
	LINE_SIZE = 4096
};

struct client {
	struct weir_conn conn;
	struct weir_list link; /* in clients */
	struct weir_list held; /* in held: it waits for the feed */
	bool is_subscribed;
};

static struct weir_feed feed;
static struct weir_list clients;
static struct weir_list held;
static struct weir_listener listener;

/* A subscriber may be a megabyte behind, and publish all the same. */
static const struct weir_conn_limits limits = {.input = LINE_SIZE,
					       .flags = WEIR_CONN_NO_THROTTLE};

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "pubsub: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* -- the feed -- */

static size_t write_gap(const struct weir_conn *c, uint64_t n_messages,
			char text[WEIR_FEED_GAP_SIZE])
{
	return (size_t)snprintf(text, WEIR_FEED_GAP_SIZE,
				"* %" PRIu64 " lines missing\n", n_messages);
}

/* All subscribers were offered what there was: read from publishers again. */
static void on_room(struct weir_feed *f)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&held))) {
		struct client *client =
			weir_container_of(link, struct client, held);

		weir_conn_resume(&client->conn);
	}
}

static const struct weir_feed_events feed_events = {.write_gap = write_gap,
						    .on_room = on_room};

/* -- commands -- */

static const char *subscribe(struct client *client)
{
	if (!client->is_subscribed) {
		if (weir_feed_follow(&feed, &client->conn) < 0)
			return "-ERR no memory\n";
		client->is_subscribed = true;
	}
	return "+OK\n";
}

static const char *unsubscribe(struct client *client)
{
	weir_feed_leave(&client->conn);
	client->is_subscribed = false;
	return "+OK\n";
}

static bool is_command(const char *line, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(line, name, n) == 0;
}

/* A line with its end. False: it must wait. A publisher that did not wait would
 * make subscribers miss lines that they have room for. */
static bool handle_line(struct client *client, const char *line, size_t n)
{
	const char *answer = "-ERR no such command\n";

	if (is_command(line, n, "SUB\n")) {
		answer = subscribe(client);
	} else if (is_command(line, n, "UNSUB\n")) {
		answer = unsubscribe(client);
	} else if (n > 4 && memcmp(line, "PUB ", 4) == 0) {
		if (weir_feed_is_full(&feed) ||
		    weir_feed_append(&feed, line + 4, n - 4, &client->conn) < 0)
			return false;
		answer = "+OK\n";
	}
	/* one that reads no answers for a megabyte gets none */
	(void)weir_conn_sendall(&client->conn, answer, strlen(answer));
	return true;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct client *client = weir_container_of(c, struct client, conn);
	const char *line = data;
	const char *stop = line + n;
	const char *end;

	while ((end = memchr(line, '\n', (size_t)(stop - line)))) {
		if (!handle_line(client, line, (size_t)(end + 1 - line))) {
			weir_conn_pause(c);
			weir_list_append(&held, &client->held);
			break;
		}
		line = end + 1;
	}
	return (size_t)(line - (const char *)data);
}

/* -- clients -- */

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct client *client = weir_container_of(c, struct client, conn);

	weir_list_remove(&client->link);
	weir_list_remove(&client->held);
	free(client);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct client *client = calloc(1, sizeof *client);

	if (!client || weir_conn_open(&client->conn, weir_listener_loop(l), fd,
				      &events, &limits) < 0) {
		free(client);
		close(fd);
		return;
	}
	weir_list_append(&clients, &client->link);
}

/* Everybody gets what was published so far; then the loop ends. */
static void on_term(struct weir_signal *signal)
{
	weir_signal_close(signal);
	weir_listener_close(&listener);
	for (struct weir_list *l = clients.next; l != &clients; l = l->next)
		weir_conn_finish(
			&weir_container_of(l, struct client, link)->conn);
}

int main(int argc, char **argv)
{
	struct weir_signal term = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: pubsub ADDRESS\n");
		return 2;
	}
	weir_list_init(&clients);
	weir_list_init(&held);
	check(weir_loop_new(&loop), "loop");
	weir_feed_init(&feed, loop, &feed_events, WEIR_FEED_DROP_OLDEST);
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	check(weir_signal_open(&term, loop, SIGTERM, on_term), "SIGTERM");
	puts("listening");
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	weir_feed_deinit(&feed);
	return weir_loop_free(loop) < 0;
}
