/* The server whose answers are known, and weir-flood, as children. */
#include "harness_flood.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"

enum {
	N_ARGUMENTS = 32,
	PIECE = 65536,
	/* what takes so long hangs */
	PATIENCE_MS = 60000
};

static void must(long result, const char *what)
{
	if (result < 0)
		harness_die("%s: %s", what, strerror(errno));
}

/* -- the server -- */

void known_start(struct known *known, const struct known_plan *plan)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int listener = harness_listen(&address, 128);

	weir_address_format(&address, known->address, sizeof known->address);
	known->truth = mmap(NULL, sizeof *known->truth, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (known->truth == MAP_FAILED)
		harness_die("mmap: %s", strerror(errno));
	known->pid = fork();
	if (known->pid < 0)
		harness_die("fork: %s", strerror(errno));
	if (known->pid == 0)
		known_serve(listener, plan, known->truth);
	close(listener);
}

void known_stop(struct known *known)
{
	int status;

	kill(known->pid, SIGKILL);
	waitpid(known->pid, &status, 0);
}

void known_forget(struct known *known)
{
	munmap(known->truth, sizeof *known->truth);
}

/* -- the program -- */

static _Noreturn void exec_flood(const char *const *arguments)
{
	const char *build = getenv("WEIR_BUILD");
	char path[256];
	char *argv[N_ARGUMENTS + 1] = {path};
	sigset_t none;

	snprintf(path, sizeof path, "%s/weir-flood", build ? build : "build");
	for (size_t i = 0; arguments[i] && i + 1 < N_ARGUMENTS; i++)
		argv[i + 1] = strdup(arguments[i]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path, argv);
	_exit(127);
}

void flood_start(struct flooding *flooding, const char *const *arguments)
{
	int out[2];
	int err[2];

	must(pipe2(out, O_CLOEXEC), "pipe2");
	must(pipe2(err, O_CLOEXEC), "pipe2");
	flooding->pid = fork();
	must(flooding->pid, "fork");
	if (flooding->pid == 0) {
		must(dup2(out[1], STDOUT_FILENO), "dup2");
		must(dup2(err[1], STDERR_FILENO), "dup2");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exec_flood(arguments);
	}
	close(out[1]);
	close(err[1]);
	flooding->out = out[0];
	flooding->err = err[0];
}

/* Read more of fd behind *text; false: it has ended. */
static bool read_more(int fd, char **text, size_t *n)
{
	ssize_t n_read;

	*text = realloc(*text, *n + PIECE + 1);
	if (!*text)
		harness_die("no memory for what weir-flood says");
	n_read = read(fd, *text + *n, PIECE);
	must(n_read, "read");
	*n += (size_t)n_read;
	(*text)[*n] = '\0';
	return n_read > 0;
}

void flood_wait(struct flooding *flooding, struct flooded *run)
{
	struct pollfd fds[2] = {{.fd = flooding->out, .events = POLLIN},
				{.fd = flooding->err, .events = POLLIN}};
	size_t n_out = 0;
	size_t n_err = 0;
	int status;

	*run = (struct flooded){0};
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, PATIENCE_MS) <= 0)
			harness_die("weir-flood does not end");
		if (fds[0].revents && !read_more(fds[0].fd, &run->out, &n_out))
			fds[0].fd = -1;
		if (fds[1].revents && !read_more(fds[1].fd, &run->err, &n_err))
			fds[1].fd = -1;
	}
	close(flooding->out);
	close(flooding->err);
	must(waitpid(flooding->pid, &status, 0), "waitpid");
	run->status = WIFEXITED(status) ? WEXITSTATUS(status)
					: 128 + WTERMSIG(status);
}

void flood(struct flooded *run, ...)
{
	const char *arguments[N_ARGUMENTS] = {NULL};
	struct flooding flooding;
	const char *argument;
	size_t n = 0;
	va_list list;

	va_start(list, run);
	while ((argument = va_arg(list, const char *)) && n < N_ARGUMENTS - 1)
		arguments[n++] = argument;
	va_end(list);
	flood_start(&flooding, arguments);
	flood_wait(&flooding, run);
}

void flooded_forget(struct flooded *run)
{
	free(run->out);
	free(run->err);
}

static const char *find_key(const char *text, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	at = strstr(text, quoted);
	return at ? at + strlen(quoted) : NULL;
}

double flooded_number(const struct flooded *run, const char *within,
		      const char *key)
{
	const char *at = run->out;
	char keys[128];
	char *rest = keys;
	const char *outer;

	snprintf(keys, sizeof keys, "%s", within);
	while (at && (outer = strsep(&rest, "/")) && *outer)
		at = find_key(at, outer);
	if (at)
		at = find_key(at, key);
	if (!at)
		harness_die("there is no \"%s\" in \"%s\" of: %s%s", key,
			    within, run->out, run->err);
	while (*at == ' ')
		at++;
	return strncmp(at, "null", 4) == 0 ? (double)NAN : strtod(at, NULL);
}

bool flooded_says(const struct flooded *run, const char *part)
{
	return strstr(run->err, part) || strstr(run->out, part);
}
