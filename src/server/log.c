/* Lines on standard error, each in one write(2).
 *
 * A stopped terminal, or a pipe that is not read, must not stop the server:
 * while standard error takes nothing, lines are dropped and counted, and the
 * count precedes the next line that can be written. (Not by O_NONBLOCK: the
 * flag is shared with the shell and every other user of the descriptor.) */
#include "log.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* What a pipe takes at once when poll says that it is writable. A
	 * greeting of 1000 bytes fits, escaped to four characters each. */
	LINE_SIZE = PIPE_BUF
};

/* Held from poll to write, or another worker might fill the pipe between the
 * two. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Typed and inherited names may contain control characters. */
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
	pthread_mutex_lock(&lock);
	if (worker->n_lines_lost > 0 && takes_more()) {
		log_complain("%llu lines lost: standard error took no more",
			     (unsigned long long)worker->n_lines_lost);
		worker->n_lines_lost = 0;
	}
	if (!takes_more() || write(STDERR_FILENO, line, n) < 0)
		worker->n_lines_lost++;
	pthread_mutex_unlock(&lock);
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

void log_complain(const char *format, ...)
{
	char line[LINE_SIZE];
	ssize_t n;
	va_list args;

	va_start(args, format);
	n = (ssize_t)put(line, "weir-server: ", format, args);
	va_end(args);
	/* if this fails it cannot be reported */
	n = write(STDERR_FILENO, line, (size_t)n);
	(void)n;
}
