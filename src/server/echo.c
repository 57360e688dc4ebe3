/* echo, RFC 862: what comes in goes out again, until the peer's FIN, or one
 * datagram for each.
 *
 * A client that writes everything before it reads waits for ever once the
 * buffers between are full, and rightly so: nobody keeps its bytes for it.
 * --stall ends that. */
#include "server.h"

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

/* A part of a datagram would be no echo. Port 0 and a socket without a name
 * cannot be answered: then sending fails, and that is all. */
static void on_datagram(struct weir_dgram *d, const struct weir_address *from,
			const void *data, size_t n, size_t true_size)
{
	if (n == true_size)
		(void)weir_dgram_send(d, from, data, n);
}

const struct service echo_service = {
	.name = "echo",
	.address = "127.0.0.1:7007",
	.events = {.on_data = on_data, .on_close = server_on_close},
	.datagrams = {.on_datagram = on_datagram, .on_drain = server_on_drain},
};
