/* The process: opening, signals, the watchdog, threads and stopping. With one
 * worker there is no thread but the main one. */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "clock.h"
#include "complain.h"
#include "handover.h"
#include "log.h"
#include "queues.h"
#include "systemd.h"

enum {
	/* for the last answers of private services */
	LAST_ANSWERS_NS = 1000000000,
	/* a supervisor that asks for more gets no more */
	MIN_WATCHDOG_NS = 10000000,
	SYSTEMD_STATE_SIZE = 64
};

static struct weir_loop *main_loop(struct server *server)
{
	return server->workers[0].loop;
}

/* -- stopping -- */

static void on_timer(struct weir_timer *timer);

static void arm(struct server *server, uint64_t ns)
{
	uint64_t now = weir_loop_now(main_loop(server));

	weir_timer_arm(&server->timer, main_loop(server), now + ns, on_timer);
}

static void enter(struct server *server, enum phase phase)
{
	atomic_store(&server->phase, (int)phase);
	for (size_t i = 0; i < server->n_workers; i++)
		weir_wakeup_send(&server->workers[i].wakeup);
}

static void start_drain(struct server *server)
{
	enter(server, PHASE_DRAINING);
	arm(server, server->settings->drain_ns);
}

static void on_timer(struct weir_timer *timer)
{
	struct server *server = weir_container_of(timer, struct server, timer);
	enum phase phase = server_phase(server);

	if (phase == PHASE_GRACE || phase == PHASE_REPLACED)
		start_drain(server);
	else if (phase == PHASE_DRAINING)
		enter(server, PHASE_ABORTING);
	else if (phase == PHASE_OVER)
		worker_abort(&server->workers[0], true);
}

/* The first signal ends serving, the second ends the drain. */
static void stop(struct server *server)
{
	uint64_t grace = server->settings->grace_ns;
	enum phase phase = server_phase(server);

	systemd_notify("STOPPING=1");
	restart_cancel(server);
	if (phase == PHASE_OVER) {
		worker_abort(&server->workers[0], true);
	} else if (phase != PHASE_SERVING && phase != PHASE_REPLACED) {
		enter(server, PHASE_ABORTING);
	} else if (phase == PHASE_SERVING && grace > 0) {
		log_say(&server->workers[0],
			"serving on for the grace; a second signal aborts");
		enter(server, PHASE_GRACE);
		arm(server, grace);
	} else {
		start_drain(server);
	}
}

static void on_interrupt(struct weir_signal *signal)
{
	stop(weir_container_of(signal, struct server, interrupt));
}

static void on_terminate(struct weir_signal *signal)
{
	stop(weir_container_of(signal, struct server, terminate));
}

/* -- reloading -- */

static void reopen_log(struct server *server)
{
	const char *path = server->settings->log_path;
	int error = path ? log_open(path) : 0;

	if (error < 0)
		log_warn(&server->workers[0], "%s cannot be opened again: %s",
			 path, strerror(-error));
}

static void resolve(struct server *server, struct target *target)
{
	int error = target_resolve(target);

	if (error < 0)
		log_warn(&server->workers[0], "%s is not resolved again: %s",
			 target->text, strerror(-error));
}

static void resolve_targets(struct server *server)
{
	const struct settings *settings = server->settings;

	for (size_t i = 0; i < settings->n_endpoints; i++)
		for (size_t j = 0; j < settings->endpoints[i].n_targets; j++)
			resolve(server, &settings->endpoints[i].targets[j]);
}

/* systemd tells from the time whether it is this signal that is answered. */
static void tell_reloading(void)
{
	char text[SYSTEMD_STATE_SIZE];

	(void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)(clock_read(CLOCK_MONOTONIC) /
					    CLOCK_NS_PER_US));
	systemd_notify(text);
}

/* A terminal that closes, a file of the log that was moved away, or a
 * supervisor that asks to reload. */
static void on_hangup(struct weir_signal *signal)
{
	struct server *server =
		weir_container_of(signal, struct server, hangup);

	tell_reloading();
	reopen_log(server);
	resolve_targets(server);
	log_say(&server->workers[0], "SIGHUP: reloaded");
	systemd_notify("READY=1");
}

/* -- restarting -- */

static void on_usr2(struct weir_signal *signal)
{
	restart_begin(weir_container_of(signal, struct server, usr2));
}

