/* The end of a client: what is counted, what is lost, and the line that the log
 * gets. */
#include "client.h"

#include "admission.h"
#include "closes.h"
#include "log.h"

/* A peer that leaves in the middle of an endless stream has lost nothing. */
static bool is_worth_a_line(const struct service *service,
			    enum weir_reason reason)
{
	if (reason == WEIR_REASON_FINISHED)
		return false;
	return !service->is_endless || (reason != WEIR_REASON_RESET &&
					reason != WEIR_REASON_PEER_CLOSED);
}

/* Load balancers connect, to see that the server listens, and go in whatever
 * way. The budget can end a connection before its first byte, too. */
static bool is_health_check(const struct weir_result *result)
{
	return result->reason != WEIR_REASON_BUDGET &&
	       result->progress.received == 0 && result->progress.accepted == 0;
}

/* What was queued when the connection ended; not what --slow had dropped long
 * before. */
static uint64_t unsent_bytes(const struct weir_conn *c,
			     const struct weir_result *result)
{
	const struct service *service = client_endpoint(c)->service;
	uint64_t n = result->progress.dropped;

	return service->n_trimmed ? n - service->n_trimmed(c) : n;
}

/* What our reset cost: the bytes that were queued, those that the kernel held,
 * and those that were to be passed on. */
static uint64_t lost_bytes(const struct weir_conn *c,
			   const struct weir_result *result)
{
	const struct weir_progress *progress = &result->progress;
	uint64_t n = unsent_bytes(c, result);

	if (progress->kernel_unacked > 0)
		n += (uint64_t)progress->kernel_unacked;
	return client_endpoint(c)->service->owes_input ? n + progress->unread
						       : n;
}

/* Only the end of the drain resets connections for the server's sake. Before
 * it a peer's reset or a limit ends them, and a relay's other side with it. */
static void count_loss(struct worker *worker, const struct weir_conn *c,
		       const struct weir_result *result)
{
	uint64_t n;

	if (server_phase(worker->server) != PHASE_ABORTING ||
	    client_endpoint(c)->service->is_private ||
	    result->reason != WEIR_REASON_ABORTED)
		return;
	n = lost_bytes(c, result);
	worker->n_lost += n > 0;
	worker->lost += n;
}

static void release(struct endpoint *endpoint, const struct weir_conn *c)
{
	struct weir_address peer;

	client_address(c, &peer);
	admission_release_source(endpoint, &peer);
	admission_release(endpoint);
}

void client_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct endpoint *endpoint = client_endpoint(c);
	struct worker *worker = endpoint->worker;
	char peer[PEER_TEXT_SIZE];

	endpoint->counters.n_closed[result->reason]++;
	counters_add_progress(&endpoint->counters, &result->progress);
	/* before the line: its reader may tell us to stop */
	count_loss(worker, c, result);
	if (worker->closes && !endpoint->service->is_private &&
	    !is_health_check(result))
		closes_add(worker->closes, c, result,
			   weir_loop_now(worker->loop));
	if (is_worth_a_line(endpoint->service, result->reason) &&
	    !is_health_check(result))
		log_limited(worker, &endpoint->lines.closed[result->reason],
			    "%s %s: %s, %llu bytes unsent, %llu unread",
			    endpoint->service->name, client_peer(c, peer),
			    weir_reason_name(result->reason),
			    (unsigned long long)unsent_bytes(c, result),
			    (unsigned long long)result->progress.unread);
	if (endpoint->service->on_close)
		endpoint->service->on_close(c, result);
	if (endpoint->service == endpoint->config->service)
		release(endpoint, c);
	client_free(c);
	descriptors_release(worker);
	/* worker_run checks whether it was the last one */
	if (server_phase(worker->server) >= PHASE_DRAINING)
		weir_loop_stop(worker->loop);
}
