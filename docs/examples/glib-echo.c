/* An echo server inside GLib's main loop: Weir's loop is a GSource of it. GLib
 * brings the signals here, as it would bring a window's events.
 *
 *	glib-echo ADDRESS
 */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

struct source {
	GSource source;
	struct weir_loop *loop;
	gpointer tag; /* of its descriptor */
};

static struct weir_listener listener;
static GMainLoop *main_loop;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "glib-echo: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* -- one loop inside the other -- */

/* Called before each poll. True: there is work already. */
static gboolean prepare(GSource *base, gint *timeout_ms)
{
	struct source *source = (struct source *)base;
	int64_t ns = weir_loop_prepare(source->loop);

	*timeout_ms = ns < 0 ? -1 : (gint)((ns + 999999) / 1000000);
	return ns == 0;
}

static gboolean is_ready(GSource *base)
{
	struct source *source = (struct source *)base;

	return g_source_query_unix_fd(base, source->tag) != 0;
}

static gboolean dispatch(GSource *base, GSourceFunc unused, gpointer data)
{
	struct source *source = (struct source *)base;

	check(weir_loop_turn(source->loop, 0), "loop");
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {
	.prepare = prepare, .check = is_ready, .dispatch = dispatch};

static GSource *attach(struct weir_loop *loop)
{
	GSource *base = g_source_new(&functions, sizeof(struct source));
	struct source *source = (struct source *)base;

	source->loop = loop;
	source->tag = g_source_add_unix_fd(base, weir_loop_fd(loop), G_IO_IN);
	g_source_attach(base, NULL);
	return base;
}

/* -- the echo -- */

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	free(c);
}

static const struct weir_conn_events echoing = {.on_data = on_data,
						.on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_conn *c = calloc(1, sizeof *c);

	if (!c ||
	    weir_conn_open(c, weir_listener_loop(l), fd, &echoing, NULL) < 0) {
		free(c);
		close(fd);
	}
}

static gboolean on_term(gpointer data)
{
	weir_listener_close(&listener);
	g_main_loop_quit(main_loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_address address;
	struct weir_loop *loop;
	GSource *source;

	if (argc != 2) {
		fprintf(stderr, "usage: glib-echo ADDRESS\n");
		return 2;
	}
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	weir_address_format(weir_listener_address(&listener), text,
			    sizeof text);
	main_loop = g_main_loop_new(NULL, FALSE);
	source = attach(loop);
	g_unix_signal_add(SIGTERM, on_term, NULL);
	printf("listening on %s\n", text);
	fflush(stdout);
	g_main_loop_run(main_loop);

	/* those that are connected are served to their end */
	g_source_destroy(source);
	g_source_unref(source);
	check(weir_loop_run(loop), "loop");
	g_main_loop_unref(main_loop);
	check(weir_loop_free(loop), "loop");
	return 0;
}
