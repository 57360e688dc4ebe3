#include "harness_sendfile.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop.h"

enum {
	PATIENCE_MS = 10000,
	JUNK = SENDFILE_JUNK
};

static const char junk[JUNK] = "junk...";

int sendfile_make(const struct conn_probe *p, size_t n)
{
	int file = memfd_create("weir", MFD_CLOEXEC);
	char *data = malloc(n + 1);

	harness_fill(data, n, p->peer.seed, p->n_accepted);
	cr_assert_eq(pwrite(file, junk, JUNK, 0), JUNK);
	cr_assert_eq(pwrite(file, data, n, JUNK), (ssize_t)n);
	cr_assert_eq(pwrite(file, junk, JUNK, (off_t)(JUNK + n)), JUNK);
	free(data);
	return file;
}

bool sendfile_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

int sendfile_and_let_go(struct weir_conn *c, int fd, int64_t offset, uint64_t n)
{
	struct weir_file *file;
	int error = weir_file_new(&file, fd);

	if (error < 0) {
		cr_assert(sendfile_is_open(fd));
		close(fd);
		return error;
	}
	error = weir_conn_sendfile(c, file, offset, n);
	cr_assert(sendfile_is_open(fd));
	weir_file_unref(file);
	return error;
}

int sendfile_next_as(struct conn_probe *p, size_t n, int *file)
{
	int error;

	*file = sendfile_make(p, n);
	error = sendfile_and_let_go(&p->conn, *file, JUNK, n);
	if (error == 0)
		p->n_accepted += n;
	conn_probe_check(p);
	return error;
}

int sendfile_next(struct conn_probe *p, size_t n)
{
	int file;

	return sendfile_next_as(p, n, &file);
}

/* For longer than a flow waits: TCP may have to send a segment again. */
static bool await_more(const struct conn_probe *p)
{
	struct pollfd fds[] = {
		{.fd = p->peer.fd, .events = POLLIN},
		{.fd = conn_loop->epoll_fd, .events = POLLIN},
	};

	return !p->peer.has_ended && p->peer.error == 0 &&
	       poll(fds, 2, PATIENCE_MS) > 0;
}

void sendfile_expect_received(struct conn_probe *p)
{
	do
		conn_flow(p);
	while (p->peer.n_received < p->n_accepted && await_more(p));
	cr_assert_eq(p->peer.n_received, p->n_accepted);
	cr_assert(weir_conn_is_open(&p->conn));
}
