/* discard, RFC 863: discards what it receives until the peer's FIN, and every
 * datagram. */
#include "client.h"

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	(void)d;
	(void)in;
}

const struct service discard_service = {
	.name = "discard",
	.address = "127.0.0.1:7009",
	.events = {.on_data = on_data, .on_close = client_on_close},
	.datagrams = {.on_datagram = on_datagram},
};
