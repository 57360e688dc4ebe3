/* What weir-server --trace prints, read back line by line. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/address.h>

#include "harness.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_BYTES = 200000, /* less than high: the server reads them all */
	SMALL_RCVBUF = 16384,
	LOW = 1024,
	HIGH = 102400,
	N_EXCHANGED = 1048576
};

TestSuite(server_trace, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* What the lines so far say about one connection. */
struct reading {
	size_t n_taken;
	size_t n_queued;
	size_t n_moved;
	unsigned n_armed;
	unsigned n_drained;
	bool is_armed;
	bool is_closed;
};

/* A line without its "trace ADDRESS". */
static void read_line(struct reading *r, const char *line)
{
	size_t n;
	size_t rest;
	double stalled_ms;

	if (sscanf(line, "sendall %zu: kernel took %zu", &n, &rest) == 2) {
		cr_assert(rest <= n && r->n_queued == 0, "%s", line);
		r->n_taken += rest;
	} else if (sscanf(line, "queued %zu (%zu in all)", &n, &rest) == 2) {
		r->n_queued += n;
		cr_assert_eq(r->n_queued, rest, "%s", line);
	} else if (strcmp(line, "EPOLLOUT armed") == 0) {
		cr_assert(!r->is_armed && r->n_queued > 0);
		r->is_armed = true;
		r->n_armed++;
	} else if (sscanf(line, "EPOLLOUT: %zu moved, %zu left", &n, &rest) ==
		   2) {
		cr_assert(r->is_armed && n <= r->n_queued, "%s", line);
		r->n_queued -= n;
		r->n_moved += n;
		cr_assert_eq(r->n_queued, rest, "%s", line);
	} else if (sscanf(line, "drained, stalled %lf ms in all",
			  &stalled_ms) == 1) {
		cr_assert(r->n_queued == 0 && stalled_ms >= 0, "%s", line);
		r->n_drained++;
	} else if (strcmp(line, "EPOLLOUT disarmed") == 0) {
		cr_assert(r->is_armed && r->n_queued == 0);
		r->is_armed = false;
	} else {
		cr_assert_str_eq(line, "closed: finished");
		r->is_closed = true;
	}
}

/* The next line about this peer. */
static void read_on(struct reading *r, struct served *s, const char *peer)
{
	char start[SERVED_ADDRESS_SIZE + 8];

	snprintf(start, sizeof start, "trace %s ", peer);
	read_line(r, strstr(served_line(s, start), start) + strlen(start));
}

static void own_address(int fd, char *text, size_t size)
{
	struct weir_address address = {.type = SOCK_STREAM,
				       .len = sizeof address.sa};

	getsockname(fd, &address.sa.any, &address.len);
	weir_address_format(&address, text, size);
}

Test(server_trace, tells_what_sendall_does_that_send_does_not)
{
	static unsigned char data[N_BYTES];
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	struct reading r = {0};
	int fd;

	served_start(&s, "--trace", "--sndbuf=8K", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, SMALL_RCVBUF);
	own_address(fd, own, sizeof own);
	harness_fill(data, N_BYTES, 1, 0);
	harness_write(fd, data, N_BYTES);
	while (r.n_taken + r.n_queued + r.n_moved < N_BYTES)
		read_on(&r, &s, own);
	cr_assert(r.is_armed && r.n_queued > 0);
	harness_read(fd, data, N_BYTES);
	harness_check(data, N_BYTES, 1, 0);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	while (!r.is_closed)
		read_on(&r, &s, own);
	cr_assert_eq(r.n_taken + r.n_moved, N_BYTES);
	cr_assert(!r.is_armed && r.n_armed >= 1 && r.n_drained >= 1);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_trace, is_short_when_the_kernel_takes_all)
{
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	char expected[SERVED_LINE_SIZE];
	int fd;

	served_start(&s, "--trace", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, 0);
	own_address(fd, own, sizeof own);
	expect_echo(fd, "hello");
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	served_line(&s, "closed");
	snprintf(expected, sizeof expected,
		 "weir-server: echo listening on %s\n"
		 "trace %s sendall 5: kernel took 5\n"
		 "trace %s closed: finished\n",
		 address, own, own);
	cr_assert_str_eq(s.text, expected);
	cr_assert_eq(served_stop(&s), 0);
}

/* Write and read on, until n_all bytes are back, in small pieces. */
static void exchange(int fd, const unsigned char *data, size_t n_written,
		     size_t n_all)
{
	unsigned char back[4096];
	size_t n_read = 0;

	while (n_read < n_all) {
		ssize_t n = 0;

		if (n_written < n_all)
			n = send(fd, data + n_written, n_all - n_written,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			n_written += (size_t)n;
		n = recv(fd, back, sizeof back, 0);
		cr_assert_gt(n, 0);
		harness_check(back, (size_t)n, 1, n_read);
		n_read += (size_t)n;
	}
}

/* Held at high, it reads nothing, and so echoes nothing, until low. Later on
 * what it reads may leave at once, before high is judged: a queue that is that
 * long after a move was judged. */
static void check_marks(struct reading *r, struct served *s, const char *peer)
{
	bool is_held = true;

	while (!r->is_closed) {
		struct reading before = *r;

		read_on(r, s, peer);
		if (is_held)
			cr_assert(r->n_queued <= before.n_queued &&
				  r->n_taken == before.n_taken);
		if (r->n_queued <= LOW)
			is_held = false;
		else if (r->n_moved > before.n_moved && r->n_queued >= HIGH)
			is_held = true;
	}
}

/* When this is over, the loop has turned. */
static void expect_a_turn(const char *address)
{
	int fd = dial(address, 0);

	expect_echo(fd, "has it?");
	close(fd);
}

Test(server_trace, shows_reading_held_between_the_marks)
{
	static unsigned char data[N_EXCHANGED];
	struct served s;
	struct reading r = {0};
	char address[SERVED_ADDRESS_SIZE];
	char own[WEIR_ADDRESS_TEXT_SIZE];
	int fd;

	served_start(&s, "--trace", "--low=1K", "--high=100K", "--max=1M",
		     "--sndbuf=8K", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	fd = dial(address, SMALL_RCVBUF);
	own_address(fd, own, sizeof own);
	harness_fill(data, N_EXCHANGED, 1, 0);
	harness_write(fd, data, N_BYTES);
	while (r.n_queued < HIGH)
		read_on(&r, &s, own);
	expect_a_turn(address);
	exchange(fd, data, N_BYTES, N_EXCHANGED);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	check_marks(&r, &s, own);
	cr_assert_eq(served_stop(&s), 0);
}
