#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* A standard descriptor that was closed would become a socket, and what is
 * printed would go to its peer. /dev/null takes its place, opened so that it
 * fails as the closed one would; but what is written to standard error is lost
 * without an error. Programs that are run inherit these, as
 * they do other standard descriptors: hence no O_CLOEXEC. */
static void fill_standard_descriptors(void)
{
	static const int flags[] = {[STDIN_FILENO] = O_WRONLY,
				    [STDOUT_FILENO] = O_RDONLY,
				    [STDERR_FILENO] = O_RDWR};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", flags[fd]);
}

/* If that fails, fewer descriptors will do for most runs. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void process_begin(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	fill_standard_descriptors();
}
