/* The lines of --trace:
 *
 *	trace 127.0.0.1:4242 sendall 65536: kernel took 20480
 *	trace 127.0.0.1:4242 queued 45056 (45056 in all)
 *	trace 127.0.0.1:4242 EPOLLOUT armed
 *	trace 127.0.0.1:4242 EPOLLOUT: 20480 moved, 24576 left
 *	trace 127.0.0.1:4242 EPOLLOUT: 24576 moved, 0 left
 *	trace 127.0.0.1:4242 drained, stalled 12.3 ms in all
 *	trace 127.0.0.1:4242 EPOLLOUT disarmed
 *
 * send would have stopped after the first line and left the rest to its caller;
 * the other lines are what sendall does about it. */
#include "trace.h"

#include "client.h"
#include "log.h"

#include <inttypes.h>

static struct worker *worker_of(struct weir_observer *o)
{
	return weir_container_of(o, struct worker, observer);
}

static void on_offer(struct weir_observer *o, struct weir_conn *c,
		     size_t offered, size_t taken)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s sendall %zu: kernel took %zu",
		  client_peer(c, peer), offered, taken);
}

static void on_queue(struct weir_observer *o, struct weir_conn *c, uint64_t n,
		     uint64_t n_queued)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s queued %" PRIu64 " (%" PRIu64 " in all)",
		  client_peer(c, peer), n, n_queued);
}

static void on_arm(struct weir_observer *o, struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s EPOLLOUT armed", client_peer(c, peer));
}

/* The stall check also tries to send, and may move nothing. */
static void on_move(struct weir_observer *o, struct weir_conn *c, size_t taken,
		    uint64_t n_queued)
{
	char peer[PEER_TEXT_SIZE];

	client_peer(c, peer);
	if (taken > 0)
		log_trace(worker_of(o),
			  "%s EPOLLOUT: %zu moved, %" PRIu64 " left", peer,
			  taken, n_queued);
	else
		log_trace(worker_of(o), "%s still full, %" PRIu64 " left", peer,
			  n_queued);
}

static void on_drain(struct weir_observer *o, struct weir_conn *c,
		     uint64_t stalled_ns)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s drained, stalled %.1f ms in all",
		  client_peer(c, peer), (double)stalled_ns / 1e6);
}

static void on_disarm(struct weir_observer *o, struct weir_conn *c)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s EPOLLOUT disarmed", client_peer(c, peer));
}

static void on_close(struct weir_observer *o, struct weir_conn *c,
		     const struct weir_result *result)
{
	char peer[PEER_TEXT_SIZE];

	log_trace(worker_of(o), "%s closed: %s", client_peer(c, peer),
		  weir_reason_name(result->reason));
}

void trace_start(struct worker *worker)
{
	worker->observer = (struct weir_observer){.on_offer = on_offer,
						  .on_queue = on_queue,
						  .on_arm = on_arm,
						  .on_move = on_move,
						  .on_drain = on_drain,
						  .on_disarm = on_disarm,
						  .on_close = on_close};
	weir_loop_observe(worker->loop, &worker->observer);
}
