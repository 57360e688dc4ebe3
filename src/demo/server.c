#include "server.h"

#include "clock.h"

void server_queued(struct server *server, size_t n_bytes)
{
	uint64_t now_ns = clock_now();

	series_add(&server->queue, (double)(now_ns - server->start_ns),
		   (double)n_bytes);
	if (n_bytes > server->queue_peak)
		server->queue_peak = n_bytes;
}
