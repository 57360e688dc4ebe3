/* Lines on standard error, each in one write(2).
 *
 * A stopped terminal, or a pipe that is not read, must not stop the server:
 * while standard error takes nothing, lines are dropped and counted, and the
 * count precedes the next line that can be written. (Not by O_NONBLOCK: the
 * flag is shared with the shell and every other user of the descriptor.) */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "complain.h"

/* Held from poll to write, or another worker might fill the pipe between the
 * two. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int log_open(const char *path)
{
	int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		     0640);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (dup2(fd, STDERR_FILENO) < 0)
		error = -errno;
	close(fd);
	return error;
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
		complain("%llu lines lost: standard error took no more",
			 (unsigned long long)worker->n_lines_lost);
		worker->n_lines_lost = 0;
	}
	if (!takes_more() || write(STDERR_FILENO, line, n) < 0)
		worker->n_lines_lost++;
	pthread_mutex_unlock(&lock);
}

/* As syslog(3) numbers and names them. */
enum level {
	LEVEL_WARNING = 4,
	LEVEL_INFO = 6
};

enum {
	PREFIX_SIZE = 64,
	LIMITED_SIZE = 1024
};

/* "2026-01-02T03:04:05.678Z " */
static size_t put_time(char *text, size_t size)
{
	uint64_t now = clock_read(CLOCK_REALTIME);
	time_t seconds = (time_t)(now / CLOCK_NS_PER_S);
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm))
		return 0;
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(text + n, size - n, ".%03uZ ",
				    (unsigned)(now / CLOCK_NS_PER_MS % 1000));
}

static void put_prefix(char prefix[PREFIX_SIZE], enum log_format format,
		       enum level level)
{
	size_t n = 0;

	switch (format) {
	case LOG_FORMAT_PLAIN:
		break;
	case LOG_FORMAT_TIME:
		n = put_time(prefix, PREFIX_SIZE);
		n += (size_t)snprintf(prefix + n, PREFIX_SIZE - n, "%s ",
				      level == LEVEL_WARNING ? "warning"
							     : "info");
		break;
	case LOG_FORMAT_JOURNAL:
		n = (size_t)snprintf(prefix, PREFIX_SIZE, "<%d>", (int)level);
		break;
	}
	(void)snprintf(prefix + n, PREFIX_SIZE - n, "weir-server: ");
}

__attribute__((format(printf, 3, 0))) static void say(struct worker *worker,
						      enum level level,
						      const char *format,
						      va_list args)
{
	char prefix[PREFIX_SIZE];
	char line[COMPLAIN_LINE_SIZE];

	put_prefix(prefix, worker->settings->log_format, level);
	write_line(worker, line, complain_format(line, prefix, format, args));
}

void log_say(struct worker *worker, const char *format, ...)
{
	va_list args;

	if (worker->settings->is_quiet)
		return;
	va_start(args, format);
	say(worker, LEVEL_INFO, format, args);
	va_end(args);
}

void log_warn(struct worker *worker, const char *format, ...)
{
	va_list args;

	if (worker->settings->is_quiet)
		return;
	va_start(args, format);
	say(worker, LEVEL_WARNING, format, args);
	va_end(args);
}

void log_print(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(worker, LEVEL_INFO, format, args);
	va_end(args);
}

void log_trace(struct worker *worker, const char *format, ...)
{
	char line[COMPLAIN_LINE_SIZE];
	va_list args;

	va_start(args, format);
	write_line(worker, line, complain_format(line, "trace ", format, args));
	va_end(args);
}

static bool may_print(struct worker *worker, struct log_limit *limit)
{
	uint64_t second = weir_loop_now(worker->loop) / CLOCK_NS_PER_S;

	if (limit->second != second) {
		limit->second = second;
		limit->n = 0;
	}
	if (limit->n == LOG_MAX_A_SECOND) {
		limit->n_left_out++;
		return false;
	}
	limit->n++;
	return true;
}

void log_limited(struct worker *worker, struct log_limit *limit,
		 const char *format, ...)
{
	char text[LIMITED_SIZE];
	va_list args;

	if (!may_print(worker, limit))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (limit->n_left_out == 0)
		log_warn(worker, "%s", text);
	else
		log_warn(worker, "%s (%llu lines like this one left out)", text,
			 (unsigned long long)limit->n_left_out);
	limit->n_left_out = 0;
}
