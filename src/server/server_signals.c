/* What each signal does. */
#include "server_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "complain.h"
#include "log.h"
#include "server_phases.h"
#include "snapshot.h"
#include "systemd.h"
#include "worker.h"

/* -- SIGINT and SIGTERM: stopping -- */

static void on_interrupt(struct weir_signal *signal)
{
	server_stop(weir_container_of(signal, struct server, interrupt));
}

static void on_terminate(struct weir_signal *signal)
{
	server_stop(weir_container_of(signal, struct server, terminate));
}

/* -- SIGHUP: reloading -- */

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

/* -- SIGUSR1: the longest queues; SIGUSR2: restarting -- */

static void on_usr1(struct weir_signal *signal)
{
	struct server *server = weir_container_of(signal, struct server, usr1);

	server->wants_queues = true;
	snapshots_ask(server, false);
}

static void on_usr2(struct weir_signal *signal)
{
	restart_begin(weir_container_of(signal, struct server, usr2));
}

/* -- opening and closing -- */

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

int server_signals_open(struct server *server)
{
	struct weir_loop *loop = server->workers[0].loop;
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

void server_signals_close(struct server *server)
{
	weir_signal_close(&server->interrupt);
	weir_signal_close(&server->terminate);
	weir_signal_close(&server->hangup);
	weir_signal_close(&server->usr1);
	weir_signal_close(&server->usr2);
}
