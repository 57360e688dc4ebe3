/* Starting the program anew.
 *
 * The new process gets the sockets themselves, not their addresses: so there is
 * no moment in which a port is closed, and what waits in an accept queue stays
 * there, whichever of the two accepts it. They are passed as a supervisor
 * passes them, in LISTEN_FDS and LISTEN_FDNAMES, with the write end of a pipe
 * as one more. Only LISTEN_PID cannot be told before the process exists, so the
 * parent's number, LISTEN_PPID, stands for it.
 *
 * A byte in the pipe says that the new process listens. The pipe's end without
 * one says that it has ended. */
#include "restart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "endpoint.h"
#include "handover.h"
#include "log.h"
#include "pid_file.h"
#include "server_phases.h"
#include "systemd.h"

enum {
	WHY_SIZE = 128
};

/* What the new process gets as its descriptors from FIRST_INHERITED on. */
struct gift {
	int fds[MAX_INHERITED]; /* ours, from base on: above its own */
	int base;
	int n;
	struct environment {
		char listen_fds[32];
		char listen_ppid[32];
		char names[MAX_NAMES_SIZE];
		size_t n_names;
		char **all;
	} environment;
};

/* -- what is handed over -- */

static int give(struct gift *gift, int fd, const char *name)
{
	struct environment *environment = &gift->environment;
	size_t room = sizeof environment->names - environment->n_names;
	int n = snprintf(environment->names + environment->n_names, room,
			 "%s%s", gift->n > 0 ? ":" : "LISTEN_FDNAMES=", name);

	if (gift->n == MAX_INHERITED || (size_t)n >= room)
		return -E2BIG;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, gift->base);
	if (fd < 0)
		return -errno;
	environment->n_names += (size_t)n;
	gift->fds[gift->n++] = fd;
	return 0;
}

/* Inherited and Unix sockets are one for all workers. */
static int give_endpoint(struct gift *gift, const struct endpoint *endpoint)
{
	const struct worker *worker = endpoint->worker;
	char name[INHERITED_NAME_SIZE];

	if (worker->number > 0 &&
	    (endpoint->config->is_inherited || endpoint->family == AF_UNIX))
		return 0;
	handover_socket_name(name, sizeof name, worker->number,
			     endpoint->service->name);
	if (endpoint_takes_datagrams(endpoint))
		return give(gift, weir_dgram_fd(&endpoint->dgram), name);
	if (!endpoint_is_listening(endpoint))
		return 0;
	return give(gift, weir_listener_fd(&endpoint->listener),
		    endpoint->config->is_inherited
			    ? endpoint->config->socket_name
			    : name);
}

/* The other workers' endpoints do not change while the server serves. */
static int give_all(struct gift *gift, const struct server *server)
{
	size_t n_most = 1;
	int error = 0;

	for (size_t i = 0; i < server->n_workers; i++)
		n_most += server->workers[i].n_endpoints;
	gift->base = FIRST_INHERITED + (int)n_most;
	for (size_t i = 0; i < server->n_workers; i++) {
		const struct worker *worker = &server->workers[i];

		for (size_t j = 0; j < worker->n_endpoints && error == 0; j++)
			error = give_endpoint(gift, &worker->endpoints[j]);
	}
	return error;
}

/* -- its environment -- */

