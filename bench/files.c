/* Answers each request by a head and part of a file: by weir_conn_sendfile, or
 * by pread and weir_conn_sendbuf.
 *
 *	files sendfile|pread
 *
 * A request is 8 hexadecimal digits, the size of its answer. */
#include <weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	REQUEST_SIZE = 8,
	HEAD_SIZE = 100,
	FILE_SIZE = 1048576
};

static struct weir_file *file;
static bool by_sendfile;

static int send_copy(struct weir_conn *c, size_t n)
{
	struct weir_buf *buf = weir_buf_new(n);
	int error = -1;

	if (buf &&
	    pread(weir_file_fd(file), weir_buf_data(buf), n, 0) == (ssize_t)n)
		error = weir_conn_sendbuf(c, buf);
	weir_buf_unref(buf);
	return error;
}

static int answer(struct weir_conn *c, size_t n)
{
	static const char head[HEAD_SIZE];
	int error = weir_conn_sendall(c, head, sizeof head);

	if (error < 0)
		return error;
	return by_sendfile ? weir_conn_sendfile(c, file, 0, n)
			   : send_copy(c, n);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	size_t n_done = 0;

	while (n - n_done >= REQUEST_SIZE) {
		char digits[REQUEST_SIZE + 1] = "";

		memcpy(digits, (const char *)data + n_done, REQUEST_SIZE);
		if (answer(c, strtoul(digits, NULL, 16) - HEAD_SIZE) < 0) {
			weir_conn_abort(c, true);
			break;
		}
		n_done += REQUEST_SIZE;
	}
	return n_done;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)result;
	free(c);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	struct weir_conn *c = calloc(1, sizeof *c);

	(void)peer;
	if (c && weir_conn_accept(c, listener, fd, &events, NULL) == 0)
		return;
	free(c);
	close(fd);
}

static int make_file(void)
{
	static const char bytes[FILE_SIZE];
	int fd = memfd_create("files", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, sizeof bytes) != FILE_SIZE)
		return -1;
	return weir_file_new(&file, fd);
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_loop *loop;
	struct weir_address address;
	char text[WEIR_ADDRESS_TEXT_SIZE];

	if (argc != 2 || make_file() < 0 || weir_loop_new(&loop) < 0)
		return 2;
	by_sendfile = strcmp(argv[1], "sendfile") == 0;
	weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &address, 1);
	if (weir_listener_open(&listener, loop, &address, NULL, on_accept) < 0)
		return 2;
	printf("files: listening on %s\n",
	       weir_address_format(weir_listener_address(&listener), text,
				   sizeof text));
	fflush(stdout);
	return weir_loop_run(loop);
}
