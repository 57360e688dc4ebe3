/* discard, RFC 863: what comes in is thrown away, until the peer's FIN. */
#include "server.h"

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

const struct service discard_service = {
	.name = "discard",
	.address = "127.0.0.1:7009",
	.events = {.on_data = on_data, .on_close = server_on_close},
};
