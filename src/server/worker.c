/* One loop in one thread, from serving to draining. A signal ends the serving,
 * but nobody who was let in by then is sent away unserved. */
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

enum {
	/* Turns for what had come when the drain began. One serves hundreds of
	 * clients; those who go on sending must not keep the server up. */
	MAX_LAST_TURNS = 100,
	MAX_LAST_ROUNDS = 100
};

/* Added to the count of a round, it is the last one. */
static const size_t NO_MORE = SIZE_MAX / 2;

/* One who goes away in the midst of a stream without end has lost nothing. */
static bool is_worth_a_line(const struct service *service,
			    enum weir_reason reason)
{
	if (reason == WEIR_REASON_FINISHED)
		return false;
	return !service->is_endless || (reason != WEIR_REASON_RESET &&
					reason != WEIR_REASON_PEER_CLOSED);
}

/* While the server stops, a connection has lost something if it was reset, or
 * if bytes that it was owed were dropped. (Not those that were dropped before,
 * when a slow subscriber could not keep up.) */
static void note_loss(struct worker *worker, const struct service *service,
		      const struct weir_result *result)
{
	if (server_phase(worker->server) < PHASE_DRAINING ||
	    service->is_private || !is_worth_a_line(service, result->reason) ||
	    result->reason == WEIR_REASON_LINGER)
		return;
	if (result->progress.dropped == 0 &&
	    result->reason != WEIR_REASON_RESET &&
	    result->reason != WEIR_REASON_ABORTED)
		return;
	worker->n_lost++;
	worker->lost += result->progress.dropped;
}

void server_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct door *door = client_door(c);
	struct worker *worker = door->worker;
	char peer[PEER_TEXT_SIZE];

	door->tally.n_closed[result->reason]++;
	tally_add_progress(&door->tally, &result->progress);
	/* before the line: who reads it may tell us to stop */
	note_loss(worker, door->service, result);
	if (is_worth_a_line(door->service, result->reason))
		log_say(worker, "%s %s: %s, %llu bytes unsent, %llu unread",
			door->service->name, client_peer(c, peer),
			weir_reason_name(result->reason),
			(unsigned long long)result->progress.dropped,
			(unsigned long long)result->progress.unread);
	if (door->service->on_close)
		door->service->on_close(c, result);
	if (door->service == door->offer->service)
		door_dismiss(door);
	clients_remove(c);
	/* Was it the last? worker_run has a look. */
	if (server_phase(worker->server) >= PHASE_DRAINING)
		weir_loop_stop(worker->loop);
}

/* -- the bell -- */

static void on_bell(struct weir_wakeup *bell)
{
	struct worker *worker = weir_container_of(bell, struct worker, bell);

	atomic_store(&worker->is_asked, false);
	snapshot_answer(worker);
	for (size_t i = 0; i < worker->n_doors; i++) {
		struct door *door = &worker->doors[i];

		if (door->service->on_bell)
			door->service->on_bell(door);
	}
	if (worker->number == 0)
		server_on_bell(worker->server);
	/* worker_run has a look at the phase */
	weir_loop_stop(worker->loop);
}

/* Loops share nothing, and so not the budget: each has its part. */
static size_t budget_share(const struct settings *settings)
{
	return (settings->budget - broadcast_mail(settings)) /
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
	error = weir_wakeup_open(&worker->bell, worker->loop, on_bell);
	worker->snapshot = calloc(1, sizeof *worker->snapshot);
	if (error == 0 && !worker->snapshot)
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

	doors_close(worker);
	free(worker->snapshot);
	weir_wakeup_close(&worker->bell);
	error = weir_loop_free(worker->loop);
	assert(error == 0);
	(void)error;
}

/* Only a programmer's error makes a loop fail, and no other worker could put
 * that right. */
static void run(struct worker *worker)
{
	int error = weir_loop_run(worker->loop);

	if (error == 0)
		return;
	complain("the loop failed: %s", strerror(-error));
	exit(EXIT_FAILURE);
}

/* -- draining -- */

static void finish_client(struct weir_conn *c, void *is_private)
{
	const struct service *service = client_door(c)->service;

	if (service->is_private != *(bool *)is_private)
		return;
	if (service->on_drain)
		service->on_drain(c);
	else
		weir_conn_finish(c);
}

static void abort_client(struct weir_conn *c, void *is_private)
{
	if (client_door(c)->service->is_private == *(bool *)is_private)
		weir_conn_abort(c, true);
}

static void finish(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_doors; i++)
		clients_each(&worker->doors[i], finish_client, &is_private);
}

void worker_abort(struct worker *worker, bool is_private)
{
	for (size_t i = 0; i < worker->n_doors; i++)
		clients_each(&worker->doors[i], abort_client, &is_private);
}

/* Serve what has been sent already, until nothing more comes at once. How many
 * descriptors that was. */
static size_t take_last_turns(struct worker *worker)
{
	size_t n_ready = 0;
	int n = 1;

	for (int i = 0; i < MAX_LAST_TURNS && n > 0; i++) {
		n = weir_loop_turn(worker->loop, 0);
		n_ready += n > 0 ? (size_t)n : 0;
	}
	return n_ready;
}

/* What the clients of one worker have sent may be for those of another, which
 * may make room for more: all turn until none has anything to do, or patience
 * has ended.
 *
 * Each round counts in a place of its own. The places take turns: when all
 * have come to the end of a round, the place of the one before is not looked
 * at any more, and will be used in the next but one. */
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

static void finish_all(struct worker *worker)
{
	if (worker->n_clients > 0)
		log_say(worker,
			"finishing %zu connections; a second signal aborts",
			worker->n_clients);
	finish(worker, false);
	while (worker->n_clients > 0 &&
	       server_phase(worker->server) == PHASE_DRAINING)
		run(worker);
	if (worker->n_clients > 0)
		worker_abort(worker, false);
	while (worker->n_clients > 0)
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

	while (server_phase(server) < PHASE_DRAINING)
		run(worker);
	doors_shut(worker, false);
	serve_what_came(worker);
	doors_hush(worker);
	finish_all(worker);
	atomic_fetch_add(&server->n_drained, 1);
	weir_wakeup_send(&server->workers[0].bell);
	/* The others may still want to know how it went here. */
	while (!is_over(worker))
		run(worker);
}

void worker_end(struct worker *worker)
{
	doors_shut(worker, true);
	finish(worker, true);
	while (worker->n_private > 0)
		run(worker);
}
