/* The giver on Weir: one sendall for each answer. */
#include <weir.h>

#include "giver.h"

static const struct weir_conn_limits limits = {.high = GIVE_MAX,
					       .max = 4 * GIVE_MAX};

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	size_t n_done = 0;

	while (n - n_done >= REQUEST_SIZE) {
		size_t n_wanted = wanted((const char *)data + n_done);

		if (weir_conn_sendall(c, gift, n_wanted) < 0)
			break;
		n_done += REQUEST_SIZE;
	}
	return n_done;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)result;
	free(c);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	struct weir_conn *c = calloc(1, sizeof *c);

	(void)peer;
	if (c && weir_conn_open(c, weir_listener_loop(listener), fd, &events,
				&limits) == 0)
		return;
	free(c);
	close(fd);
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_loop *loop;

	if (weir_loop_new(&loop) < 0 ||
	    weir_listener_adopt(&listener, loop,
				listen_on("weir", port_of(argc, argv)), NULL,
				on_accept) < 0)
		return 2;
	return weir_loop_run(loop);
}
