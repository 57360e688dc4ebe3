/* /connections.json, and the data of each event of /events. */
#include "live.h"

#include <stdlib.h>

#include "json.h"

enum {
	N_LAST_CLOSES = 24
};

static const char *phase_name(enum phase phase)
{
	switch (phase) {
	case PHASE_SERVING:
		return "serving";
	case PHASE_GRACE:
		return "grace";
	case PHASE_REPLACED:
		return "replaced";
	case PHASE_DRAINING:
	case PHASE_ABORTING:
	case PHASE_OVER:
		break;
	}
	return "draining";
}

static const char *const state_names[N_STATES] = {
	[STATE_FLOWING] = "flowing",
	[STATE_THROTTLED] = "throttled",
	[STATE_STALLED] = "stalled",
	[STATE_DRAINING] = "draining"};

/* -- workers and services -- */

static void put_workers(struct json *json, struct server *server)
{
	json_array(json, "workers");
	for (size_t i = 0; i < server->n_workers; i++) {
		const struct snapshot *snapshot = server->workers[i].snapshot;
		const struct weir_loop_stats *loop = &snapshot->loop;

		json_object(json, NULL);
		json_count(json, "turns", loop->n_turns);
		json_count(json, "longest_turn_ns", loop->longest_turn_ns);
		json_string(json, "longest_turn_in",
			    weir_work_name(loop->longest_turn_in));
		json_count(json, "recent_turn_ns", snapshot->recent_turn_ns);
		json_count(json, "queue_memory", loop->n_queue_bytes);
		json_count(json, "budget", loop->budget_high);
		json_end(json);
	}
	json_end(json);
}

static void add_service(struct service_snapshot *sum,
			const struct service_snapshot *part)
{
	counters_add(&sum->counters, &part->counters);
	sum->n_open += part->n_open;
	sum->queued += part->queued;
}

static void put_service(struct json *json, const struct service_snapshot *sum)
{
	const struct counters *counters = &sum->counters;

	json_object(json, NULL);
	json_string(json, "service", sum->service->name);
	json_count(json, "connections", sum->n_open);
	json_count(json, "accepted", counters->n_accepted);
	json_count(json, "received", counters->received);
	json_count(json, "sent", counters->sent);
	json_count(json, "queued", sum->queued);
	json_count(json, "dropped", counters->dropped);
	json_count(json, "short_sends", counters->n_short_sends);
	json_count(json, "arms", counters->n_arms);
	json_count(json, "missed", counters->n_missed);
	json_end(json);
}

/* The services of the first worker are those of all. */
static void put_services(struct json *json, struct server *server)
{
	const struct snapshot *first = server->workers[0].snapshot;

	json_array(json, "services");
	for (size_t i = 0; i < first->n_services; i++) {
		struct service_snapshot sum = first->services[i];

		for (size_t j = 1; j < server->n_workers; j++) {
			const struct snapshot *other =
				server->workers[j].snapshot;

			for (size_t k = 0; k < other->n_services; k++)
				if (other->services[k].service == sum.service)
					add_service(&sum, &other->services[k]);
		}
		put_service(json, &sum);
	}
	json_end(json);
}

/* -- endpoints and their targets -- */

static void put_targets(struct json *json, const struct endpoint_config *config)
{
	json_array(json, "targets");
	for (size_t i = 0; i < config->n_targets; i++) {
		struct target *target = &config->targets[i];

		json_object(json, NULL);
		json_string(json, "target", target->text);
		json_bool(json, "up",
			  atomic_load(&target->left_out_until_ns) == 0);
		json_count(json, "failures", atomic_load(&target->n_failures));
		json_end(json);
	}
	json_end(json);
}

static void put_endpoint(struct json *json, const struct endpoint *endpoint)
{
	const struct weir_address *address =
		weir_listener_address(&endpoint->listener);
	char text[WEIR_ADDRESS_TEXT_SIZE];

	if (address->len == 0)
		address = weir_dgram_address(&endpoint->dgram);
	json_object(json, NULL);
	json_string(json, "service", endpoint->service->name);
	json_string(json, "address",
		    weir_address_format(address, text, sizeof text));
	json_bool(json, "open",
		  endpoint_is_listening(endpoint) ||
			  endpoint_takes_datagrams(endpoint));
	put_targets(json, endpoint->config);
	json_end(json);
}

static void put_endpoints(struct json *json, struct worker *first)
{
	json_array(json, "endpoints");
	for (size_t i = 0; i < first->n_endpoints; i++) {
		const struct endpoint *endpoint = &first->endpoints[i];

		/* others hold the connections to targets */
		if (endpoint->service == endpoint->config->service)
			put_endpoint(json, endpoint);
	}
	json_end(json);
}

