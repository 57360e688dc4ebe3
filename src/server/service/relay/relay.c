/* relay: a pair of connections, to the client and to the target; what one
 * receives is sent to the other.
 *
 * A side whose output is above its high mark holds the reading of the other
 * side (by a link), but not its own. If it held its own, a client that sends
 * its whole request before it reads, and a target that answers before it has
 * read the request, would block each other, which they do not do without a
 * relay. So a pair costs at most two queues of --max, and as a rule of --high
 * and one read.
 *
 * A FIN is passed on after all data before it; the other direction stays open.
 * When both directions have ended the pair is finished. Any other end of one
 * side resets the other side: a FIN would make a part look like the whole. */
#include "relay.h"

#include "log.h"

static struct side *side_of(const struct weir_conn *c)
{
	return client_state(c);
}

/* That of the pair, of which c is one side and other the second. */
static struct front *front_of(struct weir_conn *c, struct weir_conn *other)
{
	return client_endpoint(c)->service == &relay_service
		       ? client_state(c)
		       : client_state(other);
}

static void await_other_end(struct front *front);

/* -- while both are open -- */

/* Data that the other has no room for is offered again when its link lets go.
 * If the other can send nothing more, its on_close follows and ends this side
 * too; until then the data counts as unread. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_link_pass(&side_of(c)->link, data, n);
}

/* All data has been passed on. There is a rest only if the other can send
 * nothing more; then the end cannot be passed on either. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct side *side = side_of(c);
	struct weir_conn *other = side->other;

	if (weir_conn_sendall(other, rest, n) < 0) {
		weir_conn_abort(c, true);
		return;
	}
	side->has_ended = true;
	weir_conn_shutdown(other);
	if (side_of(other)->has_ended) {
		weir_timer_cancel(&front_of(c, other)->timer);
		weir_conn_finish(c);
		weir_conn_finish(other);
	} else {
		await_other_end(front_of(c, other));
	}
}

/* A side is finished only when both have ended; then the other finishes by
 * itself. An idle pair owes nothing that could be lost, so an idle side
 * finishes the other. */
static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct weir_conn *other = side_of(c)->other;

	if (!other)
		return;
	side_of(other)->other = NULL;
	weir_timer_cancel(&front_of(c, other)->timer);
	if (result->reason == WEIR_REASON_FINISHED)
		return;
	if (result->reason == WEIR_REASON_IDLE)
		weir_conn_finish(other);
	else
		weir_conn_abort(other, true);
}

/* A pair continues until both sides have ended. */
static void on_drain(struct weir_conn *c)
{
	(void)c;
}

/* -- half-closed pairs (--half-close) -- */

/* All bytes that have moved in the direction that is still open. */
static uint64_t n_moved(const struct weir_conn *c)
{
	struct weir_progress progress;

	weir_conn_counters(c, &progress);
	return progress.received + progress.sent;
}

static uint64_t pair_moved(const struct front *front)
{
	return n_moved(front->client) + n_moved(front->side.other);
}

static void on_half_close(struct weir_timer *timer);

static void await_other_end(struct front *front)
{
	const struct endpoint *endpoint = client_endpoint(front->client);
	struct weir_loop *loop = endpoint->worker->loop;
	uint64_t ns = endpoint->config->settings.half_close_ns;

	if (ns == 0)
		return;
	front->n_moved = pair_moved(front);
	weir_timer_arm(&front->timer, loop, weir_loop_now(loop) + ns,
		       on_half_close);
}

/* What is queued still leaves, or stalls. */
static void on_half_close(struct weir_timer *timer)
{
	struct front *front = weir_container_of(timer, struct front, timer);
	struct endpoint *endpoint = client_endpoint(front->client);
	char peer[PEER_TEXT_SIZE];

	if (pair_moved(front) != front->n_moved) {
		await_other_end(front);
		return;
	}
	log_limited(endpoint->worker, &endpoint->lines.half_closed,
		    "%s %s: half-closed for too long", endpoint->service->name,
		    client_peer(front->client, peer));
	weir_conn_finish(front->side.other);
	weir_conn_finish(front->client);
}

/* -- beginning and ending -- */

void relay_join(struct weir_conn *client, struct weir_conn *target)
{
	struct side *client_side = side_of(client);
	struct side *target_side = side_of(target);

	client_side->other = target;
	target_side->other = client;
	weir_link_open(&client_side->link, client, target);
	weir_link_open(&target_side->link, target, client);
	weir_conn_resume(client);
}

/* Until the target is connected the client is not read: what it sends, and its
 * FIN, wait in the kernel. */
static void on_open(struct endpoint *endpoint, struct weir_conn *c)
{
	struct front *front = client_state(c);

	(void)endpoint;
	front->client = c;
	weir_conn_pause(c);
	relay_connect(front);
}

static void on_client_close(struct weir_conn *c,
			    const struct weir_result *result)
{
	struct front *front = client_state(c);

	relay_connect_end(front);
	weir_timer_cancel(&front->timer);
	on_close(c, result);
}

static const struct service target_service = {
	.name = "relay-target",
	.owes_input = true,
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = client_on_close},
	.state_size = sizeof(struct side),
	.on_close = on_close,
	.on_drain = on_drain,
};

const struct service relay_service = {
	.name = "relay",
	.takes_target = true,
	.owes_input = true,
	.flags = WEIR_CONN_NO_THROTTLE,
	.events = {.on_data = on_data,
		   .on_end = on_end,
		   .on_close = client_on_close},
	.target = &target_service,
	.state_size = sizeof(struct front),
	.on_open = on_open,
	.on_close = on_client_close,
	.on_drain = on_drain,
};
