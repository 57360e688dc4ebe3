/* echo, RFC 862: what comes in goes out again, until the peer's FIN.
 *
 * A client that writes everything before it reads waits for ever once the
 * buffers between are full, and rightly so: nobody keeps its bytes for it.
 * --stall ends that. */
#include "server.h"

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

const struct service echo_service = {
	.name = "echo",
	.address = "127.0.0.1:7007",
	.events = {.on_data = on_data, .on_close = server_on_close},
};
