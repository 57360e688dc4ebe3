/* A web server for the files under one folder: GET and HEAD, keep-alive,
 * pipelining, one range a request. The kernel sends the files (sendfile), so a
 * thousand slow readers of large files hold no memory here.
 *
 *	httpd ADDRESS FOLDER
 */
#define _GNU_SOURCE	     /* memmem, strcasestr */
#define _FILE_OFFSET_BITS 64 /* large files, on 32 bits too */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

enum {
	HEAD_SIZE = 8192, /* of a request */
	PATH_SIZE = 1024
};

static const uint64_t patience_ns = 30000000000;

struct client {
	struct weir_conn conn;
	struct weir_fence sent;	    /* open: a file is on its way */
	struct weir_timer patience; /* armed: we wait for a request */
	bool is_last;		    /* no further request is read */
};

static int root;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "httpd: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* -- the wait for a request: its head must be whole before patience ends, so
 * that nobody keeps a connection by sending a byte now and then -- */

static void on_impatience(struct weir_timer *timer)
{
	struct client *client =
		weir_container_of(timer, struct client, patience);

	weir_conn_finish(&client->conn);
}

static void await_request(struct client *client, struct weir_loop *loop)
{
	weir_timer_arm(&client->patience, loop,
		       weir_loop_now(loop) + patience_ns, on_impatience);
}

/* -- answers -- */

/* Of this second; it is written once a second, not once an answer. */
static const char *date_now(void)
{
	static char date[64];
	static time_t written;
	time_t now = time(NULL);
	struct tm tm;

	if (now != written)
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
			 gmtime_r(&now, &tm));
	written = now;
	return date;
}

