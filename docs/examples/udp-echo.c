/* A datagram echo service.
 *
 *	udp-echo ADDRESS	udp:127.0.0.1:7007, or unixgram:/tmp/echo
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "udp-echo: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	/* A part of a datagram would not be an echo. An answer that cannot be
	 * sent is dropped and counted: datagrams promise nothing, and the
	 * client asks again. */
	if (in->n == in->true_size)
		weir_dgram_reply(d, in, in->data, in->n);
}

static const struct weir_dgram_events events = {.on_datagram = on_datagram};

/* Whoever asks again no longer waits for the oldest answer. */
static const struct weir_dgram_options options = {
	.policy = WEIR_DGRAM_DROP_OLDEST};

static void on_term(struct weir_signal *signal)
{
	weir_loop_stop(weir_signal_loop(signal));
}

int main(int argc, char **argv)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_dgram_stats stats;
	struct weir_signal term = {0};
	struct weir_dgram dgram = {0};
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 2) {
		fprintf(stderr, "usage: udp-echo ADDRESS\n");
		return 2;
	}
	check(weir_loop_new(&loop), "loop");
	check(weir_signal_open(&term, loop, SIGTERM, on_term), "SIGTERM");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_dgram_bind(&dgram, loop, &address, &events, &options),
	      argv[1]);
	weir_address_format(weir_dgram_address(&dgram), text, sizeof text);
	printf("listening on %s\n", text);
	fflush(stdout);
	check(weir_loop_run(loop), "loop");

	weir_dgram_close(&dgram); /* what is still queued counts as dropped */
	weir_signal_close(&term);
	weir_dgram_stats(&dgram, &stats);
	printf("%ju received, %ju sent, %ju dropped\n",
	       (uintmax_t)stats.n_received, (uintmax_t)stats.n_sent,
	       (uintmax_t)stats.n_dropped);
	return weir_loop_free(loop) < 0;
}
