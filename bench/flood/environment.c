/* Kernel, CPUs, time, command line and sockets; see environment.h. */
#include "environment.h"

#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include "settings.h"

/* -- the machine -- */

static void read_kernel(struct environment *environment)
{
	struct utsname name;

	if (uname(&name) == 0)
		(void)snprintf(environment->kernel, sizeof environment->kernel,
			       "%s %s %s %s", name.sysname, name.release,
			       name.version, name.machine);
}

/* The first line "model name : ..." of /proc/cpuinfo, which not every
 * architecture has. */
static void read_machine(struct environment *environment)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (file && fgets(line, sizeof line, file)) {
		const char *value = strstr(line, ": ");

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(environment->machine,
			       sizeof environment->machine, "%.*s",
			       (int)sizeof environment->machine - 1, value + 2);
		break;
	}
	if (file)
		(void)fclose(file);
}

static long count_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
							   : 0;
}

static double read_load_average(void)
{
	double average = (double)NAN;

	return getloadavg(&average, 1) == 1 ? average : (double)NAN;
}

static void read_time(struct environment *environment)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	environment->started_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	if (gmtime_r(&now.tv_sec, &utc))
		(void)strftime(environment->started,
			       sizeof environment->started,
			       "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* -- the command line -- */

static bool is_plain(const char *word)
{
	return word[0] != '\0' &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-_=+:,./@%")] == '\0';
}

/* As a shell takes it again: 'it'\''s'. */
static char *quote(char *to, const char *word)
{
	if (is_plain(word))
		return stpcpy(to, word);
	*to++ = '\'';
	for (; *word; word++)
		if (*word == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *word;
	return stpcpy(to, "'");
}

static char *join_command(const struct settings *settings)
{
	size_t size = 1;
	char *text;
	char *to;

	for (int i = 0; i < settings->argc; i++)
		size += 4 * strlen(settings->argv[i]) + 3;
	text = calloc(1, size);
	to = text;
	for (int i = 0; text && i < settings->argc; i++) {
		if (i > 0)
			*to++ = ' ';
		to = quote(to, settings->argv[i]);
	}
	return text;
}

void environment_read(struct environment *environment,
		      const struct settings *settings)
{
	read_kernel(environment);
	read_machine(environment);
	environment->n_cpus = count_cpus();
	environment->load_average = read_load_average();
	read_time(environment);
	environment->command = join_command(settings);
}

/* -- steal -- */

void environment_read_times(struct environment_times *times)
{
	unsigned long long t[8] = {0};
	FILE *file = fopen("/proc/stat", "re");
	char line[256];

	*times = (struct environment_times){0};
	if (!file)
		return;
	if (fgets(line, sizeof line, file) && strncmp(line, "cpu ", 4) == 0) {
		char *at = line + 4;

		for (size_t i = 0; i < 8; i++) {
			t[i] = strtoull(at, &at, 10);
			times->all += t[i];
		}
		times->stolen = t[7];
		times->is_known = times->all > 0;
	}
	(void)fclose(file);
}

double environment_steal(const struct environment_times *before,
			 const struct environment_times *after)
{
	if (!before->is_known || !after->is_known || after->all <= before->all)
		return (double)NAN;
	return (double)(after->stolen - before->stolen) /
	       (double)(after->all - before->all);
}

double environment_cpu_wait(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	double wait_s = (double)NAN;
	char line[128];
	char *end;

	if (!file)
		return wait_s;
	/* how long it ran, and how long it waited */
	if (fgets(line, sizeof line, file) && (end = strchr(line, ' ')))
		wait_s = (double)strtoull(end, NULL, 10) / 1e9;
	(void)fclose(file);
	return wait_s;
}

/* -- sockets -- */

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof value;

	return getsockopt(fd, level, name, &value, &size) == 0 ? value : 0;
}

/* What both ends agreed on, and by which factor each scales its window. */
static void read_tcp(struct environment_socket *socket, int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;

	socket->is_nodelay = option(fd, IPPROTO_TCP, TCP_NODELAY) != 0;
	socket->mss = option(fd, IPPROTO_TCP, TCP_MAXSEG);
	size = sizeof socket->congestion - 1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, socket->congestion,
		       &size) < 0)
		socket->congestion[0] = '\0';
	size = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return;
	socket->has_timestamps = info.tcpi_options & TCPI_OPT_TIMESTAMPS;
	socket->has_sack = info.tcpi_options & TCPI_OPT_SACK;
	socket->has_ecn = info.tcpi_options & TCPI_OPT_ECN;
	socket->has_scaling = info.tcpi_options & TCPI_OPT_WSCALE;
	socket->own_scale = info.tcpi_rcv_wscale;
	socket->peer_scale = info.tcpi_snd_wscale;
}

void environment_read_socket(struct environment_socket *socket, int fd)
{
	*socket = (struct environment_socket){
		.is_known = true,
		.is_tcp = option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP,
		.sndbuf = option(fd, SOL_SOCKET, SO_SNDBUF),
		.rcvbuf = option(fd, SOL_SOCKET, SO_RCVBUF),
	};
	if (socket->is_tcp)
		read_tcp(socket, fd);
}
