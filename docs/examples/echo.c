/* An echo server: what a client sends comes back, in order and whole, however
 * slowly it reads.
 *
 *	echo ADDRESS	for example 127.0.0.1:7007, [::1]:7007, unix:/tmp/echo
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "echo: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* What sendall refuses stays unconsumed, and is offered again when there is
 * room. Until then nothing more is read from this client, so TCP slows it
 * down. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	if (result->reason != WEIR_REASON_FINISHED)
		fprintf(stderr, "echo: %s, %ju bytes dropped\n",
			weir_reason_name(result->reason),
			(uintmax_t)result->progress.dropped);
	free(c);
}

/* Without an on_end the connection finishes when the client has: everything
 * owed is sent first. */
static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_conn *c = calloc(1, sizeof *c);

	if (!c ||
	    weir_conn_open(c, weir_listener_loop(l), fd, &events, NULL) < 0) {
		free(c);
		close(fd); /* a failed open leaves it to us */
	}
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: echo ADDRESS\n");
		return 2;
	}
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	weir_address_format(weir_listener_address(&listener), text,
			    sizeof text);
	printf("weir %s, listening on %s\n", weir_version(), text);
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	return 0;
}
