/* Lines on standard error, each in one write(2).
 *
 * A terminal that is stopped, or a pipe that nobody reads, must not stop the
 * clients: while standard error takes nothing, lines are lost, and counted;
 * the next one that gets through is preceded by the count. (O_NONBLOCK would
 * not do: the shell, and whoever else has the descriptor, share the flag.) */
#include "server.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* What a pipe takes without waiting if it takes anything. A greeting
	 * of 1000 bytes fits, each of them escaped by four. */
	LINE_SIZE = PIPE_BUF
};

/* Closed from the look at standard error to the write: another worker would
 * take the room that was there. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* What is typed or inherited may have line feeds, and worse: a line is one. */
static void flatten(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
			text[i] = '?';
}

/* Write prefix and text as a line, cut if it is too long; its size. */
__attribute__((format(printf, 3, 0))) static size_t put(char *line,
							const char *prefix,
							const char *format,
							va_list args)
{
	const size_t room = LINE_SIZE - 1;
	size_t n_line = (size_t)(stpcpy(line, prefix) - line);
	int n = vsnprintf(line + n_line, room - n_line, format, args);

	if (n > 0)
		n_line += (size_t)n;
	if (n_line >= room)
		n_line = room - 1;
	flatten(line, n_line);
	line[n_line++] = '\n';
	return n_line;
}

static bool takes_more(void)
{
	struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&pollfd, 1, 0) == 1 && (pollfd.revents & POLLOUT);
}

static void write_line(struct worker *worker, const char *line, size_t n)
{
	pthread_mutex_lock(&gate);
	if (worker->n_lines_lost > 0 && takes_more()) {
		complain("%llu lines lost: standard error took no more",
			 (unsigned long long)worker->n_lines_lost);
		worker->n_lines_lost = 0;
	}
	if (!takes_more() || write(STDERR_FILENO, line, n) < 0)
		worker->n_lines_lost++;
	pthread_mutex_unlock(&gate);
}

__attribute__((format(printf, 3, 0))) static void say(struct worker *worker,
						      const char *prefix,
						      const char *format,
						      va_list args)
{
	char line[LINE_SIZE];

	write_line(worker, line, put(line, prefix, format, args));
}

void log_say(struct worker *worker, const char *format, ...)
{
	va_list args;

	if (worker->settings->is_quiet)
		return;
	va_start(args, format);
	say(worker, "weir-server: ", format, args);
	va_end(args);
}

void log_print(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(worker, "weir-server: ", format, args);
	va_end(args);
}

void log_trace(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(worker, "trace ", format, args);
	va_end(args);
}

void complain(const char *format, ...)
{
	char line[LINE_SIZE];
	ssize_t n;
	va_list args;

	va_start(args, format);
	n = (ssize_t)put(line, "weir-server: ", format, args);
	va_end(args);
	/* When this fails there is nobody to tell. */
	n = write(STDERR_FILENO, line, (size_t)n);
	(void)n;
}
