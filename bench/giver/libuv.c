/* The giver on libuv: one uv_write for each answer, which is not copied. */
#include <uv.h>

#include "giver.h"

struct client {
	uv_tcp_t tcp; /* first: a handle is its client */
	size_t n_kept;
	char kept[READ_SIZE];
};

static void on_close(uv_handle_t *handle)
{
	free(handle);
}

static void lend_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct client *client = (struct client *)(void *)handle;

	(void)size;
	*buf = uv_buf_init(client->kept + client->n_kept,
			   (unsigned)(sizeof client->kept - client->n_kept));
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void give(uv_stream_t *stream, size_t n)
{
	uv_write_t *request = malloc(sizeof *request);
	uv_buf_t buf = uv_buf_init(gift, (unsigned)n);

	if (request && uv_write(request, stream, &buf, 1, on_written) < 0)
		free(request);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = (struct client *)(void *)stream;
	size_t n_done = 0;

	(void)buf;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_close);
		return;
	}
	client->n_kept += (size_t)n;
	for (; client->n_kept - n_done >= REQUEST_SIZE; n_done += REQUEST_SIZE)
		give(stream, wanted(client->kept + n_done));
	client->n_kept -= n_done;
	memmove(client->kept, client->kept + n_done, client->n_kept);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;

	if (!client)
		return;
	uv_tcp_init(listener->loop, &client->tcp);
	if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0) {
		uv_close((uv_handle_t *)&client->tcp, on_close);
		return;
	}
	uv_tcp_nodelay(&client->tcp, 1);
	uv_read_start((uv_stream_t *)&client->tcp, lend_room, on_read);
}

int main(int argc, char **argv)
{
	uv_tcp_t listener;

	uv_tcp_init(uv_default_loop(), &listener);
	uv_tcp_open(&listener, listen_on("libuv", port_of(argc, argv)));
	uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
