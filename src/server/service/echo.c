/* echo, RFC 862: sends back what it receives until the peer's FIN, and each
 * datagram.
 *
 * A client that writes everything before it reads blocks once the buffers in
 * between are full: the server does not store its bytes without limit. --stall
 * ends that. */
#include "client.h"
#include "datagrams.h"

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

/* A truncated datagram is not answered. Nor is one from port 0 or from a socket
 * without a name: sending to it fails, and the failure is counted. */
static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	if (in->n == in->true_size && datagrams_may_answer(d, in))
		(void)weir_dgram_reply(d, in, in->data, in->n);
}

const struct service echo_service = {
	.name = "echo",
	.address = "127.0.0.1:7007",
	.events = {.on_data = on_data, .on_close = client_on_close},
	.datagrams = {.on_datagram = on_datagram,
		      .on_drain = datagrams_on_drain},
};
