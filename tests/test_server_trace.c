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
	SMALL_RCVBUF = 16384
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

static void read_on(struct reading *r, struct served *s, const char *peer)
{
	const char *line = served_line(s, "trace ");
	size_t n = strlen("trace ") + strlen(peer);

	cr_assert(strncmp(line + strlen("trace "), peer, strlen(peer)) == 0 &&
			  line[n] == ' ',
		  "%s", line);
	read_line(r, line + n + 1);
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
