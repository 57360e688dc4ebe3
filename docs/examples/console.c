/* An echo with a console: Weir's loop inside the program's own, which waits by
 * poll(2). Clients log in first, by a line with the password, and have ten
 * seconds for it. What you type is sent to all who have; the end of your input
 * ends the server.
 *
 *	console ADDRESS PASSWORD
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

struct client {
	struct weir_conn conn;
	struct weir_list link; /* in clients, from the login on */
};

static const struct weir_conn_limits before_login = {
	.input = 256, .idle_ns = UINT64_C(10000000000)};
static const struct weir_conn_limits after_login = {
	.idle_ns = UINT64_C(3600000000000)};

static struct weir_listener listener;
static struct weir_list clients;
static const char *password;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "console: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static struct client *client_of(struct weir_conn *c)
{
	return weir_container_of(c, struct client, conn);
}

static size_t echo(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct client *client = client_of(c);

	weir_list_remove(&client->link);
	free(client);
}

static const struct weir_conn_events echoing = {.on_data = echo,
						.on_close = on_close};

/* What follows the line is left to the new on_data. */
static size_t log_in(struct weir_conn *c, const void *data, size_t n)
{
	const char *end = memchr(data, '\n', n);
	size_t length = end ? (size_t)(end - (const char *)data) : 0;

	if (!end)
		return 0; /* at 256 bytes the input limit ends it */
	if (length != strlen(password) || memcmp(data, password, length) != 0) {
		weir_conn_abort(c, true);
		return n;
	}
	weir_conn_set_events(c, &echoing);
	weir_conn_set_limits(c, &after_login);
	weir_list_append(&clients, &client_of(c)->link);
	return length + 1;
}

static const struct weir_conn_events logging_in = {.on_data = log_in,
						   .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct client *client = calloc(1, sizeof *client);

	if (!client || weir_conn_open(&client->conn, weir_listener_loop(l), fd,
				      &logging_in, &before_login) < 0) {
		free(client);
		close(fd);
	}
}

/* A client without room for it hears nothing; sendall would refuse, and stop
 * reading from that client. */
static void say(const char *text, size_t n)
{
	weir_list_for_each(link, &clients) {
		struct client *client =
			weir_container_of(link, struct client, link);

		if (weir_conn_room(&client->conn) >= n)
			weir_conn_sendall(&client->conn, text, n);
	}
}

/* False: the input has ended, and so have all, once they have got the rest. */
static bool read_console(void)
{
	char text[4096];
	ssize_t n = read(STDIN_FILENO, text, sizeof text);

	if (n > 0) {
		say(text, (size_t)n);
		return true;
	}
	weir_listener_close(&listener);
	weir_list_for_each(link, &clients) {
		weir_conn_finish(
			&weir_container_of(link, struct client, link)->conn);
	}
	return false;
}

static void serve(struct weir_loop *loop)
{
	struct pollfd waits[2] = {{.fd = weir_loop_fd(loop), .events = POLLIN},
				  {.fd = STDIN_FILENO, .events = POLLIN}};
	bool is_open = true;

	while (is_open) {
		int64_t ns = weir_loop_prepare(loop);

		poll(waits, 2, ns < 0 ? -1 : (int)((ns + 999999) / 1000000));
		if (waits[1].revents)
			is_open = read_console();
		check(weir_loop_turn(loop, 0), "loop");
	}
	check(weir_loop_run(loop), "loop");
}

int main(int argc, char **argv)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 3) {
		fprintf(stderr, "usage: console ADDRESS PASSWORD\n");
		return 2;
	}
	password = argv[2];
	weir_list_init(&clients);
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	weir_address_format(weir_listener_address(&listener), text,
			    sizeof text);
	printf("listening on %s\n", text);
	fflush(stdout);
	serve(loop);
	check(weir_loop_free(loop), "loop");
	return 0;
}
