/* Reading and clearing systemd's environment variables, and notifying. */
#include "systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "quantity.h"

static const struct quantity_kind number = {.units = quantity_counts,
					    .max = INT_MAX};
static const struct quantity_kind microseconds = {.units = quantity_counts,
						  .max = UINT64_MAX / 1000};

static bool is_number(const char *variable, pid_t pid)
{
	const char *text = getenv(variable);
	uint64_t n;

	return text && quantity_parse(&number, text, &n) && n == (uint64_t)pid;
}

/* The next of the names between colons; "unknown" if there is none, as
 * sd_listen_fds_with_names(3) has it. */
static const char *take_name(const char *names, char *name)
{
	size_t n = strcspn(names, ":");

	(void)snprintf(name, INHERITED_NAME_SIZE, "%.*s", n > 0 ? (int)n : -1,
		       n > 0 ? names : "unknown");
	return names[n] == ':' ? names + n + 1 : names + n;
}

static int take_sockets(struct inherited *sockets, int n)
{
	const char *text = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t n_sockets;

	if (!text || (!getenv("LISTEN_PID") && !getenv("LISTEN_PPID")))
		return 0;
	if (!is_number("LISTEN_PID", getpid()) &&
	    !is_number("LISTEN_PPID", getppid()))
		return -ESRCH;
	if (!quantity_parse(&number, text, &n_sockets) ||
	    n_sockets > (uint64_t)n)
		return -EINVAL;
	for (int i = 0; i < (int)n_sockets; i++) {
		sockets[i].fd = FIRST_INHERITED + i;
		if (fcntl(sockets[i].fd, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
		names = take_name(names ? names : "", sockets[i].name);
	}
	return (int)n_sockets;
}

int systemd_sockets(struct inherited *sockets, int n)
{
	int n_sockets = take_sockets(sockets, n);

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_PPID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return n_sockets;
}

void systemd_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	int fd;

	if (n < 2 || n >= sizeof to.sun_path ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)&to, len);
	close(fd);
}

void systemd_leave(void)
{
	(void)unsetenv("NOTIFY_SOCKET");
}

uint64_t systemd_watchdog(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t us;

	if (!text ||
	    (getenv("WATCHDOG_PID") && !is_number("WATCHDOG_PID", getpid())) ||
	    !quantity_parse(&microseconds, text, &us))
		return 0;
	return us * 1000;
}

bool systemd_reads_log(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	char expected[64];
	struct stat st;

	if (!text || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(expected, sizeof expected, "%ju:%ju",
		       (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(text, expected) == 0;
}