/* WATCHDOG_PID is ours: without it the watchdog is for whoever reads. */
static bool is_replaced(const char *variable)
{
	static const char *const names[] = {
		"LISTEN_PID=", "LISTEN_PPID=", "LISTEN_FDS=", "LISTEN_FDNAMES=",
		"WATCHDOG_PID="};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int fill_in(struct gift *gift)
{
	struct environment *environment = &gift->environment;
	char **all;
	size_t n = 0;

	while (environ[n])
		n++;
	all = calloc(n + 4, sizeof *all);
	if (!all)
		return -ENOMEM;
	(void)snprintf(environment->listen_fds, sizeof environment->listen_fds,
		       "LISTEN_FDS=%d", gift->n);
	(void)snprintf(environment->listen_ppid,
		       sizeof environment->listen_ppid, "LISTEN_PPID=%ld",
		       (long)getpid());
	n = 0;
	for (char **variable = environ; *variable; variable++)
		if (!is_replaced(*variable))
			all[n++] = *variable;
	all[n++] = environment->listen_fds;
	all[n++] = environment->listen_ppid;
	all[n] = environment->names;
	environment->all = all;
	return 0;
}

/* -- starting it -- */

/* The signals that are blocked here are not meant to be blocked there. Not by
 * fork(2), which would copy the page tables of all queues meanwhile. */
static int spawn(struct server *server, const struct gift *gift)
{
	struct restart *restart = &server->restart;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int error;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	for (int i = 0; i < gift->n && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(&actions, gift->fds[i],
							 FIRST_INHERITED + i);
	if (error == 0)
		error = posix_spawn(&restart->pid, restart->path, &actions,
				    &attributes, server->settings->argv,
				    gift->environment.all);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error != 0)
		restart->pid = 0;
	return -error;
}

static int give_and_spawn(struct server *server, struct gift *gift,
			  int ready_fd)
{
	int error = give_all(gift, server);

	if (error == 0)
		error = give(gift, ready_fd, handover_ready_name);
	if (error == 0)
		error = fill_in(gift);
	if (error == 0)
		error = spawn(server, gift);
	for (int i = 0; i < gift->n; i++)
		close(gift->fds[i]);
	free(gift->environment.all);
	return error;
}

static int start_with(struct server *server, int ready_fd)
{
	struct gift *gift = calloc(1, sizeof *gift);
	int error;

	if (!gift)
		return -ENOMEM;
	error = give_and_spawn(server, gift, ready_fd);
	free(gift);
	return error;
}

/* -- how it ends -- */

static void let_go(struct restart *restart)
{
	weir_timer_cancel(&restart->late);
	weir_watch_close(&restart->told);
	close(weir_watch_fd(&restart->told));
	restart->pid = 0;
}

/* A process that has begun to end keeps its status. It may have written its
 * number, which is ours again. */
static int end_process(struct server *server, pid_t pid)
{
	const char *path = server->settings->pid_path;
	int status = 0;
	int error;

	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	error = pid_file_write(path);
	if (error < 0)
		log_warn(&server->workers[0], "%s cannot be written again: %s",
			 path, strerror(-error));
	return status;
}

static void refuse(struct server *server, const char *why)
{
	log_warn(&server->workers[0],
		 "SIGUSR2: not replaced, serving on: %s: %s",
		 server->restart.path, why);
}

static void tell_end(struct server *server, int status)
{
	char why[WHY_SIZE];

	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof why, "ended by signal %d",
			       WTERMSIG(status));
	else
		(void)snprintf(why, sizeof why,
			       "ended with status %d before it listened",
			       WEXITSTATUS(status));
	refuse(server, why);
}

static void on_told(struct weir_watch *watch, uint32_t events)
{
	struct server *server =
		weir_container_of(watch, struct server, restart.told);
	pid_t pid = server->restart.pid;
	char byte;
	ssize_t n = read(weir_watch_fd(watch), &byte, sizeof byte);

	(void)events;
	if (n < 0)
		return;
	let_go(&server->restart);
	if (n > 0)
		server_replace(server, pid);
	else
		tell_end(server, end_process(server, pid));
}

static void on_late(struct weir_timer *timer)
{
	struct server *server =
		weir_container_of(timer, struct server, restart.late);

	restart_cancel(server);
	refuse(server, "not listening within --start-timeout");
}

/* -- the whole -- */

void restart_open(struct restart *restart)
{
	ssize_t n = readlink("/proc/self/exe", restart->path,
			     sizeof restart->path - 1);

	restart->path[n > 0 ? n : 0] = '\0';
}

/* The new process is there: hear of it. */
static int await(struct server *server, int fd)
{
	struct restart *restart = &server->restart;
	struct weir_loop *loop = server->workers[0].loop;
	int error = weir_watch_open(&restart->told, loop, fd, EPOLLIN, on_told);

	if (error < 0) {
		(void)end_process(server, restart->pid);
		restart->pid = 0;
		return error;
	}
	weir_timer_arm(&restart->late, loop,
		       weir_loop_fresh_now(loop) +
			       server->settings->start_timeout_ns,
		       on_late);
	return 0;
}

static void start(struct server *server)
{
	int fds[2];
	int error;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		refuse(server, strerror(errno));
		return;
	}
	error = start_with(server, fds[1]);
	close(fds[1]);
	if (error == 0)
		error = await(server, fds[0]);
	if (error < 0) {
		close(fds[0]);
		refuse(server, strerror(-error));
	}
}

void restart_begin(struct server *server)
{
	if (server_phase(server) != PHASE_SERVING)
		refuse(server, "this server ends already");
	else if (server->restart.pid > 0)
		refuse(server, "it starts already");
	else if (getpid() == 1)
		refuse(server, "the end of process 1 would end the new one");
	else
		start(server);
}

void restart_cancel(struct server *server)
{
	pid_t pid = server->restart.pid;

	if (pid == 0)
		return;
	let_go(&server->restart);
	(void)end_process(server, pid);
}
