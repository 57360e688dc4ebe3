/* One loop in one thread, from serving to draining. Connections that were
 * accepted before the signal are still served. */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "endpoint.h"
#include "complain.h"
#include "log.h"
#include "nats.h"
#include "snapshot.h"
#include "trace.h"

enum {
	/* Turns for what had arrived when the drain began. One turn serves
	 * hundreds of clients; the bound is for clients that keep sending. */
	MAX_LAST_TURNS = 100,
	MAX_LAST_ROUNDS = 100
};

/* Added to the count of a round to make it the last one. */
static const size_t NO_MORE = SIZE_MAX / 2;

/* -- wakeups -- */

static void on_wakeup(struct weir_wakeup *wakeup)
{
	struct worker *worker =
		weir_container_of(wakeup, struct worker, wakeup);

	atomic_store(&worker->is_asked, false);
	snapshot_answer(worker);
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];

		if (endpoint->service->on_wakeup)
			endpoint->service->on_wakeup(endpoint);
	}
	if (worker->number == 0)
		server_on_wakeup(worker->server);
	/* worker_run checks the phase */
	weir_loop_stop(worker->loop);
}

/* Loops share nothing, so each has an equal part of the budget. */
static size_t budget_share(const struct settings *settings)
{
	return (settings->budget - endpoint_config_shared_memory(settings)) /
	       settings->n_workers;
}

static int refuse(const struct worker *worker, int error)
{
	complain("no loop for worker %zu: %s", worker->number,
		 strerror(-error));
	return error;
}

int worker_open(struct worker *worker, struct server *server, size_t number)
{
	int error;

	*worker = (struct worker){.server = server,
				  .settings = server->settings,
				  .number = number};
	error = weir_loop_new(&worker->loop);
	if (error < 0)
		return refuse(worker, error);
	descriptors_open(worker);
	error = weir_wakeup_open(&worker->wakeup, worker->loop, on_wakeup);
	worker->snapshot = calloc(1, sizeof *worker->snapshot);
	if (server->settings->has_metrics)
		worker->closes = calloc(1, sizeof *worker->closes);
	if (error == 0 && (!worker->snapshot ||
			   (server->settings->has_metrics && !worker->closes)))
		error = -ENOMEM;
	if (error < 0) {
		worker_close(worker);
		return refuse(worker, error);
	}
	(void)weir_loop_budget(worker->loop, budget_share(server->settings), 0);
	if (server->settings->is_traced)
		trace_start(worker);
	if (server->settings->has_metrics)
		weir_loop_time_turns(worker->loop, true);
	return 0;
}

void worker_close(struct worker *worker)
{
	int error;

	endpoint_close_all(worker);
	descriptors_close(worker);
	free(worker->closes);
	free(worker->snapshot);
	weir_wakeup_close(&worker->wakeup);
	error = weir_loop_free(worker->loop);
	assert(error == 0);
	(void)error;
}

/* A loop fails only by a programming error, which no worker can repair. */
static void run(struct worker *worker)
{
	int error = weir_loop_run(worker->loop);

	snapshot_between_turns(worker);
	if (error == 0)
		return;
	complain("the loop failed: %s", strerror(-error));
	exit(EXIT_FAILURE);
}

/* -- draining -- */

static void finish_client(struct weir_conn *c, void *is_private)
{
	const struct service *service = client_endpoint(c)->service;

	if (service->is_private != *(bool *)is_private)
		return;
	if (service->on_drain)
		service->on_drain(c);
	else
		weir_conn_finish(c);
}

static void abort_client(struct weir_conn *c, void *is_private)
{
	if (client_endpoint(c)->service->is_private == *(bool *)is_private)
		weir_conn_abort(c, true);
}

static void finish(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_endpoints; i++)
		client_for_each(&worker->endpoints[i], finish_client,
				&is_private);
}

void worker_abort(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_endpoints; i++)
		client_for_each(&worker->endpoints[i], abort_client,
				&is_private);
}

static void limit_client(struct weir_conn *c, void *arg)
{
	struct endpoint *endpoint = arg;

	(void)weir_conn_set_limits(c, &endpoint->drain_limits);
}

