/* Step 1: a server that answers.
 *
 *	step1 ADDRESS
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "chat: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	free(c);
}

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
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: chat ADDRESS\n");
		return 2;
	}
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
