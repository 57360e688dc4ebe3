/* Mode sink: we talk and the target listens.
 *
 * In a closed loop each connection keeps the kernel full; a message has arrived
 * for us when the kernel took it, since there is no answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "load.h"
#include "peer.h"
#include "record.h"

enum {
	/* what one send offers at least */
	BLOCK_SIZE = 262144
};

/* Messages one behind the other, so that a send can begin anywhere in the
 * first. */
struct block {
	size_t n_bytes;
	unsigned char bytes[];
};

static int open_block(struct load *load)
{
	size_t size = load->kit.size;
	size_t n = BLOCK_SIZE / size + 2;
	struct block *block = malloc(sizeof *block + n * size);

	if (!block)
		return -ENOMEM;
	block->n_bytes = n * size;
	for (size_t i = 0; i < n; i++)
		memcpy(block->bytes + i * size, load->kit.text, size);
	load->own = block;
	return 0;
}

static void close_block(struct load *load)
{
	free(load->own);
}

static void count_taken(struct peer *peer, size_t n_bytes)
{
	struct load *load = peer->load;
	size_t n_messages;

	peer->n_partial += n_bytes;
	n_messages = peer->n_partial / load->kit.size;
	peer->n_partial %= load->kit.size;
	if (load->phase != LOAD_MEASURING)
		return;
	load->counters.n_bytes_out += n_bytes;
	peer->n_answered += n_messages;
	load->counters.n_answered += n_messages;
	if (load->counters.n_answered >= load->n_wanted) {
		load->is_sending = false;
		load_check_end(load);
	}
}

/* One piece, and then it is the others' turn. */
static void pour(struct weir_conn *c)
{
	struct peer *peer = peer_of(c);
	const struct load *load = peer->load;
	const struct block *block = load->own;
	uint64_t n_left = load->n_wanted - load->counters.n_answered;
	size_t n_bytes = block->n_bytes;
	ssize_t n;

	if (!load->is_sending || load->is_open_loop)
		return;
	if (n_left < n_bytes / load->kit.size)
		n_bytes = (size_t)n_left * load->kit.size;
	n = weir_conn_send(c, block->bytes + peer->n_partial,
			   n_bytes - peer->n_partial);
	if (n < 0)
		return; /* on_close follows */
	count_taken(peer, (size_t)n);
	weir_conn_send(c, NULL, 0);
}

static void start(struct peer *peer)
{
	pour(&peer->conn);
}

static void send_one(struct peer *peer, uint64_t intended_ns)
{
	struct load *load = peer->load;
	struct stamp stamp;

	record_stamp(load, &stamp, intended_ns, clock_now());
	stamp.n_left = 0;
	record_sent(load, &stamp, load->kit.size);
	if (peer_send(peer, load->kit.text, load->kit.size) &&
	    intended_ns >= load->start_ns) {
		peer->n_answered++;
		load->counters.n_answered++;
	}
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)data;
	record_received(peer_of(c)->load, n, clock_now());
	return n;
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_end = peer_on_end,
					       .on_writable = pour,
					       .on_close = peer_on_close};

const struct mode sink_mode = {.events = &events,
			       .start = start,
			       .send = send_one,
			       .open = open_block,
			       .close = close_block,
			       .is_ended_by_fin = true};
