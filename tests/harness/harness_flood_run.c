/* The server whose answers are known, and weir-flood, as children. */
#include "harness_flood.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_program.h"

enum {
	PIECE = 65536,
	/* what takes so long hangs */
	PATIENCE_MS = 60000
};

/* -- the server -- */

void known_start(struct known *known, const struct known_plan *plan)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int listener = harness_listen(&address, 128);

	weir_address_format(&address, known->address, sizeof known->address);
	known->truth = mmap(NULL, sizeof *known->truth, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(known->truth == MAP_FAILED ? -1 : 0, "mmap");
	known->pid = fork();
	must(known->pid, "fork");
	if (known->pid == 0)
		known_serve(listener, plan, known->truth);
	close(listener);
}

void known_await(const struct known *known, uint64_t n_accepted,
		 uint64_t n_resets)
{
	const volatile struct known_truth *truth = known->truth;

	while (truth->n_accepted < n_accepted || truth->n_resets < n_resets)
		usleep(1000);
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

/* Tests run beside each other, and wait for a CPU. */
static void be_patient(const char **to, const char *const *arguments)
{
	*to++ = "--cpu-wait=100%";
	do
		*to++ = *arguments;
	while (*arguments++);
}

void flood_start(struct flooding *flooding, const char *const *arguments)
{
	const char *all[PROGRAM_MAX_ARGUMENTS + 1];
	int out[2];
	int err[2];

	be_patient(all, arguments);

	must(pipe2(out, O_CLOEXEC), "pipe2");
	must(pipe2(err, O_CLOEXEC), "pipe2");
	flooding->pid = fork();
	must(flooding->pid, "fork");
	if (flooding->pid == 0) {
		must(dup2(out[1], STDOUT_FILENO), "dup2");
		must(dup2(err[1], STDERR_FILENO), "dup2");
		program_exec("weir-flood", all);
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
	run->status = program_wait(flooding->pid);
}

void flood(struct flooded *run, ...)
{
	const char *arguments[PROGRAM_MAX_ARGUMENTS];
	struct flooding flooding;
	va_list list;

	va_start(list, run);
	program_arguments(arguments, list);
	va_end(list);
	flood_start(&flooding, arguments);
	flood_wait(&flooding, run);
}

void flooded_forget(struct flooded *run)
{
	free(run->out);
	free(run->err);
}

void flooded_end(struct flooded *run, struct known *known)
{
	flooded_forget(run);
	known_stop(known);
	known_forget(known);
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