/* Send a head; with a status of an error that is all, its body is empty. */
static int answer(struct client *client, const char *status, uint64_t size,
		  const char *more)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof text,
		     "HTTP/1.1 %s\r\nDate: %s\r\nContent-Length: %ju\r\n"
		     "%s%s\r\n",
		     status, date_now(), (uintmax_t)size,
		     client->is_last ? "Connection: close\r\n" : "", more);
	return weir_conn_sendall(&client->conn, text, (size_t)n);
}

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html"},	      {".css", "text/css"},
		{".js", "text/javascript"},   {".txt", "text/plain"},
		{".svg", "image/svg+xml"},    {".png", "image/png"},
		{".json", "application/json"}};
	const char *suffix = strrchr(path, '.');

	for (size_t i = 0; suffix && i < sizeof types / sizeof *types; i++)
		if (strcmp(suffix, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/* False: there is no number, or it is too large. */
static bool read_number(const char **text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*value = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

/* Narrow [*from, *to) to the range that text asks for: "5-9", "5-", or "-5" for
 * the last five. False: no byte of the file is in it. What is no such range
 * may be ignored (RFC 9110, 14.2), and changes nothing. */
static bool narrow(const char *text, uint64_t *from, uint64_t *to)
{
	uint64_t size = *to;
	uint64_t first;
	uint64_t last = UINT64_MAX;

	if (*text == '-') {
		text++;
		if (!read_number(&text, &last) || *text != '\r')
			return true;
		*from = last < size ? size - last : 0;
		return last > 0 && size > 0;
	}
	if (!read_number(&text, &first) || *text++ != '-')
		return true;
	if (*text != '\r' &&
	    (!read_number(&text, &last) || *text != '\r' || last < first))
		return true;
	if (first >= size)
		return false;
	*from = first;
	*to = last < size ? last + 1 : size;
	return true;
}

/* -- files -- */

/* Undo %XX, forget the query. False: no file of ours has that name. A name with
 * "/." may lead out of the folder, and one with "//" does: openat(2) takes
 * what begins with a slash from the file system's root. */
static bool decode(const char *target, char path[PATH_SIZE])
{
	size_t n = 0;

	for (; *target && *target != '?'; target++) {
		unsigned c = (unsigned char)*target;

		if (c == '%') {
			if (!isxdigit((unsigned char)target[1]) ||
			    !isxdigit((unsigned char)target[2]))
				return false;
			sscanf(target + 1, "%2x", &c);
			target += 2;
		}
		if (c == '\0' || n + sizeof "index.html" >= PATH_SIZE)
			return false;
		path[n++] = (char)c;
	}
	path[n] = '\0';
	if (path[0] != '/' || strstr(path, "/.") || strstr(path, "//"))
		return false;
	if (path[n - 1] == '/')
		strcpy(path + n, "index.html");
	return true;
}

/* O_NONBLOCK: opening a FIFO must not wait. */
static int open_file(const char *path, struct weir_file **file, uint64_t *size)
{
	int fd = openat(root, path + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int error;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		error = -ENOENT;
	else
		error = weir_file_new(file, fd); /* takes fd over */
	if (error < 0) {
		close(fd);
		return error;
	}
	*size = (uint64_t)st.st_size;
	return 0;
}

static void on_sent(struct weir_fence *fence, uint64_t n_dropped)
{
	struct client *client = weir_container_of(fence, struct client, sent);

	if (client->is_last || n_dropped > 0)
		return;
	await_request(client, weir_conn_loop(&client->conn));
	weir_conn_resume(&client->conn);
}

/* The head is on its way: what fails from here on can only be told by a reset.
 * No request is read until the file has been sent, so that a client that
 * pipelines a thousand of them has one file open. */
static void send_body(struct client *client, struct weir_file *file,
		      uint64_t from, uint64_t n)
{
	if (weir_conn_sendfile(&client->conn, file, (int64_t)from, n) < 0 ||
	    weir_fence_open(&client->sent, &client->conn, on_sent) < 0) {
		weir_conn_abort(&client->conn, true);
		return;
	}
	weir_timer_cancel(&client->patience);
	weir_conn_pause(&client->conn);
}

static int send_file(struct client *client, const char *head, bool is_get,
		     const char *path)
{
	const char *range = strcasestr(head, "\r\nRange: bytes=");
	uint64_t size = 0;
	uint64_t from = 0;
	uint64_t to;
	char more[128];
	struct weir_file *file;
	int error = open_file(path, &file, &size);

	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return answer(client, "503 Service Unavailable", 0, "");
	if (error < 0)
		return answer(client, "404 Not Found", 0, "");
	to = size;
	if (!is_get || strcasestr(head, "\r\nIf-Range:"))
		range = NULL; /* we promise no version, so none matches */
	if (range && !narrow(strchr(range, '=') + 1, &from, &to)) {
		weir_file_unref(file);
		snprintf(more, sizeof more, "Content-Range: bytes */%ju\r\n",
			 (uintmax_t)size);
		return answer(client, "416 Range Not Satisfiable", 0, more);
	}
	snprintf(more, sizeof more,
		 to - from < size
			 ? "Content-Type: %s\r\n"
			   "Content-Range: bytes %ju-%ju/%ju\r\n"
			 : "Content-Type: %s\r\nAccept-Ranges: bytes\r\n",
		 type_of(path), (uintmax_t)from, (uintmax_t)to - 1,
		 (uintmax_t)size);
	error = answer(client,
		       to - from < size ? "206 Partial Content" : "200 OK",
		       to - from, more);
	if (error == 0 && is_get && from < to)
		send_body(client, file, from, to - from);
	weir_file_unref(file); /* the queue has a reference of its own */
	return error;
}

/* -- requests -- */

/* 0, or the error of sendall, and then the request is as if not read. */
static int serve(struct client *client, const char *head, size_t length)
{
	char method[8];
	char target[PATH_SIZE];
	char path[PATH_SIZE];
	unsigned minor;

	client->is_last = true;
	if (strlen(head) != length ||
	    sscanf(head, "%7s %1023s HTTP/1.%u\r", method, target, &minor) != 3)
		return answer(client, "400 Bad Request", 0, "");
	/* what follows the head would be a body, and not a request */
	if (strcasestr(head, "\r\nContent-Length:") ||
	    strcasestr(head, "\r\nTransfer-Encoding:"))
		return answer(client, "413 Content Too Large", 0, "");
	client->is_last = minor == 0 ||
			  strcasestr(head, "\r\nConnection: close\r") != NULL;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer(client, "405 Method Not Allowed", 0,
			      "Allow: GET, HEAD\r\n");
	if (!decode(target, path))
		return answer(client, "404 Not Found", 0, "");
	return send_file(client, head, method[0] == 'G', path);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct client *client = weir_container_of(c, struct client, conn);
	const char *text = data;
	const char *end;
	char head[HEAD_SIZE + 1];
	size_t used = 0;

	while (!client->is_last && !weir_fence_is_open(&client->sent) &&
	       (end = memmem(text + used, n - used, "\r\n\r\n", 4))) {
		size_t length = (size_t)(end + 4 - (text + used));
		size_t kept = length < HEAD_SIZE ? length : HEAD_SIZE;

		memcpy(head, text + used, kept);
		head[kept] = '\0';
		await_request(client, weir_conn_loop(c));
		if (serve(client, head, length) < 0) {
			client->is_last = false;
			break; /* offered again when there is room */
		}
		used += length;
	}
	if (client->is_last)
		weir_conn_finish(c);
	return used;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct client *client = weir_container_of(c, struct client, conn);

	weir_timer_cancel(&client->patience);
	free(client);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};
static const struct weir_conn_limits limits = {
	.input = HEAD_SIZE, .min_rate = 1024, .rate_window_ns = 60000000000};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_loop *loop = weir_listener_loop(l);
	struct client *client = calloc(1, sizeof *client);

	if (!client ||
	    weir_conn_open(&client->conn, loop, fd, &events, &limits) < 0) {
		free(client);
		close(fd);
		return;
	}
	await_request(client, loop);
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 3) {
		fprintf(stderr, "usage: httpd ADDRESS FOLDER\n");
		return 2;
	}
	/* otherwise the library blocks it around each sendfile(2) */
	signal(SIGPIPE, SIG_IGN);
	root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(root < 0 ? -errno : 0, argv[2]);
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