/* Clients that are here did not ask for a new server: they go on until they
 * end, or for --drain, and only then they are told to. */
void server_replace(struct server *server, pid_t pid)
{
	char text[SYSTEMD_STATE_SIZE];

	(void)snprintf(text, sizeof text, "MAINPID=%ld", (long)pid);
	systemd_notify(text);
	systemd_leave();
	weir_timer_cancel(&server->watchdog);
	endpoint_own_files(&server->workers[0], false);
	log_say(&server->workers[0],
		"replaced by process %ld; %llu connections go on here",
		(long)pid, (unsigned long long)atomic_load(&server->n_conns));
	enter(server, PHASE_REPLACED);
	arm(server, server->settings->drain_ns);
}

/* No worker accepts any more, and no client is left. */
static void check_replaced(struct server *server)
{
	if (server_phase(server) == PHASE_REPLACED &&
	    atomic_load(&server->n_replaced) == server->n_workers &&
	    atomic_load(&server->n_conns) == 0)
		start_drain(server);
}

/* -- the longest queues -- */

static void on_usr1(struct weir_signal *signal)
{
	struct server *server = weir_container_of(signal, struct server, usr1);

	server->wants_queues = true;
	snapshots_ask(server);
}

void server_on_wakeup(struct server *server)
{
	check_replaced(server);
	if (!server->wants_queues || !snapshots_are_ready(server))
		return;
	server->wants_queues = false;
	queues_print(server);
}

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
	struct weir_loop *loop = main_loop(server);

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
	struct weir_loop *loop = main_loop(server);

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

/* Those that would end the process by default, and have no meaning here, stay
 * blocked: a stray one must not end the server without a drain. */
static const int blocked_signals[] = {SIGINT,  SIGTERM, SIGHUP,	  SIGUSR1,
				      SIGUSR2, SIGALRM, SIGPROF,  SIGVTALRM,
				      SIGPOLL, SIGPWR,	SIGSTKFLT};

/* Before any thread starts, so that the signals are blocked in all of them.
 * They stay blocked: a signal that arrives during the last lines must not
 * change the exit status. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof blocked_signals / sizeof *blocked_signals;
	     i++)
		sigaddset(&signals, blocked_signals[i]);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int open_signals(struct server *server)
{
	struct weir_loop *loop = main_loop(server);
	int error;

	block_signals();
	error = weir_signal_open(&server->interrupt, loop, SIGINT,
				 on_interrupt);
	if (error == 0)
		error = weir_signal_open(&server->terminate, loop, SIGTERM,
					 on_terminate);
	if (error == 0)
		error = weir_signal_open(&server->hangup, loop, SIGHUP,
					 on_hangup);
	if (error == 0)
		error = weir_signal_open(&server->usr1, loop, SIGUSR1, on_usr1);
	if (error == 0)
		error = weir_signal_open(&server->usr2, loop, SIGUSR2, on_usr2);
	if (error < 0)
		complain("no signals: %s", strerror(-error));
	return error;
}

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
	pthread_mutex_init(&server->start_lock, NULL);
	pthread_barrier_init(&server->barrier, NULL,
			     (unsigned)settings->n_workers);
	error = open_workers(server);
	/* Signals first: once a Unix socket is bound, stopping must remove it. */
	if (error == 0)
		error = open_signals(server);
	for (size_t i = 0; i < server->n_workers && error == 0; i++)
		error = endpoint_open_all(&server->workers[i]);
	if (error == 0)
		error = open_log(settings->log_path);
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
	enter(server, PHASE_OVER);
	arm(server, LAST_ANSWERS_NS);
	worker_finish_private(&server->workers[0]);
	join_threads(server);
	return tell_losses(server);
}

void server_close(struct server *server)
{
	weir_timer_cancel(&server->timer);
	weir_timer_cancel(&server->watchdog);
	restart_cancel(server);
	weir_signal_close(&server->interrupt);
	weir_signal_close(&server->terminate);
	weir_signal_close(&server->hangup);
	weir_signal_close(&server->usr1);
	weir_signal_close(&server->usr2);
	for (size_t i = 0; i < server->n_workers; i++)
		worker_close(&server->workers[i]);
	free(server->workers);
	pthread_barrier_destroy(&server->barrier);
	pthread_mutex_destroy(&server->start_lock);
}
