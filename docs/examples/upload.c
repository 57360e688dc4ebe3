/* Upload a file: at the pace of the server, again from the beginning when the
 * connection breaks, and not for longer than the deadline.
 *
 *	upload ADDRESS FILE SECONDS
 *
 * The server reads to our FIN and answers with its own; that is how we know
 * that it has all of the file.
 */
#define _FILE_OFFSET_BITS 64 /* pread of large files, on 32 bits too */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum {
	PIECE_SIZE = 65536,
	MAX_ADDRESSES = 8
};

static const uint64_t second_ns = 1000000000;

/* One upload a program, so its state needs no object. */
static struct weir_loop *loop;
static struct weir_connector connector;
static struct weir_conn conn;
static struct weir_timer retry;
static struct weir_timer deadline;
static struct weir_address addresses[MAX_ADDRESSES];
static size_t n_addresses;
static uint64_t backoff_ns = 100000000;
static int file;
static uint64_t offset;
static bool is_sent; /* our FIN, too */
static bool is_done;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "upload: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static void connect_again(struct weir_timer *timer);

/* Each wait is about twice the one before, up to 10 s; the random part keeps
 * many clients of one server from coming back all at once. */
static void try_later(const char *why)
{
	uint64_t half_ns = backoff_ns / 2;
	uint64_t wait_ns = half_ns + (uint64_t)random() % half_ns;

	fprintf(stderr, "upload: %s; next try in %ju ms\n", why,
		(uintmax_t)(wait_ns / 1000000));
	backoff_ns =
		backoff_ns < 5 * second_ns ? 2 * backoff_ns : 10 * second_ns;
	weir_timer_arm(&retry, loop, weir_loop_now(loop) + wait_ns,
		       connect_again);
}

/* Send one piece, and ask to be called when there is room for the next. Nothing
 * is queued: what the kernel did not take is read from the file again. */
static void on_writable(struct weir_conn *c)
{
	static char piece[PIECE_SIZE];
	ssize_t n = pread(file, piece, sizeof piece, (off_t)offset);
	ssize_t n_taken;

	check(n < 0 ? -errno : 0, "file");
	if (n == 0) {
		is_sent = true;
		weir_conn_shutdown(c);
		return;
	}
	n_taken = weir_conn_send(c, piece, (size_t)n);
	if (n_taken < 0)
		return; /* on_close follows */
	offset += (uint64_t)n_taken;
	if (n_taken == n)
		weir_conn_send(c, NULL, 0);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return n; /* its FIN is the answer */
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	if (!is_sent) {
		weir_conn_abort(c, true); /* it did not wait for all */
		return;
	}
	is_done = true;
	weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	if (is_done)
		weir_timer_cancel(&deadline); /* nothing left: the loop ends */
	else
		try_later(weir_reason_name(result->reason));
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_end = on_end,
					       .on_writable = on_writable,
					       .on_close = on_close};

static void on_connect(struct weir_connector *ignored, int fd)
{
	int error = fd;

	if (fd >= 0) {
		offset = 0;
		is_sent = false;
		error = weir_conn_open(&conn, loop, fd, &events, NULL);
		if (error < 0)
			close(fd);
	}
	if (error < 0)
		try_later(strerror(-error));
	else
		on_writable(&conn);
}

static void connect_again(struct weir_timer *timer)
{
	struct weir_connector_options options = {
		.deadline_ns = weir_loop_now(loop) + 5 * second_ns};

	check(weir_connector_open(&connector, loop, addresses, n_addresses,
				  &options, on_connect),
	      "connect");
}

static void on_deadline(struct weir_timer *timer)
{
	fprintf(stderr, "upload: not done in time\n");
	weir_loop_stop(loop);
}

int main(int argc, char **argv)
{
	int n;

	if (argc != 4) {
		fprintf(stderr, "usage: upload ADDRESS FILE SECONDS\n");
		return 2;
	}
	n = weir_address_resolve(argv[1], WEIR_ADDRESS_CONNECT, addresses,
				 MAX_ADDRESSES);
	check(n, argv[1]);
	n_addresses = (size_t)n;
	file = open(argv[2], O_RDONLY | O_CLOEXEC);
	check(file < 0 ? -errno : 0, argv[2]);
	srandom((unsigned)getpid());
	check(weir_loop_new(&loop), "loop");
	weir_timer_arm(&deadline, loop,
		       weir_loop_now(loop) +
			       strtoul(argv[3], NULL, 10) * second_ns,
		       on_deadline);
	connect_again(&retry);
	check(weir_loop_run(loop), "loop");
	if (is_done)
		printf("%ju bytes uploaded\n", (uintmax_t)offset);
	return !is_done;
}
