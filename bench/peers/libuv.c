/* The echo on libuv: one buffer for all reads, uv_try_write first, and what it
 * leaves copied into a write request; reading stops until that is written. */
#include <uv.h>

#include "listen.h"

struct rest {
	uv_write_t request;
	char bytes[];
};

static char block[READ_SIZE];

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_close(uv_handle_t *handle)
{
	free(handle);
}

static void lend_block(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	(void)size;
	*buf = uv_buf_init(block, sizeof block);
}

static void on_written(uv_write_t *request, int status)
{
	uv_stream_t *stream = request->handle;

	free(request); /* the first member of struct rest */
	if (status == 0)
		uv_read_start(stream, lend_block, on_read);
	else if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_close);
}

static int write_rest(uv_stream_t *stream, const char *bytes, size_t n)
{
	struct rest *rest = malloc(sizeof *rest + n);
	uv_buf_t buf;

	if (!rest)
		return UV_ENOMEM;
	memcpy(rest->bytes, bytes, n);
	buf = uv_buf_init(rest->bytes, (unsigned)n);
	uv_read_stop(stream);
	return uv_write(&rest->request, stream, &buf, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t all = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);
	int n_written;

	if (n == 0)
		return;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_close);
		return;
	}
	n_written = uv_try_write(stream, &all, 1);
	if (n_written == UV_EAGAIN)
		n_written = 0;
	if (n_written == n)
		return;
	if (n_written < 0 || write_rest(stream, buf->base + n_written,
					(size_t)(n - n_written)) < 0)
		uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *tcp = status == 0 ? malloc(sizeof *tcp) : NULL;

	if (!tcp)
		return;
	uv_tcp_init(listener->loop, tcp);
	if (uv_accept(listener, (uv_stream_t *)tcp) < 0) {
		uv_close((uv_handle_t *)tcp, on_close);
		return;
	}
	uv_tcp_nodelay(tcp, 1);
	uv_read_start((uv_stream_t *)tcp, lend_block, on_read);
}

int main(int argc, char **argv)
{
	uv_tcp_t listener;

	uv_tcp_init(uv_default_loop(), &listener);
	uv_tcp_open(&listener, listen_on("libuv", port_of(argc, argv)));
	uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
