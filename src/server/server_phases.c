/* From phase to phase: for a signal, a timer, or because no client is left. */
#include "server_phases.h"

#include <stdio.h>

#include "endpoint.h"
#include "log.h"
#include "systemd.h"

enum {
	/* for the last answers of private services */
	LAST_ANSWERS_NS = 1000000000
};

static void on_timer(struct weir_timer *timer);

static void arm(struct server *server, uint64_t ns)
{
	struct weir_loop *loop = server->workers[0].loop;

	weir_timer_arm(&server->timer, loop, weir_loop_now(loop) + ns,
		       on_timer);
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

void server_stop(struct server *server)
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

void server_check_replaced(struct server *server)
{
	if (server_phase(server) == PHASE_REPLACED &&
	    atomic_load(&server->n_replaced) == server->n_workers &&
	    atomic_load(&server->n_conns) == 0)
		start_drain(server);
}

void server_finish(struct server *server)
{
	enter(server, PHASE_OVER);
	arm(server, LAST_ANSWERS_NS);
}
