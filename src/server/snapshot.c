/* Filling in a worker's snapshot. */
#include "snapshot.h"

#include <string.h>

/* Shorter is no stall: a kernel that is full for a moment is a fast sender's
 * everyday state. */
static const uint64_t stalled_ns = 250000000;

/* What the walk over the connections fills in. */
struct walk {
	struct snapshot *snapshot;
	bool is_draining;
	size_t n_ranked;
	struct ranked ranked[N_LONGEST + 1];
};

/* -- the longest queues -- */

void ranked_insert(struct ranked *ranked, size_t *n, size_t max,
		   struct ranked next)
{
	size_t i = *n;

	if (i == max && ranked[i - 1].by >= next.by)
		return;
	while (i > 0 && ranked[i - 1].by < next.by)
		i--;
	memmove(&ranked[i + 1], &ranked[i], (*n - i) * sizeof *ranked);
	ranked[i] = next;
	if (*n < max)
		++*n;
}

size_t snapshots_rank(struct server *server, struct ranked ranked[])
{
	size_t n = 0;

	for (size_t i = 0; i < server->n_workers; i++) {
		struct snapshot *snapshot = server->workers[i].snapshot;

		for (size_t j = 0; j < snapshot->n_longest; j++) {
			struct debtor *debtor = &snapshot->longest[j];

			ranked_insert(ranked, &n, N_LONGEST,
				      (struct ranked){debtor->progress.queued,
						      debtor});
		}
	}
	return n;
}

/* A connection that takes no more although it is not at max is ending. */
static enum conn_state state_of(const struct walk *walk,
				const struct weir_conn *c,
				const struct weir_progress *progress)
{
	const struct weir_conn_limits *limits = &client_endpoint(c)->limits;

	if (progress->full_ns >= stalled_ns)
		return STATE_STALLED;
	if (walk->is_draining ||
	    (weir_conn_room(c) == 0 && progress->queued < limits->max))
		return STATE_DRAINING;
	return progress->queued >= limits->high ? STATE_THROTTLED
						: STATE_FLOWING;
}

/* The place in n_by_size. */
static size_t size_class(uint64_t queued)
{
	size_t i = 1;

	if (queued == 0)
		return 0;
	while (i < N_SIZES - 1 && queued >= UINT64_C(1) << (8 + 2 * i))
		i++;
	return i;
}

/* Names are formatted, and the kernel is asked, for the longest alone. */
static void describe(struct walk *walk, struct debtor *debtor,
		     struct weir_conn *c, bool asks_kernel)
{
	struct endpoint *endpoint = client_endpoint(c);

	debtor->service = endpoint->service;
	debtor->limits = endpoint->limits;
	debtor->fd = weir_conn_fd(c);
	if (asks_kernel)
		weir_conn_progress(c, &debtor->progress);
	else
		weir_conn_counters(c, &debtor->progress);
	debtor->state = state_of(walk, c, &debtor->progress);
	client_peer(c, debtor->peer);
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
	struct walk *walk = arg;
	struct snapshot *snapshot = walk->snapshot;
	struct service_snapshot *sum =
		find_service(snapshot, client_endpoint(c)->service);
	struct weir_progress progress;
	enum conn_state state;

	weir_conn_counters(c, &progress);
	counters_add_progress(&sum->counters, &progress);
	sum->queued += progress.queued;
	sum->unread += progress.unread;
	sum->n_open++;
	sum->n_stalled += weir_conn_is_full(c);
	state = state_of(walk, c, &progress);
	snapshot->n_by_size[size_class(progress.queued)][state]++;
	ranked_insert(walk->ranked, &walk->n_ranked, N_LONGEST,
		      (struct ranked){progress.queued, c});
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

static void add_endpoint(struct walk *walk, struct endpoint *endpoint)
{
	struct service_snapshot *sum =
		find_service(walk->snapshot, endpoint->service);
	struct weir_listener_stats stats;

	weir_listener_stats(&endpoint->listener, &stats);
	counters_add(&sum->counters, &endpoint->counters);
	sum->n_pending += endpoint->n_pending;
	for (int i = 0; i < WEIR_N_ACCEPT_FAILURES; i++)
		sum->n_failures[i] += stats.n_failures[i];
	add_datagrams(sum, endpoint);
	client_for_each(endpoint, add_connection, walk);
}

/* -- the longest turn -- */

static void keep_longest(struct turns *turns,
			 const struct weir_loop_stats *stats)
{
	if (stats->longest_turn_ns <= turns->longest_ns)
		return;
	turns->longest_ns = stats->longest_turn_ns;
	turns->longest_in = stats->longest_turn_in;
}

/* The loop forgets its longest turn when a new time begins; turns keeps it. */
static void add_loop(struct worker *worker, bool is_live)
{
	struct snapshot *snapshot = worker->snapshot;
	struct weir_loop_stats *stats = &snapshot->loop;
	struct turns *turns = &worker->turns;
	uint64_t recent_ns;

	weir_loop_stats(worker->loop, stats);
	recent_ns = stats->longest_turn_ns;
	keep_longest(turns, stats);
	stats->longest_turn_ns = turns->longest_ns;
	stats->longest_turn_in = turns->longest_in;
	if (!is_live || !worker->settings->has_metrics)
		return;
	snapshot->recent_turn_ns =
		recent_ns > turns->untold_ns ? recent_ns : turns->untold_ns;
	turns->told_ns = recent_ns;
	turns->is_told = true;
}

/* Begin anew here, since a turn in which its time begins anew is not counted.
 * The turn that wrote the snapshot is told with the next one. */
void snapshot_between_turns(struct worker *worker)
{
	struct turns *turns = &worker->turns;
	struct weir_loop_stats stats;

	if (!turns->is_told)
		return;
	weir_loop_stats(worker->loop, &stats);
	keep_longest(turns, &stats);
	turns->untold_ns = stats.longest_turn_ns > turns->told_ns
				   ? stats.longest_turn_ns
				   : 0;
	turns->is_told = false;
	weir_loop_time_turns(worker->loop, true);
}

/* -- answering -- */

static void write_snapshot(struct worker *worker, bool is_live)
{
	struct snapshot *snapshot = worker->snapshot;
	struct walk walk = {.snapshot = snapshot,
			    .is_draining = server_phase(worker->server) >=
					   PHASE_DRAINING};

	snapshot->n_services = 0;
	memset(snapshot->n_by_size, 0, sizeof snapshot->n_by_size);
	for (size_t i = 0; i < worker->n_endpoints; i++)
		add_endpoint(&walk, &worker->endpoints[i]);
	for (size_t i = 0; i < walk.n_ranked; i++)
		describe(&walk, &snapshot->longest[i], walk.ranked[i].thing,
			 is_live);
	snapshot->n_longest = walk.n_ranked;
	if (worker->closes)
		snapshot->closes = *worker->closes;
	add_loop(worker, is_live);
}

void snapshot_answer(struct worker *worker)
{
	struct snapshot *snapshot = worker->snapshot;

	if (!atomic_load(&snapshot->is_wanted))
		return;
	write_snapshot(worker, atomic_exchange(&snapshot->is_live, false));
	atomic_store(&snapshot->is_wanted, false);
	weir_wakeup_send(&worker->server->workers[0].wakeup);
}

/* -- asking -- */

void snapshots_ask(struct server *server, bool is_live)
{
	for (size_t i = 0; i < server->n_workers; i++) {
		struct worker *worker = &server->workers[i];

		if (is_live)
			atomic_store(&worker->snapshot->is_live, true);
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
