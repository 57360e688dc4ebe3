/* Filling in a worker's snapshot. */
#include "snapshot.h"

#include <string.h>

/* -- the longest queues -- */

void snapshot_rank(struct debtor *longest, size_t *n,
		   const struct debtor *debtor)
{
	uint64_t queued = debtor->progress.queued;
	size_t i = *n;

	while (i > 0 && longest[i - 1].progress.queued < queued)
		i--;
	memmove(&longest[i + 1], &longest[i], (*n - i) * sizeof *longest);
	longest[i] = *debtor;
	if (*n < N_LONGEST)
		++*n;
}

/* The peer's name is formatted only if it ranks among the longest. */
static void rank(struct snapshot *snapshot, const struct weir_conn *c,
		 const struct weir_progress *progress)
{
	const struct debtor *last = &snapshot->longest[N_LONGEST - 1];
	struct debtor debtor = {.service = client_endpoint(c)->service,
				.progress = *progress};

	if (progress->queued == 0 ||
	    (snapshot->n_longest == N_LONGEST &&
	     last->progress.queued >= progress->queued))
		return;
	client_peer(c, debtor.peer);
	snapshot_rank(snapshot->longest, &snapshot->n_longest, &debtor);
}

/* -- sums -- */

static struct service_snapshot *find_service(struct snapshot *snapshot,
					     const struct service *service)
{
	size_t i = 0;

	while (i < snapshot->n_services &&
	       snapshot->services[i].service != service)
		i++;
	if (i == snapshot->n_services) {
		snapshot->services[i] =
			(struct service_snapshot){.service = service};
		snapshot->n_services++;
	}
	return &snapshot->services[i];
}

static void add_connection(struct weir_conn *c, void *arg)
{
	struct snapshot *snapshot = arg;
	struct service_snapshot *sum =
		find_service(snapshot, client_endpoint(c)->service);
	struct weir_progress progress;

	weir_conn_counters(c, &progress);
	counters_add_progress(&sum->counters, &progress);
	sum->queued += progress.queued;
	sum->unread += progress.unread;
	sum->n_open++;
	sum->n_stalled += weir_conn_is_full(c);
	rank(snapshot, c, &progress);
}

static void add_datagrams(struct service_snapshot *sum,
			  const struct endpoint *endpoint)
{
	struct weir_dgram_stats stats;

	weir_dgram_stats(&endpoint->dgram, &stats);
	sum->n_datagrams_received += stats.n_received;
	sum->n_datagrams_sent += stats.n_sent;
	sum->n_datagrams_dropped += stats.n_dropped;
}

static void add_endpoint(struct snapshot *snapshot, struct endpoint *endpoint)
{
	struct service_snapshot *sum =
		find_service(snapshot, endpoint->service);
	struct weir_listener_stats stats;

	weir_listener_stats(&endpoint->listener, &stats);
	counters_add(&sum->counters, &endpoint->counters);
	sum->n_pending += endpoint->n_pending;
	for (int i = 0; i < WEIR_N_ACCEPT_FAILURES; i++)
		sum->n_failures[i] += stats.n_failures[i];
	add_datagrams(sum, endpoint);
	client_for_each(endpoint, add_connection, snapshot);
}

void snapshot_answer(struct worker *worker)
{
	struct snapshot *snapshot = worker->snapshot;

	if (!atomic_load(&snapshot->is_wanted))
		return;
	snapshot->n_services = 0;
	snapshot->n_longest = 0;
	for (size_t i = 0; i < worker->n_endpoints; i++)
		add_endpoint(snapshot, &worker->endpoints[i]);
	weir_loop_stats(worker->loop, &snapshot->loop);
	atomic_store(&snapshot->is_wanted, false);
	weir_wakeup_send(&worker->server->workers[0].wakeup);
}

/* -- asking -- */

void snapshots_ask(struct server *server)
{
	for (size_t i = 0; i < server->n_workers; i++) {
		struct worker *worker = &server->workers[i];

		if (!atomic_exchange(&worker->snapshot->is_wanted, true))
			weir_wakeup_send(&worker->wakeup);
	}
}

bool snapshots_are_ready(struct server *server)
{
	for (size_t i = 0; i < server->n_workers; i++)
		if (atomic_load(&server->workers[i].snapshot->is_wanted))
			return false;
	return true;
}
