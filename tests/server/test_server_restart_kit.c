#include "test_server_restart.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"

enum {
	PATH_SIZE = 128
};

static pid_t newest;

void restart_test_begin(void)
{
	harness_begin();
	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
}

/* After a failure a server is left that nobody knows. */
void restart_test_end(void)
{
	if (newest > 0)
		(void)kill(newest, SIGKILL);
	harness_remove_folder();
	harness_end();
}

pid_t restart_of(struct served *s, pid_t pid)
{
	must(kill(pid, SIGUSR2), "kill");
	return restart_await(s);
}

pid_t restart_await(struct served *s)
{
	static const char words[] = "replaced by process ";
	const char *line;

	line = strstr(served_line(s, words), words);
	newest = (pid_t)strtol(line + strlen(words), NULL, 10);
	cr_assert_gt(newest, 0, "%s", line);
	return newest;
}

void restart_stop(struct served *s, pid_t last)
{
	int status;

	must(kill(last, SIGTERM), "kill");
	newest = 0;
	while (wait(&status) > 0)
		cr_expect_eq(status, 0, "%#x", (unsigned)status);
	cr_expect_eq(errno, ECHILD);
	served_forget(s);
}

void restart_expect_end(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	cr_expect_eq(status, 0);
}

void restart_expect_echo_at(const char *address)
{
	int fd = dial(address, 0);

	expect_echo(fd, "still here");
	close(fd);
}

const char *restart_file(const char *name)
{
	struct weir_address address = harness_unix_path(name);

	return strdup(address.sa.un.sun_path);
}

/* By rename(2), as a program is replaced that runs. */
void restart_write(const char *path, const char *text, mode_t mode)
{
	char draft[PATH_SIZE];
	FILE *file;

	snprintf(draft, sizeof draft, "%s.new", path);
	file = fopen(draft, "we");
	must(file ? 0 : -1, draft);
	fputs(text, file);
	fclose(file);
	must(chmod(draft, mode), draft);
	must(rename(draft, path), path);
}
