/* weir-server as a child, and its clients. */
#include "harness_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_program.h"

enum {
	/* what takes so long hangs */
	PATIENCE_MS = 20000,
	/* so that a server that traces loses no lines while a test works */
	PIPE_SIZE = 1048576,
	PIECE = 65536
};

/* -- the server -- */

void served_start_prepared(struct served *s, void (*prepare)(void),
			   const char *const *arguments)
{
	int err[2];

	*s = (struct served){0};
	must(pipe2(err, O_CLOEXEC), "pipe2");
	(void)fcntl(err[0], F_SETPIPE_SZ, PIPE_SIZE);
	s->pid = fork();
	must(s->pid, "fork");
	if (s->pid == 0) {
		must(dup2(err[1], STDERR_FILENO), "dup2");
		if (prepare)
			prepare();
		program_exec("weir-server", arguments);
	}
	close(err[1]);
	s->err = err[0];
}

void served_start(struct served *s, ...)
{
	const char *arguments[PROGRAM_MAX_ARGUMENTS];
	va_list list;

	va_start(list, s);
	program_arguments(arguments, list);
	va_end(list);
	served_start_prepared(s, NULL, arguments);
}

static void make_room(struct served *s)
{
	if (s->size - s->n > PIECE)
		return;
	s->size = 2 * s->size + 2 * PIECE;
	s->text = realloc(s->text, s->size);
	if (!s->text)
		harness_die("no memory for what the server says");
}

/* Hear more of it; false: it has said all. */
static bool hear(struct served *s)
{
	struct pollfd pollfd = {.fd = s->err, .events = POLLIN};
	ssize_t n;

	make_room(s);
	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("the server is silent after: %s",
			    s->text + s->n_seen);
	n = read(s->err, s->text + s->n, PIECE);
	must(n, "read");
	s->n += (size_t)n;
	s->text[s->n] = '\0';
	return n > 0;
}

/* Whether there is a whole line more; it is taken. */
static bool take_line(struct served *s)
{
	const char *from = s->n > 0 ? s->text + s->n_seen : "";
	const char *end = strchr(from, '\n');

	if (!end)
		return false;
	snprintf(s->line, sizeof s->line, "%.*s", (int)(end - from), from);
	s->n_seen += (size_t)(end + 1 - from);
	return true;
}

const char *served_line(struct served *s, const char *part)
{
	for (;;) {
		while (take_line(s))
			if (strstr(s->line, part))
				return s->line;
		if (!hear(s))
			harness_die("the server has not said \"%s\" but: %s",
				    part, s->text);
	}
}

void served_address(struct served *s, const char *service,
		    char address[SERVED_ADDRESS_SIZE])
{
	char start[128];

	snprintf(start, sizeof start, "weir-server: %s listening on ", service);
	snprintf(address, SERVED_ADDRESS_SIZE, "%s",
		 strstr(served_line(s, start), start) + strlen(start));
}

int served_wait(struct served *s)
{
	while (hear(s))
		;
	return program_wait(s->pid);
}

void served_forget(struct served *s)
{
	close(s->err);
	free(s->text);
}

int served_end(struct served *s)
{
	int status = served_wait(s);

	served_forget(s);
	return status;
}

int served_stop(struct served *s)
{
	must(kill(s->pid, SIGTERM), "kill");
	return served_end(s);
}

void served_halt(const struct served *s)
{
	int status;

	must(kill(s->pid, SIGSTOP), "kill");
	must(waitpid(s->pid, &status, WUNTRACED), "waitpid");
	if (!WIFSTOPPED(status))
		harness_die("the server has ended instead of halting");
}

void served_go_on(const struct served *s)
{
	must(kill(s->pid, SIGCONT), "kill");
}

size_t served_kib(const struct served *s, const char *name)
{
	return program_kib(s->pid, name);
}

size_t served_count_fds(const struct served *s)
{
	char path[64];
	size_t n = 0;
	DIR *dir;
	const struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)s->pid);
	dir = opendir(path);
	must(dir ? 0 : -1, path);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

bool served_is_sanitized(void)
{
	/* the program may be, where the tests are not */
	if (getenv("WEIR_SANITIZED"))
		return true;
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer);
#else
	return false;
#endif
}

void expect_refusal(const char *const *arguments, const char *line)
{
	struct served s;
	char expected[512];
	int status;

	snprintf(expected, sizeof expected, "weir-server: %s\n", line);
	served_start_prepared(&s, NULL, arguments);
	status = served_wait(&s);
	if (status != 2 || strcmp(s.text, expected) != 0)
		harness_die("status %d, \"%s\" instead of 2, \"%s\"", status,
			    s.text, expected);
	served_forget(&s);
}

void expect_refusal_of(const char *argument, const char *line)
{
	expect_refusal((const char *[]){argument, NULL}, line);
}

/* -- its clients -- */

void connect_to(int fd, const struct weir_address *address)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	if (address->sa.any.sa_family == AF_UNIX) {
		must(connect(fd, &address->sa.any, address->len), "connect");
		return;
	}
	must(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
	if (connect(fd, &address->sa.any, address->len) < 0 &&
	    errno != EINPROGRESS)
		must(-1, "connect");
	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("the server does not let its client in");
	must(fcntl(fd, F_SETFL, 0), "fcntl");
}

int dial(const char *text, int rcvbuf)
{
	struct weir_address address = harness_address(text);
	int fd =
		socket(address.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	if (rcvbuf > 0)
		must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				sizeof rcvbuf),
		     "setsockopt");
	connect_to(fd, &address);
	return fd;
}

void expect_end(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char byte;
	ssize_t n;

	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("the server does not end the connection");
	n = recv(fd, &byte, 1, 0);
	must(n, "recv");
	if (n > 0)
		harness_die("0x%02x comes instead of a FIN", byte);
}

static void expect(int fd, const char *text)
{
	size_t n = strlen(text);
	char back[SERVED_LINE_SIZE];

	if (n > sizeof back)
		harness_die("%zu bytes are too many to expect", n);
	harness_read(fd, back, n);
	if (memcmp(back, text, n) != 0)
		harness_die("\"%.*s\" comes instead of \"%s\"", (int)n, back,
			    text);
}

void expect_echo(int fd, const char *text)
{
	harness_write(fd, text, strlen(text));
	expect(fd, text);
}

void expect_greeting(int fd, const char *text)
{
	harness_write(fd, text, strlen(text));
	expect(fd, "Are you want to talk to Me");
	expect_end(fd);
}
