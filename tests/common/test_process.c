#include "process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

TestSuite(process, .init = harness_begin, .fini = harness_end);

Test(process, fills_closed_standard_descriptors_with_what_fails)
{
	int saved[3];
	ssize_t n_read;
	ssize_t n_printed;
	ssize_t n_said;
	char byte = 0;

	for (int fd = 0; fd < 3; fd++)
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	process_begin();
	n_read = read(STDIN_FILENO, &byte, 1);
	n_printed = write(STDOUT_FILENO, &byte, 1);
	n_said = write(STDERR_FILENO, &byte, 1);
	for (int fd = 0; fd < 3; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
	cr_assert_eq(n_read, -1);
	cr_assert_eq(n_printed, -1);
	cr_assert_eq(n_said, 1);
}

Test(process, leaves_standard_descriptors_that_are_open)
{
	int pipefd[2];
	int saved = dup(STDOUT_FILENO);
	ssize_t n;
	char byte = 'x';

	cr_assert_eq(pipe2(pipefd, O_CLOEXEC), 0);
	dup2(pipefd[1], STDOUT_FILENO);
	process_begin();
	n = write(STDOUT_FILENO, &byte, 1);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(pipefd[1]);
	cr_assert_eq(n, 1);
	cr_assert_eq(read(pipefd[0], &byte, 1), 1);
	close(pipefd[0]);
}

Test(process, may_have_as_many_descriptors_as_are_allowed)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_gt(limit.rlim_max, 64);
	limit.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	process_begin();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(limit.rlim_cur, limit.rlim_max);
}

Test(process, outlives_a_write_whose_reader_has_gone)
{
	int pipefd[2];

	cr_assert_eq(pipe2(pipefd, O_CLOEXEC), 0);
	close(pipefd[0]);
	process_begin();
	cr_assert_eq(write(pipefd[1], "x", 1), -1);
	cr_assert_eq(errno, EPIPE);
	close(pipefd[1]);
}