/* -- connections -- */

static void put_sizes(struct json *json, struct server *server)
{
	json_array(json, "sizes");
	for (int size = 0; size < N_SIZES; size++) {
		json_object(json, NULL);
		if (size < N_SIZES - 1)
			json_count(json, "below",
				   size == 0 ? 1
					     : UINT64_C(1) << (8 + 2 * size));
		for (int state = 0; state < N_STATES; state++) {
			uint64_t n = 0;

			for (size_t i = 0; i < server->n_workers; i++)
				n += server->workers[i]
					     .snapshot->n_by_size[size][state];
			json_count(json, state_names[state], n);
		}
		json_end(json);
	}
	json_end(json);
}

static void put_progress(struct json *json,
			 const struct weir_progress *progress)
{
	json_count(json, "received", progress->received);
	json_count(json, "unread", progress->unread);
	json_count(json, "accepted", progress->accepted);
	json_count(json, "sent", progress->sent);
	json_count(json, "queued", progress->queued);
	json_count(json, "dropped", progress->dropped);
	json_count(json, "short_sends", progress->n_short_sends);
	json_count(json, "would_blocks", progress->n_would_blocks);
	json_count(json, "arms", progress->n_arms);
	json_count(json, "queue_peak", progress->queue_peak);
	json_count(json, "stalled_ns", progress->stalled_ns);
	json_count(json, "full_ns", progress->full_ns);
	json_count(json, "oldest_ns", progress->oldest_age_ns);
	if (progress->kernel_unsent >= 0)
		json_integer(json, "kernel_unsent", progress->kernel_unsent);
	if (progress->kernel_unacked >= 0)
		json_integer(json, "kernel_unacked", progress->kernel_unacked);
}

/* Peer and descriptor name it as long as it is open; several clients on Unix
 * sockets can be of one process. */
static void put_debtor(struct json *json, const struct debtor *debtor)
{
	json_object(json, NULL);
	json_string(json, "peer", debtor->peer);
	json_integer(json, "fd", debtor->fd);
	json_string(json, "service", debtor->service->name);
	json_string(json, "state", state_names[debtor->state]);
	json_count(json, "low", debtor->limits.low);
	json_count(json, "high", debtor->limits.high);
	json_count(json, "max", debtor->limits.max);
	put_progress(json, &debtor->progress);
	json_end(json);
}

static void put_connections(struct json *json, struct server *server)
{
	struct ranked ranked[N_LONGEST + 1];
	size_t n = snapshots_rank(server, ranked);

	json_array(json, "connections");
	for (size_t i = 0; i < n; i++)
		put_debtor(json, ranked[i].thing);
	json_end(json);
}

/* -- closed ones -- */

static size_t rank_closes(struct server *server, struct ranked ranked[])
{
	size_t n = 0;

	for (size_t i = 0; i < server->n_workers; i++) {
		struct closes *closes = &server->workers[i].snapshot->closes;

		for (int is_good = 0; is_good < 2; is_good++)
			for (size_t j = 0; j < closes_count(closes, is_good);
			     j++) {
				struct closed *closed =
					&closes->last[is_good][j];

				ranked_insert(ranked, &n, N_LAST_CLOSES,
					      (struct ranked){closed->when_ns,
							      closed});
			}
	}
	return n;
}

static void put_closes(struct json *json, struct server *server)
{
	struct ranked ranked[N_LAST_CLOSES + 1];
	size_t n = rank_closes(server, ranked);

	json_array(json, "closes");
	for (size_t i = 0; i < n; i++) {
		const struct closed *closed = ranked[i].thing;

		json_object(json, NULL);
		json_count(json, "when_ns", closed->when_ns);
		json_string(json, "peer", closed->peer);
		json_string(json, "service", closed->service->name);
		json_string(json, "reason",
			    weir_reason_name(closed->result.reason));
		put_progress(json, &closed->result.progress);
		json_end(json);
	}
	json_end(json);
}

char *live_new(struct server *server, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	struct worker *first = &server->workers[0];
	struct json json;
	int error;

	if (!out)
		return NULL;
	json_open_line(&json, out);
	json_object(&json, NULL);
	json_string(&json, "version", WEIR_VERSION);
	json_count(&json, "now_ns", weir_loop_now(first->loop));
	json_string(&json, "phase", phase_name(server_phase(server)));
	put_workers(&json, server);
	put_services(&json, server);
	put_endpoints(&json, first);
	put_sizes(&json, server);
	put_connections(&json, server);
	put_closes(&json, server);
	json_end(&json);
	error = json_close(&json);
	if (fclose(out) == 0 && error == 0)
		return text;
	free(text);
	return NULL;
}