/* --drain-idle */
static void limit_idle(struct worker *worker)
{
	uint64_t ns = worker->settings->drain_idle_ns;

	for (size_t i = 0; i < worker->n_endpoints && ns > 0; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];
		uint64_t usual_ns = endpoint->limits.idle_ns;

		if (endpoint->service->is_private)
			continue;
		endpoint->drain_limits = endpoint->limits;
		if (usual_ns == 0 || usual_ns > ns)
			endpoint->drain_limits.idle_ns = ns;
		client_for_each(endpoint, limit_client, endpoint);
	}
}

/* Serve what has been sent already, until nothing more is ready at once and
 * the loop has no work left over, which may make room for more. Returns how
 * many descriptors were ready, and a turn of such work counts as one. */
static size_t take_last_turns(struct worker *worker)
{
	size_t n_ready = 0;

	for (int i = 0; i < MAX_LAST_TURNS; i++) {
		bool has_work = weir_loop_prepare(worker->loop) == 0;
		int n = weir_loop_turn(worker->loop, 0);

		if (n <= 0 && !has_work)
			break;
		n_ready += n > 0 ? (size_t)n : 1;
	}
	return n_ready;
}

/* What one worker's clients have sent may be for those of another, which may
 * make room for more: all workers turn until none has work left, or time is up.
 *
 * Each round has its own count. Three counts are used in rotation: when all
 * workers have finished a round, none reads the count of the round before, so
 * it is cleared for the round after the next. */
static void serve_what_came(struct worker *worker)
{
	struct server *server = worker->server;
	size_t n_ready;
	int round = 0;

	do {
		_Atomic size_t *place = &server->n_ready[round % 3];

		atomic_fetch_add(place, take_last_turns(worker));
		if (worker->number == 0 &&
		    server_phase(server) > PHASE_DRAINING)
			atomic_fetch_add(place, NO_MORE);
		(void)pthread_barrier_wait(&server->barrier);
		if (worker->number == 0)
			atomic_store(&server->n_ready[(round + 2) % 3], 0);
		n_ready = atomic_load(place);
	} while (n_ready > 0 && n_ready < NO_MORE && ++round < MAX_LAST_ROUNDS);
}

static bool is_at_work(const struct worker *worker)
{
	return worker->n_clients > 0 || worker->n_owing > 0;
}

static void finish_all(struct worker *worker)
{
	struct server *server = worker->server;

	if (worker->n_clients > 0)
		log_say(worker,
			"finishing %zu connections; a second signal aborts",
			worker->n_clients);
	finish(worker, false);
	if (worker->number == 0)
		nats_finish_all(server);
	limit_idle(worker);
	while (is_at_work(worker) && server_phase(server) == PHASE_DRAINING)
		run(worker);
	worker_abort(worker, false);
	if (worker->number == 0)
		nats_abort_all(server);
	while (is_at_work(worker))
		run(worker);
}

/* The clients that this worker still takes from its accept queues are served,
 * too: of several that share a socket only the one that was woken would. */
static void serve_on(struct worker *worker)
{
	struct server *server = worker->server;

	endpoint_stop_listening(worker, false);
	endpoint_stop_listening(worker, true);
	endpoint_leave_datagrams(worker);
	limit_idle(worker);
	atomic_fetch_add(&server->n_replaced, 1);
	weir_wakeup_send(&server->workers[0].wakeup);
	while (server_phase(server) == PHASE_REPLACED)
		run(worker);
}

static bool is_over(struct worker *worker)
{
	struct server *server = worker->server;

	if (worker->number == 0)
		return atomic_load(&server->n_drained) == server->n_workers;
	return server_phase(server) == PHASE_OVER;
}

void worker_run(struct worker *worker)
{
	struct server *server = worker->server;

	while (server_phase(server) < PHASE_REPLACED)
		run(worker);
	if (server_phase(server) == PHASE_REPLACED)
		serve_on(worker);
	endpoint_stop_listening(worker, false);
	serve_what_came(worker);
	endpoint_stop_receiving(worker);
	finish_all(worker);
	atomic_fetch_add(&server->n_drained, 1);
	weir_wakeup_send(&server->workers[0].wakeup);
	/* others may still ask this worker for snapshots */
	while (!is_over(worker))
		run(worker);
}

void worker_finish_private(struct worker *worker)
{
	endpoint_stop_listening(worker, true);
	finish(worker, true);
	while (worker->n_private > 0)
		run(worker);
}
