/* Counted files: what can be one, and when its descriptor is closed. */
#include <weir/file.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_conn.h"

enum {
	N_READERS = 50,
	N_BYTES = 300000
};

TestSuite(file, .init = conn_begin, .fini = conn_end);

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void expect_refused(int fd, int error)
{
	struct weir_file *file = NULL;

	must(fd, "open");
	cr_assert_eq(weir_file_new(&file, fd), error);
	cr_assert_null(file);
	cr_assert(is_open(fd));
	close(fd);
}

Test(file, is_closed_with_its_last_reference)
{
	int fd = memfd_create("weir", MFD_CLOEXEC);
	struct weir_file *file;

	cr_assert_eq(weir_file_new(&file, fd), 0);
	cr_assert_eq(weir_file_fd(file), fd);
	cr_assert_eq(weir_file_ref(file), file);
	weir_file_unref(file);
	cr_assert(is_open(fd));
	weir_file_unref(file);
	cr_assert_not(is_open(fd));
	weir_file_unref(NULL);
}

Test(file, can_be_no_stream)
{
	int fd[2];

	must(pipe2(fd, O_CLOEXEC), "pipe2");
	expect_refused(fd[0], -ESPIPE);
	close(fd[1]);
	harness_unix_pair(fd, 0);
	expect_refused(fd[0], -ESPIPE);
	close(fd[1]);
}

Test(file, can_be_no_folder_and_nothing_that_cannot_be_read)
{
	expect_refused(open("/", O_RDONLY | O_DIRECTORY), -EISDIR);
	expect_refused(open("/dev/null", O_WRONLY), -EBADF);
	expect_refused(open("/", O_PATH), -EBADF);
}

Test(file, is_refused_without_memory)
{
	fault_next(FAULT_ALLOC, -ENOMEM);
	expect_refused(memfd_create("weir", MFD_CLOEXEC), -ENOMEM);
}

Test(file, has_one_descriptor_for_many_readers)
{
	static struct conn_probe probes[N_READERS];
	int fd = memfd_create("weir", MFD_CLOEXEC);
	static unsigned char bytes[N_BYTES];
	struct weir_file *file;
	int n_fds;
	size_t i;

	for (i = 0; i < N_READERS; i++)
		cr_assert_eq(conn_probe_open(&probes[i], 4608, NULL), 0);
	/* all read the same pattern */
	for (i = 0; i < N_READERS; i++)
		probes[i].peer.seed = 1;
	harness_fill(bytes, N_BYTES, 1, 0);
	must(pwrite(fd, bytes, N_BYTES, 0), "pwrite");
	cr_assert_eq(weir_file_new(&file, fd), 0);
	n_fds = harness_count_fds();
	for (i = 0; i < N_READERS; i++) {
		cr_assert_eq(
			weir_conn_sendfile(&probes[i].conn, file, 0, N_BYTES),
			0);
		probes[i].n_accepted += N_BYTES;
	}
	weir_file_unref(file);
	conn_turns(2);
	cr_assert_eq(harness_count_fds(), n_fds);
	for (i = 0; i < N_READERS; i++) {
		cr_assert(is_open(fd));
		conn_flow(&probes[i]);
		cr_assert_eq(probes[i].peer.n_received, N_BYTES);
	}
	cr_assert_not(is_open(fd));
}
