/* A loop at the door, and a thread for each client that asks for a protocol
 * whose code blocks: the connection is detached, and handed over with all that
 * was read and not yet used.
 *
 *	handover ADDRESS
 *
 * The loop answers "ping" with "pong". After "upper" the client talks to a
 * thread, which answers in capital letters.
 */
#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "handover: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* -- the other protocol: one blocking thread a client -- */

struct session {
	int fd;
	size_t n; /* bytes that arrived before the handover */
	char text[65536];
};

static void *speak(void *argument)
{
	struct session *s = argument;
	ssize_t n = (ssize_t)s->n;

	do {
		for (ssize_t i = 0; i < n; i++)
			s->text[i] = (char)toupper((unsigned char)s->text[i]);
		if (weir_fd_sendall(s->fd, s->text, (size_t)n, WEIR_NEVER,
				    NULL) < 0)
			break;
		n = recv(s->fd, s->text, sizeof s->text, 0);
	} while (n > 0);
	close(s->fd);
	free(s);
	return NULL;
}

/* The last call for this connection: all that was queued has been sent, and fd
 * and data are ours. The socket is non-blocking, which the thread cannot use. */
static void on_detach(struct weir_conn *c, int fd, const void *data, size_t n)
{
	struct session *s = malloc(sizeof *s);
	pthread_t thread;
	int flags = fcntl(fd, F_GETFL);

	free(c);
	if (s && n <= sizeof s->text && flags >= 0 &&
	    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0) {
		s->fd = fd;
		s->n = n;
		memcpy(s->text, data, n);
		if (pthread_create(&thread, NULL, speak, s) == 0) {
			pthread_detach(thread);
			return;
		}
	}
	free(s);
	close(fd);
}

/* -- the protocol of the loop -- */

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	const char *line = data;
	const char *end;

	while ((end = memchr(line, '\n',
			     n - (size_t)(line - (const char *)data)))) {
		size_t length = (size_t)(end - line);

		if (length == 5 && memcmp(line, "upper", 5) == 0) {
			weir_conn_detach(c); /* the rest goes with it */
			return (size_t)(end + 1 - (const char *)data);
		}
		if (weir_conn_sendall(c, "pong\n", 5) < 0)
			break; /* offered again when there is room */
		line = end + 1;
	}
	return (size_t)(line - (const char *)data);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	free(c);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_detach = on_detach, .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_conn *c = calloc(1, sizeof *c);

	if (!c ||
	    weir_conn_open(c, weir_listener_loop(l), fd, &events, NULL) < 0) {
		free(c);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: handover ADDRESS\n");
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
