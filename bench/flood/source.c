/* Mode source: the target talks and we listen; a message is so many bytes. */
#include "load.h"
#include "peer.h"

/* chargen needs no word to begin. */
static void start(struct peer *peer)
{
	(void)peer;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct peer *peer = peer_of(c);
	struct load *load = peer->load;
	size_t n_messages;

	(void)data;
	if (load->phase != LOAD_MEASURING)
		return n;
	load->counters.n_bytes_in += n;
	peer->n_partial += n;
	n_messages = peer->n_partial / load->kit.size;
	peer->n_partial %= load->kit.size;
	peer->n_answered += n_messages;
	load->counters.n_answered += n_messages;
	if (load->counters.n_answered >= load->n_wanted) {
		load->is_sending = false;
		load_check_end(load);
	}
	return n;
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_end = peer_on_end, .on_close = peer_on_close};

const struct mode source_mode = {.events = &events, .start = start};
