/* It holds no lines itself: they wait in the ring, or at the server of NATS. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#include "worker.h"

struct bridge {
	struct nats nats;
	struct weir_wakeup wakeup;
	struct ring *ring;
	size_t number;
};

_Static_assert((int)NATS_MAX_PAYLOAD == (int)RING_MAX_MESSAGE,
	       "a line has room in both");

static struct bridge *bridge_of(struct nats *nats)
{
	return weir_container_of(nats, struct bridge, nats);
}

static bool publish(void *context, const void *line, size_t n)
{
	struct nats *nats = context;

	memcpy(nats_line(nats), line, n);
	return nats_publish(nats, n);
}

static size_t on_room(struct nats *nats)
{
	const struct bridge *bridge = bridge_of(nats);

	return ring_read(bridge->ring, bridge->number, publish, nats);
}

static bool on_line(struct nats *nats, const char *line, size_t n)
{
	struct bridge *bridge = bridge_of(nats);
	enum ring_outcome outcome;

	do {
		outcome = ring_write(bridge->ring, bridge->number, line, n);
		if (outcome == RING_BEHIND && on_room(nats) > 0)
			return false;
	} while (outcome == RING_BEHIND);
	return outcome == RING_WRITTEN;
}

static const struct nats_events events = {.on_room = on_room,
					  .on_line = on_line};

static void on_wakeup(struct weir_wakeup *wakeup)
{
	nats_go_on(&weir_container_of(wakeup, struct bridge, wakeup)->nats);
}

struct bridge *bridge_new(struct worker *worker, struct ring *ring,
			  size_t number, const char *subject)
{
	struct bridge *bridge = calloc(1, sizeof *bridge);

	if (!bridge)
		return NULL;
	bridge->ring = ring;
	bridge->number = number;
	if (weir_wakeup_open(&bridge->wakeup, worker->loop, on_wakeup) < 0 ||
	    nats_open(&bridge->nats, worker, subject, &events) < 0) {
		weir_wakeup_close(&bridge->wakeup);
		free(bridge);
		return NULL;
	}
	ring->readers[number].wakeup = &bridge->wakeup;
	return bridge;
}

void bridge_free(struct bridge *bridge)
{
	if (!bridge)
		return;
	nats_close(&bridge->nats);
	weir_wakeup_close(&bridge->wakeup);
	free(bridge);
}
