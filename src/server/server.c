/* The process: opening, the watchdog, threads and closing. With one worker
 * there is no thread but the main one. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "complain.h"
#include "handover.h"
#include "log.h"
#include "pid_file.h"
#include "queues.h"
#include "server_phases.h"
#include "server_signals.h"
#include "snapshot.h"
#include "systemd.h"

enum {
	/* a supervisor that asks for more gets no more */
	MIN_WATCHDOG_NS = 10000000
};

/* -- the supervisor's watchdog -- */

static bool all_have_answered(struct server *server)
{
	for (size_t i = 0; i < server->n_workers; i++)
		if (atomic_load(&server->workers[i].is_asked))
			return false;
	return true;
}

static uint64_t watchdog_interval(void)
{
	uint64_t ns = systemd_watchdog() / 4;

	return ns > MIN_WATCHDOG_NS ? ns : MIN_WATCHDOG_NS;
}

/* The server is alive if all of its workers' loops turn. Check four times in
 * the supervisor's interval: one check asks the workers, the next reports that
 * all have answered. */
static void on_watchdog(struct weir_timer *timer)
{
	struct server *server =
		weir_container_of(timer, struct server, watchdog);
	struct weir_loop *loop = server->workers[0].loop;

	if (all_have_answered(server)) {
		systemd_notify("WATCHDOG=1");
		for (size_t i = 0; i < server->n_workers; i++) {
			atomic_store(&server->workers[i].is_asked, true);
			weir_wakeup_send(&server->workers[i].wakeup);
		}
	}
	weir_timer_arm(timer, loop, weir_loop_now(loop) + watchdog_interval(),
		       on_watchdog);
}

static void start_watchdog(struct server *server)
{
	struct weir_loop *loop = server->workers[0].loop;

	if (systemd_watchdog() > 0)
		weir_timer_arm(&server->watchdog, loop, weir_loop_now(loop),
			       on_watchdog);
}

/* -- threads -- */

static void *thread_main(void *arg)
{
	struct worker *worker = arg;
	struct server *server = worker->server;

	/* until every thread has been created */
	pthread_mutex_lock(&server->start_lock);
	pthread_mutex_unlock(&server->start_lock);
	if (!server->is_cancelled)
		worker_run(worker);
	return NULL;
}

static void join_threads(struct server *server)
{
	for (size_t i = 1; i <= server->n_threads; i++)
		pthread_join(server->workers[i].thread, NULL);
	server->n_threads = 0;
}

/* All or none. */
static int start_threads(struct server *server)
{
	int error = 0;

	pthread_mutex_lock(&server->start_lock);
	for (size_t i = 1; i < server->n_workers && error == 0; i++) {
		struct worker *worker = &server->workers[i];

		error = -pthread_create(&worker->thread, NULL, thread_main,
					worker);
		if (error == 0)
			server->n_threads++;
	}
	server->is_cancelled = error < 0;
	pthread_mutex_unlock(&server->start_lock);
	if (error < 0) {
		complain("no thread for worker %zu: %s", server->n_threads + 1,
			 strerror(-error));
		join_threads(server);
	}
	return error;
}

/* -- the whole -- */

static int open_workers(struct server *server)
{
	size_t n = server->settings->n_workers;
	int error = 0;

	server->workers = calloc(n, sizeof *server->workers);
	if (!server->workers) {
		complain("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (size_t i = 0; i < n && error == 0; i++) {
		error = worker_open(&server->workers[i], server, i);
		if (error == 0)
			server->n_workers++;
	}
	return error;
}

/* Last, so that what is wrong before is told to whoever starts the server. */
static int open_log(const char *path)
{
	int error = path ? log_open(path) : 0;

	if (error < 0)
		complain("--log %s: %s", path, strerror(-error));
	return error;
}

static int write_pid(const char *path)
{
	int error = pid_file_write(path);

	if (error < 0)
		complain("--pid-file %s: %s", path, strerror(-error));
	return error;
}

/* What could fail is done. A process before this one says to the supervisor
 * which is the main one; then it is as ready as it was. */
static void take_over(struct server *server)
{
	struct handover *handover = server->settings->handover;

	if (!handover) {
		systemd_notify("READY=1");
		return;
	}
	handover_close_rest(handover);
	endpoint_own_files(&server->workers[0], true);
	handover_tell_ready(handover);
}

int server_open(struct server *server, const struct settings *settings)
{
	int error;

	*server = (struct server){.settings = settings};
	restart_open(&server->restart);
	weir_list_init(&server->nats);
	pthread_mutex_init(&server->start_lock, NULL);
	pthread_barrier_init(&server->barrier, NULL,
			     (unsigned)settings->n_workers);
	error = open_workers(server);
	/* Signals first: once a Unix socket is bound, stopping must remove it. */
	if (error == 0)
		error = server_signals_open(server);
	for (size_t i = 0; i < server->n_workers && error == 0; i++)
		error = endpoint_open_all(&server->workers[i]);
	if (error == 0)
		error = open_log(settings->log_path);
	if (error == 0)
		error = write_pid(settings->pid_path);
	if (error == 0)
		error = start_threads(server);
	if (error < 0) {
		server_close(server);
		return error;
	}
	endpoint_announce_all(&server->workers[0]);
	start_watchdog(server);
	take_over(server);
	return 0;
}

static enum server_outcome tell_losses(struct server *server)
{
	uint64_t n_lost = 0;
	uint64_t lost = 0;

	for (size_t i = 0; i < server->n_workers; i++) {
		n_lost += server->workers[i].n_lost;
		lost += server->workers[i].lost;
	}
	if (n_lost == 0)
		return SERVER_DRAINED;
	complain("%llu connections lost something, %llu bytes in all",
		 (unsigned long long)n_lost, (unsigned long long)lost);
	return SERVER_LOST;
}

enum server_outcome server_run(struct server *server)
{
	worker_run(&server->workers[0]);
	server_finish(server);
	worker_finish_private(&server->workers[0]);
	join_threads(server);
	return tell_losses(server);
}

void server_on_wakeup(struct server *server)
{
	server_check_replaced(server);
	if (!server->wants_queues || !snapshots_are_ready(server))
		return;
	server->wants_queues = false;
	queues_print(server);
}

void server_close(struct server *server)
{
	weir_timer_cancel(&server->timer);
	weir_timer_cancel(&server->watchdog);
	restart_cancel(server);
	pid_file_remove(server->settings->pid_path);
	server_signals_close(server);
	for (size_t i = 0; i < server->n_workers; i++)
		worker_close(&server->workers[i]);
	free(server->workers);
	pthread_barrier_destroy(&server->barrier);
	pthread_mutex_destroy(&server->start_lock);
}
